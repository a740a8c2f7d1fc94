#!lua flags=no-writes,allow-oom
-- sets: where jobs are: the names of the sorted sets, with how many each holds.
-- KEYS: the tag. ARGV: clock, integration or '' for all, states ('p', 'r', 'd' in any number).
-- Answers: for each set: state, name, how many, and how many of its first bytes to skip before the id.
--@include base turns blob job lanes pending
local out = {}
local function add(state, set, skip)
  local n = #out
  out[n + 1], out[n + 2], out[n + 3], out[n + 4] = state, set, call('ZCARD', set), skip
end

if find(ARGV[3], 'p', 1, true) then
  if ARGV[2] ~= '' then
    for _, set in ipairs(pending_sets(ARGV[2])) do add('p', set, 6) end
  else
    local masks = call('HGETALL', MASKS)
    for i = 1, #masks, 2 do
      if byte(masks[i]) ~= 64 or #masks[i] ~= 17 then
        for priority = 0, 9 do
          if has(tonumber(masks[i + 1]), 2 ^ priority) then add('p', P .. ':q' .. priority .. ':' .. masks[i], 6) end
        end
      end
    end
    for _, bucket in ipairs(call('ZRANGE', GATES, 0, -1)) do add('p', P .. ':h:' .. bucket, 6) end
  end
end
if find(ARGV[3], 'r', 1, true) then add('r', LEASES, 0) end
if find(ARGV[3], 'd', 1, true) then
  local dead = ARGV[2] ~= '' and { ARGV[2] } or call('SMEMBERS', P .. ':D')
  for _, integration in ipairs(dead) do add('d', P .. ':d:' .. integration, 5) end
end
return out
