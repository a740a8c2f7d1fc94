#!lua
-- reschedule: give pending jobs another due time.
-- KEYS: the tag. ARGV: clock, then for each: id, due, end of its opening or '', body that it has or '', body to give it.
-- Answers: for each 1, or 0 if it is not pending, or 2 if its body is another one: read it again.
--@include base turns blob job lanes pending
local answers = {}
for at = 2, #ARGV, 5 do
  local id, closes, answer = ARGV[at], ARGV[at + 2], 0
  local blob = call('HGET', JOBS, id)
  local job = blob and split(blob)
  if job and ARGV[at + 3] ~= '' and job.body ~= ARGV[at + 3] then
    answer = 2
  elseif job and unpend(id, job) then
    job.due = tonumber(ARGV[at + 1])
    job.closes = closes ~= '' and number6(tonumber(closes)) or nil
    if ARGV[at + 3] ~= '' then job.body = ARGV[at + 4] end
    wait_in_lane(id, job)
    answer = 1
  end
  answers[#answers + 1] = answer
end
settle_places()
return answers
