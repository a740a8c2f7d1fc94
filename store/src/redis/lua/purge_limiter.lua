#!lua flags=allow-oom
-- purge_limiter: forget the buckets of a limiter, some of them at a time.
-- KEYS: the tag. ARGV: clock, what the names of its buckets begin with, cursor of the last answer ('0' at first).
-- Answers: the cursor, '0' at the end.
--@include base
local owner = ARGV[2]
for _, bucket in ipairs(call('HKEYS', HOLDS)) do
  if sub(bucket, 1, #owner) == owner then call('HDEL', HOLDS, bucket) end
end
-- Allowances, and who asked for some, end by themselves.
call('DEL', P .. ':F:' .. string.format('%.0f', floor(now / 86400000)) .. ':' .. owner)
local scanned = call('SCAN', ARGV[3], 'MATCH', P .. ':b:' .. owner .. '*', 'COUNT', 2000)
if #scanned[2] > 0 then call('DEL', unpack(scanned[2])) end
return scanned[1]
