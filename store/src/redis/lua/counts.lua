#!lua flags=no-writes,allow-oom
-- counts: how many jobs of each integration are where.
-- KEYS: the tag. ARGV: clock. Answers: for each set: integration, 'p' or 'l' (in line) or 'd' or 'r', how many, of
--   them due, first due.
--@include base blob job
local out = {}
local function add(integration, state, count, due, first)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = integration, state, count, due, first
end

local function add_pending(integration, set, state)
  local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
  if not first[1] then return end
  add(integration, state, call('ZCARD', set), call('ZCOUNT', set, '-inf', now_text), first[2])
end

local masks = call('HGETALL', MASKS)
for i = 1, #masks, 2 do
  if byte(masks[i]) ~= 64 or #masks[i] ~= 17 then
    for priority = 0, 9 do
      if has(tonumber(masks[i + 1]), 2 ^ priority) then
        add_pending(sub(masks[i], 1, 16), P .. ':q' .. priority .. ':' .. masks[i], 'p')
      end
    end
  end
end
for _, bucket in ipairs(call('ZRANGE', GATES, 0, -1)) do add_pending(sub(bucket, 1, 16), P .. ':h:' .. bucket, 'l') end
local running = {}
for _, lease in ipairs(call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE')) do
  local integration = sub(call('HGET', JOBS, sub(lease, 1, 16)), 16, 31)
  running[integration] = (running[integration] or 0) + 1
end
for integration, count in pairs(running) do add(integration, 'r', count, 0, '0') end
for _, integration in ipairs(call('SMEMBERS', P .. ':D')) do
  add(integration, 'd', call('ZCARD', P .. ':d:' .. integration), 0, '0')
end
return out
