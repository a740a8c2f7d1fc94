#!lua flags=no-writes,allow-oom
-- levels: what is known of the buckets of a rule, some of it at a time.
-- KEYS: the tag. ARGV: clock, integration, rule's name, then 's' and a cursor of SCAN for states; or 'o' for all else; or
--   'n' and a bucket's name, for one bucket.
-- Answers: to 's' the cursor, the time, and of each bucket: name, state as text or as a list. To 'o', of each: name, 'h' what
--   shuts it, or 'w' how many wait at it, or 'f' how many it refused today. To 'n': the time, state or '', what shuts it or '',
--   how many wait, how many were refused.
--@include base turns blob job lanes pending rate shared limits
local integration, name, word = ARGV[2], ARGV[3], ARGV[4]
local first = own_name(integration .. name)
local is_shared = byte(name) == 64
local refusals = refusals_key(integration, name)

local function state_of(key)
  local kind = call('TYPE', key).ok
  if kind == 'list' then return call('LRANGE', key, 0, -1) end
  return call('GET', key) or ''
end

-- Calls with the name and the length of each line at a bucket whose name begins so.
local function each_line(begins, each)
  local gates = is_shared and call('ZRANGE', GATES, 0, -1) or call('SMEMBERS', P .. ':G:' .. integration)
  for _, gate in ipairs(gates) do
    if sub(gate, 17, 16 + #begins) == begins then
      local count = call('ZCARD', P .. ':h:' .. gate)
      if count > 0 then each(sub(gate, 17), count) end
    end
  end
end

if word == 'n' then
  local bucket = integration .. ARGV[5]
  local waiting = 0
  each_line(ARGV[5], function(found, count) if found == ARGV[5] then waiting = waiting + count end end)
  return { now_text, state_of(state_key(bucket)), call('HGET', HOLDS, own_name(bucket)) or '', waiting,
    tonumber(call('HGET', refusals, ARGV[5]) or 0) }
end
if word == 's' then
  local prefix = P .. ':b:' .. first
  local literal = string.gsub(prefix, '[%*%?%[%]\\]', '\\%0')
  local scanned = call('SCAN', ARGV[5], 'MATCH', literal .. '{*', 'COUNT', 500)
  local out = { scanned[1], now_text }
  for _, key in ipairs(scanned[2]) do
    local n = #out
    out[n + 1], out[n + 2] = name .. sub(key, #prefix + 1), state_of(key)
  end
  return out
end
local out = {}
local function add(found, kind, value)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3] = found, kind, value
end
local holds = call('HGETALL', HOLDS)
for i = 1, #holds, 2 do
  if sub(holds[i], 1, #first + 1) == first .. '{' then add(name .. sub(holds[i], #first + 1), 'h', holds[i + 1]) end
end
local counts = call('HGETALL', refusals)
for i = 1, #counts, 2 do
  if sub(counts[i], 1, #name + 1) == name .. '{' then add(counts[i], 'f', counts[i + 1]) end
end
each_line(name .. '{', function(found, count) add(found, 'w', tostring(count)) end)
return out
