#!lua
-- cache_set: keep a text under a key of a cache. What is over its time goes first, then what ends soonest.
-- KEYS: the cache's tag. ARGV: clock, key, text, time to live, most keys, most bytes, bytes of an entry besides its texts.
--@include base kept
local key, text, entry_bytes = ARGV[2], ARGV[3], tonumber(ARGV[7])
local most_keys, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local bytes = 2 * #key + #text + entry_bytes
drop(key, entry_bytes)
for _, old in ipairs(call('ZRANGEBYSCORE', ENDS, '-inf', now_text, 'LIMIT', 0, 100)) do drop(old, entry_bytes) end
-- Each step drops one; an entry is far smaller than what all may take, so there is room before the cache is empty.
while call('ZCARD', ENDS) >= most_keys or tonumber(call('HGET', VALUES, 'bytes') or 0) + bytes > most_bytes do
  local soonest = call('ZRANGE', ENDS, 0, 0)[1]
  if not soonest then return end
  drop(soonest, entry_bytes)
end
local ends = string.format('%.0f', now + tonumber(ARGV[4]))
call('HSET', VALUES, 'k' .. key, ends .. ' ' .. text)
call('ZADD', ENDS, ends, key)
call('HINCRBY', VALUES, 'bytes', bytes)
local last = call('ZRANGE', ENDS, -1, -1, 'WITHSCORES')[2]
last = string.format('%.0f', last)
call('PEXPIREAT', VALUES, last)
call('PEXPIREAT', ENDS, last)
