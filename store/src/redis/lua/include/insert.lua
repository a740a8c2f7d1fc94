-- New jobs that together.lua left over, one by one: those whose lane, idempotency key or taken key matters.
-- Answers, for jobs that are not simply created: place in the call, word, job id, due, and 0 or 1, or how often it was
-- pushed.

local function known_answer(integration, name, fingerprint)
  local first = call('HGET', P .. ':i:' .. integration, name)
  if not first or unpack_number('>I6', first, 33) < now then return nil end
  local id, due, replaced = sub(first, 39, 54), unpack_number('>I6', first, 55), byte(first, 61)
  if sub(first, 1, 32) ~= fingerprint then return { 'conflict', id, 0, 0 } end
  return { 'repeated', id, due, replaced }
end

local function remember(integration, name, fingerprint, until_text, id, due, replaced)
  local value = fingerprint .. number6(tonumber(until_text)) .. id .. number6(due) .. char(replaced)
  call('HSET', P .. ':i:' .. integration, name, value)
  call('ZADD', P .. ':e', until_text, integration .. name)
end

-- The oldest running job that a key names, and its due time; nothing if there is none. Looks through all running jobs:
-- running ones are not found by their key, so that a claim need not note it, and there are few of them.
local function running_with_key(integration, key)
  local leases, found, found_due = call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE'), nil, nil
  for _, lease in ipairs(leases) do
    local id = sub(lease, 1, 16)
    local blob = call('HGET', JOBS, id)
    if blob and sub(blob, 16, 31) == integration then
      local f1 = byte(blob, 6)
      if has(f1, KEYED) and (not found or id < found) and text_at(blob, key_place(blob, f1)) == key then
        found, found_due = id, unpack_number('>I6', blob, 10)
      end
    end
  end
  return found, found_due
end

-- The job takes the place of a debounced one that was never started; what to answer, nil if it must not.
local function push_back(old, old_job, job)
  if not (job.debounce and old_job.debounce and old_job.attempts == 0) then return nil end
  local latest, pushes = unpack_number('>I6', old_job.debounce), unpack_number('>I4', old_job.debounce, 7)
  pushes = math.min(pushes + 1, 4294967295)
  if latest < job.due then
    job.due = latest
    if job.closes then job.closes = number6(latest) end
  end
  job.debounce = sub(old_job.debounce, 1, 6) .. pack('>I4', pushes)
  return { 'pushed', old, job.due, pushes }
end

-- Puts one job in whose key or lane matters; what to answer, nil if it is simply created.
local function insert_one(id, blob, due, key, mode, most)
  if call('HEXISTS', JOBS, id) == 1 then return nil end
  local job = split(blob)
  local keys = P .. ':k:' .. job.integration
  local old = key ~= '' and call('HGET', keys, key)
  local answer
  if old then
    local old_job = split(call('HGET', JOBS, old))
    if mode == 'k' or mode == 's' then return { 'kept', old, old_job.due, 0 } end
    if mode == 'j' then return { 'rejected', old, 0, 0 } end
    local leaves_room = old_job.lane == job.lane and 1 or 0
    if most >= 0 and tonumber(call('HGET', PENDING, job.integration .. job.lane) or 0) - leaves_room >= most then
      return { 'crowded', id, most, 0 }
    end
    take_out(old, old_job)
    answer = mode == 'd' and push_back(old, old_job, job)
    if answer then
      id, blob = old, join(job)
    else
      answer = { 'replaced', old, due, 1 }
    end
  elseif mode == 's' then
    local found, found_due = running_with_key(job.integration, key)
    if found then return { 'kept', found, found_due, 0 } end
    if most >= 0 and tonumber(call('HGET', PENDING, job.integration .. job.lane) or 0) >= most then
      return { 'crowded', id, most, 0 }
    end
  elseif most >= 0 and tonumber(call('HGET', PENDING, job.integration .. job.lane) or 0) >= most then
    return { 'crowded', id, most, 0 }
  end
  if key ~= '' then call('HSET', keys, key, id) end
  call('HSET', JOBS, id, blob)
  if job.lane ~= '' then call('HINCRBY', PENDING, job.integration .. job.lane, 1) end
  if has(job.f1, TICK) then call('HINCRBY', TICKS, schedule_of(job), 1) end
  add_to_lane(id, job)
  return answer
end

local function insert_others(answers)
  for integration in pairs(not_placed) do touch(integration, '') end
  for _, other in ipairs(others) do
    local at, place, arrival, integration, kind = other[1], other[2], other[3], other[4], other[5]
    local id, blob, due = ARGV[at], pack('>I5', arrival) .. ARGV[at + 1], tonumber(ARGV[at + 2])
    local key, mode, most, name, fingerprint = '', 'r', -1, '', ''
    if kind == 'o' then
      key, mode, most = ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 5])
      name, fingerprint = ARGV[at + 6], ARGV[at + 7]
    elseif kind ~= 'p' then
      key, mode = ARGV[at + 3], kind
    end
    local answer = name ~= '' and known_answer(integration, name, fingerprint) or nil
    if not answer then
      answer = insert_one(id, blob, due, key, mode, most)
      if name ~= '' and not (answer and (answer[1] == 'rejected' or answer[1] == 'crowded')) then
        local kept = answer and (answer[1] == 'kept' or answer[1] == 'pushed')
        remember(integration, name, fingerprint, ARGV[at + 8], kept and answer[2] or id, kept and answer[3] or due,
          answer and answer[1] == 'replaced' and 1 or 0)
      end
    end
    if answer then
      local n = #answers
      answers[n + 1], answers[n + 2] = place, answer[1]
      answers[n + 3], answers[n + 4], answers[n + 5] = answer[2], answer[3], answer[4]
    end
  end
  return answers
end
