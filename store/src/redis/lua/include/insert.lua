-- New jobs, as the program lays them out from ARGV[at] on: how many there are, then groups of
--   integration, lane, priority, kind, count, then for each job: its place in the call (from 0), id, blob, due, and if
--   the kind is 'k' also: key that names it or '', what to do when it exists ('r' replace, 'k' keep, 'j' reject), most
--   pending jobs of its lane or -1, idempotency key or '', fingerprint, until.
-- Kind 'p' is plain: no lane, no key that names it, no idempotency. Those go in together, whatever stands between them.
-- Answers, for jobs of kind 'k' that are not simply created: place, word, job id, due, 0 or 1.

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
  call('HSET', JOBS, id, join(job))
  if job.lane ~= '' then call('HINCRBY', PENDING, job.integration .. job.lane, 1) end
  if has(job.f1, TICK) then call('HINCRBY', TICKS, job.integration, 1) end
  add_to_lane(id, job)
  return answer
end

-- The number of arrival of the job at this place of the call, written into its blob.
local function arrived(blob, arrivals, place)
  return sub(blob, 1, 4) .. pack('>I5', arrivals + tonumber(place)) .. sub(blob, 10)
end

local function insert_plain(at, count, integration, priority, arrivals)
  local ids = {}
  for i = 1, count do ids[i] = ARGV[at + (i - 1) * 4 + 1] end
  local known, seen = call('HMGET', JOBS, unpack(ids)), {}
  local blobs, members, first, ticks = {}, {}, nil, 0
  for i = 1, count do
    local place, id, blob, due = ARGV[at], ids[i], ARGV[at + 2], ARGV[at + 3]
    at = at + 4
    if not known[i] and not seen[id] then
      seen[id] = true
      blob = arrived(blob, arrivals, place)
      blobs[#blobs + 1], blobs[#blobs + 2] = id, blob
      members[#members + 1], members[#members + 2] = due, char(9 - priority) .. sub(blob, 5, 9) .. id
      local number = tonumber(due)
      if not first or number < first then first = number end
      if has(byte(blob, 1), TICK) then ticks = ticks + 1 end
    end
  end
  if not first then return at end
  local queue = P .. ':q' .. priority .. ':' .. integration
  call('HSET', JOBS, unpack(blobs))
  call('ZADD', queue, unpack(members))
  if ticks > 0 then call('HINCRBY', TICKS, integration, ticks) end
  note_queue(integration, '', priority, false)
  -- One that is ready stays ready, and one that waits for less goes on waiting.
  if not call('ZSCORE', READY, integration) then
    local waits_for = tonumber(call('ZSCORE', WAITING, integration) or nil)
    if not waits_for or first < waits_for then touch(integration, '') end
  end
  return at
end

local function insert(at, answers)
  local total = tonumber(ARGV[at])
  local arrivals = total > 0 and call('INCRBY', P .. ':s', total) - total or 0
  at = at + 1
  while at <= #ARGV do
    local integration, priority, kind, count = ARGV[at], tonumber(ARGV[at + 2]), ARGV[at + 3], tonumber(ARGV[at + 4])
    at = at + 5
    if kind == 'p' then
      at = insert_plain(at, count, integration, priority, arrivals)
    else
      for _ = 1, count do
        local place, id, blob, due = ARGV[at], ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3])
        local key, mode, most, name, fingerprint = ARGV[at + 4], ARGV[at + 5], tonumber(ARGV[at + 6]), ARGV[at + 7], ARGV[at + 8]
        local answer = name ~= '' and known_answer(integration, name, fingerprint) or nil
        if not answer then
          answer = insert_one(id, arrived(blob, arrivals, place), due, key, mode, most)
          if name ~= '' and not (answer and (answer[1] == 'rejected' or answer[1] == 'crowded')) then
            local kept = answer and answer[1] == 'kept'
            remember(integration, name, fingerprint, ARGV[at + 9], kept and answer[2] or id, kept and answer[3] or due,
              answer and answer[4] or 0)
          end
        end
        if answer then
          local n = #answers
          answers[n + 1], answers[n + 2] = tonumber(place), answer[1]
          answers[n + 3], answers[n + 4], answers[n + 5] = answer[2], answer[3], answer[4]
        end
        at = at + 10
      end
    end
  end
  return answers
end
