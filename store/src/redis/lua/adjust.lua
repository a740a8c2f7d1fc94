#!lua flags=allow-oom
-- adjust: shut, open or empty one bucket of a rate limit, and look again at those who wait at it.
-- KEYS: the tag. ARGV: clock, integration, bucket's name, 'p' pause, 'o' resume, 'h' hold or 'r' reset, until when, the most
--   buckets that may be shut. Answers: 1, or 0 if too many are.
--@include base turns blob job lanes pending rate shared limits
local integration, name, word = ARGV[2], ARGV[3], ARGV[4]
local bucket = integration .. name
local field = own_name(bucket)
local before = call('HGET', HOLDS, field)
local paused = before and byte(before) == 112 or false
local held = before and tonumber(paused and sub(before, 2) or before) or 0
if word == 'p' then paused = true end
if word == 'o' then paused = false end
if word == 'h' then held = math.max(held, tonumber(ARGV[5])) end
if word == 'r' then
  held = 0
  call('DEL', state_key(bucket))
end
if not paused and held == 0 then
  if before then call('HDEL', HOLDS, field) end
else
  if not before and call('HLEN', HOLDS) >= tonumber(ARGV[6]) then return 0 end
  call('HSET', HOLDS, field, (paused and 'p' or '') .. string.format('%.0f', held))
end

-- Open, also to a clock that is set back.
local function look_again(gate)
  if call('EXISTS', P .. ':h:' .. gate) == 1 then
    call('ZADD', GATES, 0, gate)
    if not is_held(sub(gate, 1, 16)) then wake(now) end
  end
end

if field == bucket then
  look_again(bucket)
else
  for _, gate in ipairs(call('ZRANGE', GATES, 0, -1)) do
    if sub(gate, 17) == field then look_again(gate) end
  end
end
wake_sleepers()
return 1
