-- New jobs that together.lua left over, one by one: those whose lane, idempotency key or taken key matters.
-- Answers, for jobs that are not simply created: place in the call, word, job id, due, 0 or 1.

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

-- Puts one job in whose key or lane matters; what to answer, nil if it is simply created.
local function insert_one(id, blob, due, key, mode, most)
  if call('HEXISTS', JOBS, id) == 1 then return nil end
  local job = split(blob)
  local keys = P .. ':k:' .. job.integration
  local old = key ~= '' and call('HGET', keys, key)
  local answer
  if old then
    local old_job = split(call('HGET', JOBS, old))
    if mode == 'k' then return { 'kept', old, old_job.due, 0 } end
    if mode == 'j' then return { 'rejected', old, 0, 0 } end
    local leaves_room = old_job.lane == job.lane and 1 or 0
    if most >= 0 and tonumber(call('HGET', PENDING, job.integration .. job.lane) or 0) - leaves_room >= most then
      return { 'crowded', id, most, 0 }
    end
    take_out(old, old_job)
    answer = { 'replaced', old, due, 1 }
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
        local kept = answer and answer[1] == 'kept'
        remember(integration, name, fingerprint, ARGV[at + 8], kept and answer[2] or id, kept and answer[3] or due,
          answer and answer[4] or 0)
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
