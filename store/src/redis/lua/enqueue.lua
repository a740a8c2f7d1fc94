#!lua
-- enqueue: put jobs in, honouring keys and idempotency keys. Refused as a whole when memory is short.
-- KEYS: the tag. ARGV: clock, most jobs of the partition, then the jobs (together.lua).
-- Answers: insert.lua's, or the error FULL.
--@include base turns together
if call('HLEN', JOBS) + tonumber(ARGV[3]) > tonumber(ARGV[2]) then return redis.error_reply('FULL') end
insert_groups(3)
if #others == 0 and not next(not_placed) then
  wake_sleepers()
  return {}
end
--@include blob job lanes pending insert
local answers = insert_others({})
settle_places()
return answers
