#!lua flags=allow-oom
-- purge: forget everything of an integration, some of it at a time.
-- KEYS: the tag. ARGV: clock, integration, cursor of the last answer ('0' at first).
-- Answers: 1 if there is more to do, 0 if not; and the cursor.
--@include base turns blob job lanes pending
local MOST = 500
local integration = ARGV[2]
local function nothing() end

call('HDEL', CONTROLS, integration)
controls[integration] = false
take_out_running(integration, nil, function() return true end, nothing)
take_out_pending(integration, MOST, nothing)
local more = #pending_sets(integration) > 0
local dead = P .. ':d:' .. integration
for _, member in ipairs(call('ZRANGE', dead, 0, MOST - 1)) do
  local id = sub(member, 6)
  call('ZREM', dead, member)
  call('HDEL', JOBS, id)
  call('HDEL', ERRORS, id)
end
if call('EXISTS', dead) == 0 then call('SREM', P .. ':D', integration) else more = true end
local answers = P .. ':i:' .. integration
local some = call('HSCAN', answers, 0, 'COUNT', MOST)[2]
for i = 1, #some, 2 do
  call('HDEL', answers, some[i])
  call('ZREM', P .. ':e', integration .. some[i])
end
if call('EXISTS', answers) == 1 then more = true end
for _, hash in ipairs(ARGV[3] == '0' and { P .. ':u', P .. ':y' } or {}) do
  for _, name in ipairs(call('HKEYS', hash)) do
    if sub(name, 1, 16) == integration then call('HDEL', hash, name) end
  end
end
call('HDEL', TICKS, integration)
call('HDEL', P .. ':T', integration)
call('DEL', P .. ':F:' .. string.format('%.0f', floor(now / 86400000)) .. ':' .. integration)
for _, bucket in ipairs(call('SMEMBERS', CHARGED_LINES)) do
  if sub(bucket, 1, 16) == integration then call('SREM', CHARGED_LINES, bucket) end
end
for _, bucket in ipairs(call('HKEYS', HOLDS)) do
  if sub(bucket, 1, 16) == integration then call('HDEL', HOLDS, bucket) end
end
for _, name in ipairs(call('HKEYS', RUNNING)) do
  if sub(name, 1, 16) == integration then call('HDEL', RUNNING, name) end
end
touch(integration, '')
settle_places()
local literal = string.gsub(P .. ':b:' .. integration, '[%*%?%[%]\\]', '\\%0')
local scanned = call('SCAN', ARGV[3], 'MATCH', literal .. '*', 'COUNT', 2000)
if #scanned[2] > 0 then call('DEL', unpack(scanned[2])) end
return { (more or scanned[1] ~= '0') and 1 or 0, scanned[1] }
