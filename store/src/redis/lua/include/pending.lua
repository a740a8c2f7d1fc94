-- Jobs come to wait, and leave the waiting: lane or line, key, counters.

-- Says where a job stands: in line at a bucket, let out of it, or neither.
local function set_line(job, bucket, in_line)
  job.bucket = bucket
  job.f2 = with(with(job.f2, IN_LINE, bucket ~= nil and in_line), RELEASED, bucket ~= nil and not in_line)
end

-- A gate without a line stays shut while jobs that were let out have not started, and goes with the last of them.
local function close_gate(bucket)
  if call('HEXISTS', LET_OUT, bucket) == 1 then
    call('ZADD', GATES, 'inf', bucket)
  else
    call('ZREM', GATES, bucket)
    call('SREM', P .. ':G:' .. sub(bucket, 1, 16), bucket)
  end
end

-- One that was let out of line has started, or gone: if there is a line, its gate opens at `opens`.
local function passed(bucket, opens)
  if call('HINCRBY', LET_OUT, bucket, -1) <= 0 then call('HDEL', LET_OUT, bucket) end
  if call('EXISTS', P .. ':h:' .. bucket) == 1 then
    call('ZADD', GATES, opens, bucket)
    if not is_held(sub(bucket, 1, 16)) then wake(opens) end
  else
    close_gate(bucket)
  end
end

-- The job waits in its lane at `job.due`.
local function wait_in_lane(id, job)
  set_line(job, nil)
  call('HSET', JOBS, id, join(job))
  if job.lane ~= '' then call('HINCRBY', PENDING, job.integration .. job.lane, 1) end
  add_to_lane(id, job)
end

-- The job waits again, and takes its key if that is free.
local function pend(id, job)
  if has(job.f1, KEYED) then
    local free = call('HSETNX', P .. ':k:' .. job.integration, job.key, id) == 1
    job.f1 = with(job.f1, DETACHED, not free)
  end
  wait_in_lane(id, job)
end

local function leave_line(id, job)
  local line = P .. ':h:' .. job.bucket
  if call('ZREM', line, member_of(id, job)) == 0 then return false end
  if call('EXISTS', line) == 0 then close_gate(job.bucket) end
  return true
end

local function count_pending(job, by)
  if job.lane == '' then return end
  local name = job.integration .. job.lane
  if call('HINCRBY', PENDING, name, by) <= 0 then call('HDEL', PENDING, name) end
end

-- Takes the job out of where it waits; false if it does not wait. The blob and its key stay.
local function unpend(id, job)
  local waited
  if has(job.f2, IN_LINE) then waited = leave_line(id, job) else waited = remove_from_lane(id, job) end
  if not waited then return false end
  if has(job.f2, RELEASED) then passed(job.bucket, now) end
  count_pending(job, -1)
  return true
end

local function end_tick(job)
  if has(job.f1, TICK) and call('HINCRBY', TICKS, schedule_of(job), -1) <= 0 then
    call('HDEL', TICKS, schedule_of(job))
  end
end

-- Forgets a job that is in no queue any more.
local function forget(id, job)
  call('HDEL', JOBS, id)
  if has(job.f1, HAS_ERROR) then call('HDEL', ERRORS, id) end
  if has(job.f1, AWAITED) then call('PUBLISH', P .. ':end', id) end
  end_tick(job)
end

-- Takes a pending job out of the store for good; false if it is not pending.
local function take_out(id, job)
  if not unpend(id, job) then return false end
  if has(job.f1, KEYED) and not has(job.f1, DETACHED) then call('HDEL', P .. ':k:' .. job.integration, job.key) end
  forget(id, job)
  return true
end

local function forget_dead(id, job)
  local dead = P .. ':d:' .. job.integration
  if call('ZREM', dead, job.arrival .. id) == 0 then return false end
  if call('EXISTS', dead) == 0 then call('SREM', P .. ':D', job.integration) end
  return true
end

-- Every queue and line of an integration's pending jobs.
local function pending_sets(integration)
  local sets = {}
  local lanes = call('SMEMBERS', P .. ':L:' .. integration)
  lanes[#lanes + 1] = ''
  for _, lane in ipairs(lanes) do
    local mask = tonumber(call('HGET', MASKS, integration .. lane) or 0)
    for priority = 0, 9 do
      if has(mask, 2 ^ priority) then sets[#sets + 1] = P .. ':q' .. priority .. ':' .. integration .. lane end
    end
  end
  for _, bucket in ipairs(call('SMEMBERS', P .. ':G:' .. integration)) do
    if call('EXISTS', P .. ':h:' .. bucket) == 1 then sets[#sets + 1] = P .. ':h:' .. bucket end
  end
  return sets
end

-- Takes pending jobs of an integration out, at most `most`; calls `out` with each.
local function take_out_pending(integration, most, out)
  for _, set in ipairs(pending_sets(integration)) do
    for _, member in ipairs(call('ZRANGE', set, 0, most - 1)) do
      local id = sub(member, 7)
      local blob = call('HGET', JOBS, id)
      if take_out(id, split(blob)) then
        out(id, blob)
        most = most - 1
      end
    end
    if most <= 0 then return end
  end
end

-- Takes the running jobs of an integration out, those of one schedule or all, that `wanted` accepts; calls `out` with each.
local function take_out_running(integration, schedule, wanted, out)
  local leases = call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE')
  for _, lease in ipairs(leases) do
    if wanted(byte(lease, 17)) then
      local id = sub(lease, 1, 16)
      local blob = call('HGET', JOBS, id)
      if sub(blob, 16, 31) == integration then
        local job = split(blob)
        if not schedule or schedule_of(job) == schedule then
          call('ZREM', LEASES, lease)
          free_places(job)
          forget(id, job)
          out(id, blob)
        end
      end
    end
  end
end
