#!lua flags=allow-oom
-- extend: make leases last from now.
-- KEYS: the tag. ARGV: clock, lease_ms, leases. Answers: those that are not held any more.
--@include base
local ends, lost = {}, {}
local end_text = string.format('%.0f', now + tonumber(ARGV[2]))
for i, score in ipairs(call('ZMSCORE', LEASES, unpack(ARGV, 3))) do
  if score then
    ends[#ends + 1], ends[#ends + 2] = end_text, ARGV[i + 2]
  else
    lost[#lost + 1] = ARGV[i + 2]
  end
end
call_many('ZADD', LEASES, ends)
return lost
