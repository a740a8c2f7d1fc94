-- Whose turn it is: integrations in two rings, ready and waiting, and the same for the named lanes of one integration.
-- A script changes queues as it likes, notes what it touched, and ends with `settle_places()`.

-- What holds an integration back; false if nothing was ever said.
local function control_of(integration)
  local control = controls[integration]
  if control == nil then
    control = call('HGET', CONTROLS, integration)
    control = control and cmsgpack.unpack(control) or false
    controls[integration] = control
  end
  return control
end

local function running(name)
  return tonumber(call('HGET', RUNNING, name) or 0)
end

-- The due time of the first pending job of a lane, nil if there is none.
local function first_due(name, mask)
  local first
  mask = tonumber(mask)
  for priority = 0, 9 do
    if mask % 2 == 1 then
      local head = call('ZRANGE', P .. ':q' .. priority .. ':' .. name, 0, 0, 'WITHSCORES')
      local due = tonumber(head[2])
      if due and (not first or due < first) then first = due end
    end
    mask = floor(mask / 2)
    if mask == 0 then break end
  end
  return first
end

-- The job whose retry the others of a named lane wait for, and its due time; nothing if none or nobody does.
local function retrying(name, control)
  if not (control and control[6]) then return nil end
  local first = call('ZRANGE', P .. ':f:' .. name, 0, 0, 'WITHSCORES')
  return first[1], tonumber(first[2])
end

-- Puts a named lane where it belongs: ready, waiting or nowhere.
local function place_lane(integration, lane)
  local name = integration .. lane
  local ready, waiting = P .. ':R:' .. integration, P .. ':W:' .. integration
  local mask = call('HGET', MASKS, name)
  local control = control_of(integration)
  if mask and control and control[3] >= 0 and running(name) >= control[3] then mask = nil end
  local due = mask and first_due(name, mask)
  if due then
    local _, retry_due = retrying(name, control)
    due = retry_due or due
  end
  if not due then
    call('ZREM', ready, lane)
    call('ZREM', waiting, lane)
  elseif due <= now then
    call('ZADD', ready, 'NX', entering_turn(), lane)
    call('ZREM', waiting, lane)
  else
    call('ZREM', ready, lane)
    call('ZADD', waiting, due, lane)
  end
end

-- When the first job of an integration is due that its lanes let out; nil if there is none.
local function integration_due(integration, mask, named)
  local due = mask and first_due(integration, mask)
  if named and not (due and due <= now) then
    local lanes = call('ZRANGE', P .. ':R:' .. integration, 0, 1)
    if lanes[2] or (lanes[1] and lanes[1] ~= '') then return now end
    local first = call('ZRANGE', P .. ':W:' .. integration, 0, 0, 'WITHSCORES')
    local other = tonumber(first[2])
    if other and (not due or other < due) then due = other end
  end
  return due
end

local function is_held(integration)
  local control = control_of(integration)
  return control and (control[1] or (control[2] >= 0 and running(integration) >= control[2]))
end

-- Whether one of its rules fills the buckets of a limiter.
local function shares_limiter(control)
  for _, rule in ipairs(control and control[5] or {}) do
    if byte(rule[1]) == 64 then return true end
  end
  return false
end

-- The turn of an integration that becomes ready. Of those that share a limiter the one comes first that was handed jobs
-- longest ago: otherwise one could take all the room, as they become ready together whenever there is some.
local function turn_of(integration)
  local turn = entering_turn()
  if shares_limiter(control_of(integration)) then
    local last = call('HGET', P .. ':T', integration)
    return math.min(turn, tonumber(last or 0))
  end
  return turn
end

-- Puts an integration where it belongs: ready, waiting or nowhere.
local function place(integration)
  local due
  if not is_held(integration) then
    local masks = call('HMGET', MASKS, integration, '@' .. integration)
    due = integration_due(integration, masks[1], masks[2])
  end
  if not due then
    call('ZREM', READY, integration)
    call('ZREM', WAITING, integration)
  elseif due <= now then
    if call('ZADD', READY, 'NX', turn_of(integration), integration) == 1 then call('ZREM', WAITING, integration) end
    wake(due)
  else
    call('ZREM', READY, integration)
    call('ZADD', WAITING, due, integration)
    wake(due)
  end
end

local touched, touched_lanes = {}, {}

local function touch(integration, lane)
  touched[integration] = true
  if lane ~= '' then touched_lanes[integration .. lane] = { integration, lane } end
end

-- Places what was touched, and wakes those who sleep too long.
local function settle_places()
  for _, it in pairs(touched_lanes) do place_lane(it[1], it[2]) end
  for integration in pairs(touched) do place(integration) end
  wake_sleepers()
end

-- Adds a pending job to its lane; its blob is written by the caller.
local function add_to_lane(id, job)
  call('ZADD', queue_of(job), job.due, member_of(id, job))
  note_queue(job.integration, job.lane, floor(job.f2 / 16), false)
  if job.lane ~= '' and job.attempts > 0 then call('ZADD', P .. ':f:' .. job.integration .. job.lane, job.due, id) end
  touch(job.integration, job.lane)
end

-- Takes a pending job out of its lane; false if it is not there.
local function remove_from_lane(id, job)
  local queue = queue_of(job)
  if call('ZREM', queue, member_of(id, job)) == 0 then return false end
  if call('EXISTS', queue) == 0 then note_queue(job.integration, job.lane, floor(job.f2 / 16), true) end
  if job.lane ~= '' and job.attempts > 0 then call('ZREM', P .. ':f:' .. job.integration .. job.lane, id) end
  touch(job.integration, job.lane)
  return true
end

-- A running job has left: its places are free.
local function free_places(job)
  if call('HEXISTS', RUNNING, job.integration) == 1 then
    if call('HINCRBY', RUNNING, job.integration, -1) <= 0 then call('HDEL', RUNNING, job.integration) end
    touch(job.integration, '')
  end
  local name = job.integration .. job.lane
  if job.lane ~= '' and call('HEXISTS', RUNNING, name) == 1 then
    if call('HINCRBY', RUNNING, name, -1) <= 0 then call('HDEL', RUNNING, name) end
    touch(job.integration, job.lane)
  end
end
