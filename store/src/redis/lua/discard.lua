#!lua flags=allow-oom
-- discard: forget dead jobs.
-- KEYS: the tag. ARGV: clock, ids. Answers: how many there were.
--@include base turns blob job lanes pending
local gone = 0
for i = 2, #ARGV do
  local blob = call('HGET', JOBS, ARGV[i])
  if blob and forget_dead(ARGV[i], split(blob)) then
    call('HDEL', JOBS, ARGV[i])
    call('HDEL', ERRORS, ARGV[i])
    gone = gone + 1
  end
end
return gone
