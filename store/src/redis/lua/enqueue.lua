#!lua
-- enqueue: put jobs in, honouring keys and idempotency keys. Refused as a whole when memory is short.
-- KEYS: the tag. ARGV: clock, most jobs of the partition, then the jobs (insert.lua).
-- Answers: insert.lua's, or the error FULL.
--@include base blob lanes pending insert
if call('HLEN', JOBS) + tonumber(ARGV[3]) > tonumber(ARGV[2]) then return redis.error_reply('FULL') end
local answers = insert(3, {})
settle_places()
return answers
