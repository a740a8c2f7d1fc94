#!lua flags=allow-oom
-- control: set what holds an integration's jobs back.
-- KEYS: the tag. ARGV: clock, integration, control (msgpack) or '' for nothing. Answers: OK.
--@include base turns blob job lanes
local integration = ARGV[2]
if ARGV[3] == '' then call('HDEL', CONTROLS, integration) else call('HSET', CONTROLS, integration, ARGV[3]) end
local control = control_of(integration)
for _, name in ipairs(call('HKEYS', RUNNING)) do
  if sub(name, 1, 16) == integration then call('HDEL', RUNNING, name) end
end
-- Jobs that were claimed before there was a limit count.
if control and (control[2] >= 0 or control[3] >= 0) then
  for _, lease in ipairs(call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE')) do
    local job = split(call('HGET', JOBS, sub(lease, 1, 16)))
    if job.integration == integration then
      if control[2] >= 0 then call('HINCRBY', RUNNING, integration, 1) end
      if control[3] >= 0 and job.lane ~= '' then call('HINCRBY', RUNNING, integration .. job.lane, 1) end
    end
  end
end
for _, lane in ipairs(call('SMEMBERS', P .. ':L:' .. integration)) do touch(integration, lane) end
for _, bucket in ipairs(call('SMEMBERS', P .. ':G:' .. integration)) do
  if call('EXISTS', P .. ':h:' .. bucket) == 1 then
    -- Open, also to a clock that is set back.
    call('ZADD', GATES, 0, bucket)
    if not is_held(integration) then wake(now) end
  end
end
touch(integration, '')
settle_places()
return redis.status_reply('OK')
