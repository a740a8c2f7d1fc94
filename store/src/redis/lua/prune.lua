#!lua flags=allow-oom
-- prune: forget dead jobs and idempotency keys that are over their age or number, and what shut buckets.
-- Buckets, and counts of refusals, end by themselves.
-- KEYS: the tag. ARGV: clock, time before which a dead job died, how many of one integration stay, most rows of all.
-- Answers: how many dead jobs, how many idempotency keys.
--@include base
local before, keep, left = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local dead, keys = 0, 0

local function bury(integration, members)
  for _, member in ipairs(members) do
    local id = sub(member, 6)
    call('ZREM', P .. ':d:' .. integration, member)
    call('HDEL', JOBS, id)
    call('HDEL', ERRORS, id)
  end
  if call('EXISTS', P .. ':d:' .. integration) == 0 then call('SREM', P .. ':D', integration) end
  dead, left = dead + #members, left - #members
end

for _, integration in ipairs(call('SMEMBERS', P .. ':D')) do
  if left <= 0 then break end
  bury(integration, call('ZRANGE', P .. ':d:' .. integration, '-inf', '(' .. before, 'BYSCORE', 'LIMIT', 0, left))
end
for _, integration in ipairs(call('SMEMBERS', P .. ':D')) do
  local surplus = math.min(call('ZCARD', P .. ':d:' .. integration) - keep, left)
  if surplus > 0 then bury(integration, call('ZRANGE', P .. ':d:' .. integration, 0, surplus - 1)) end
end
if left > 0 then
  for _, member in ipairs(call('ZRANGE', P .. ':e', '-inf', '(' .. now_text, 'BYSCORE', 'LIMIT', 0, left)) do
    call('ZREM', P .. ':e', member)
    call('HDEL', P .. ':i:' .. sub(member, 1, 16), sub(member, 17))
    keys = keys + 1
  end
end
if left > 0 then
  local holds = call('HGETALL', HOLDS)
  for i = 1, #holds, 2 do
    if byte(holds[i + 1]) ~= 112 and tonumber(holds[i + 1]) <= now then call('HDEL', HOLDS, holds[i]) end
  end
end
return { dead, keys }
