#!lua flags=allow-oom
-- credit: units of a limiter's bucket have come from its home; those in line for them may go.
-- KEYS: the tag. ARGV: clock, bucket's name, how many, until when they are good, in how many milliseconds its home has more (0:
--   at once), gates. Answers: OK.
--@include base turns blob job lanes pending rate shared limits
local bucket, units, good, wait = string.rep('\0', 16) .. ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local left, _, good_before = allowance_of(bucket)
if left > 0 then good = math.min(good, good_before) end
local full = wait > 0 and now + wait or 0
set_allowance(bucket, left + units, good, full)
for i = 6, #ARGV do
  local gate = ARGV[i]
  -- Also when there are none: those of a rule that refuses are to be told.
  if call('EXISTS', P .. ':h:' .. gate) == 1 then call('ZADD', GATES, 0, gate) end
end
return redis.status_reply('OK')
