#!lua flags=no-writes,allow-oom
-- survey: how much the partition holds, and what changes when it is used.
-- KEYS: the tag. ARGV: clock, cursor of SCAN ('0' at first), '1' in the partition that counts what all partitions have.
-- Answers: cursor, buckets seen by this step of SCAN, the time, jobs, leases that last, when the last of them ends (-1:
--   none), leases that have ended, idempotency keys, controls, cursors, records of ticks, shut buckets, the last number of
--   arrival and the last turn.
--@include base
local seen = call('SCAN', ARGV[2], 'MATCH', P .. ':b:*', 'COUNT', 2000)
local last = call('ZRANGE', LEASES, '(inf', '(' .. now_text, 'BYSCORE', 'REV', 'LIMIT', 0, 1, 'WITHSCORES')
local holds = 0
for _, bucket in ipairs(call('HKEYS', HOLDS)) do
  if byte(bucket) ~= 64 or ARGV[3] == '1' then holds = holds + 1 end
end
return {
  seen[1], #seen[2], now_text, call('HLEN', JOBS), call('ZCOUNT', LEASES, '(' .. now_text, '(inf'), last[2] or '-1',
  call('ZCOUNT', LEASES, '-inf', now_text), call('ZCARD', P .. ':e'), call('HLEN', CONTROLS), call('HLEN', P .. ':u'),
  call('HLEN', P .. ':y'), holds,
  (call('GET', P .. ':s') or '0') .. '/' .. (call('GET', P .. ':o') or '0'),
}
