#!lua flags=no-writes,allow-oom
-- export: a part of what the partition holds, to be put into another queue.
-- KEYS: the tag. ARGV: clock, then one of:
--   'i' idempotency keys: how many to skip, how many to take. Answers: (integration, key) and first answer of each.
--   'b' buckets: the server's run id and a cursor of SCAN, which begins again if the server is another one. Answers: run
--     id, cursor, the time, then of each: bucket, when it ends (-1: never), its state as text or as a list.
--   'j' jobs: for each set: its name, how many bytes to skip before the id, how many members to skip, how many to take.
--     Answers: the time, how many members were looked at, then of each job: id, how many bytes were skipped before it,
--     blob, score in its set, flags of its lease, last error or '', 1 if it has a lease and its key is another's.
--@include base blob job
-- Large jobs end a part early.
local MOST_BYTES = 4 * 1024 * 1024

local function idempotency()
  local out = {}
  local from = tonumber(ARGV[3])
  for _, member in ipairs(call('ZRANGE', P .. ':e', from, from + tonumber(ARGV[4]) - 1)) do
    out[#out + 1], out[#out + 2] = member, call('HGET', P .. ':i:' .. sub(member, 1, 16), sub(member, 17)) or ''
  end
  return out
end

local function buckets()
  local run_id = string.match(call('INFO', 'server'), 'run_id:(%w+)')
  local prefix = P .. ':b:'
  local found = call('SCAN', run_id == ARGV[3] and ARGV[4] or '0', 'MATCH', prefix .. '*', 'COUNT', 250)
  local out = { run_id, found[1], now_text }
  for _, key in ipairs(found[2]) do
    local is_list = call('TYPE', key).ok == 'list'
    local state = is_list and call('LRANGE', key, 0, -1) or call('GET', key)
    -- One may end meanwhile.
    if state and #state > 0 then
      local n = #out
      out[n + 1], out[n + 2], out[n + 3] = sub(key, #prefix + 1), call('PEXPIRETIME', key), state
    end
  end
  return out
end

local newest_lost

-- Of the jobs without a holder that have this key, the one that arrived last.
local function newest_of(integration, key)
  if not newest_lost then
    newest_lost = {}
    for _, lease in ipairs(call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE')) do
      local id = sub(lease, 1, 16)
      local job = split(call('HGET', JOBS, id))
      if has(job.f1, KEYED) then
        local name, arrival = job.integration .. job.key, unpack_number('>I5', job.arrival)
        local known = newest_lost[name]
        if not known or arrival > known[2] then newest_lost[name] = { id, arrival } end
      end
    end
  end
  return newest_lost[integration .. key][1]
end

local function is_key_taken(id, job)
  if not has(job.f1, KEYED) then return false end
  return call('HEXISTS', P .. ':k:' .. job.integration, job.key) == 1 or newest_of(job.integration, job.key) ~= id
end

local function jobs()
  local out, looked_at, bytes = { now_text, 0 }, 0, 0
  for at = 3, #ARGV, 4 do
    local set, skip, from = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    local members = call('ZRANGE', set, from, from + tonumber(ARGV[at + 3]) - 1, 'WITHSCORES')
    for i = 1, #members, 2 do
      if bytes >= MOST_BYTES then return out end
      local member = members[i]
      looked_at = looked_at + 1
      out[2] = looked_at
      -- The one longer member of the leases is no lease.
      if skip > 0 or #member == 24 then
        local id = sub(member, skip + 1, skip + 16)
        local blob = call('HGET', JOBS, id) or ''
        local n, f1, taken, err = #out, byte(blob, 6) or 0, false, ''
        if has(f1, HAS_ERROR) then err = call('HGET', ERRORS, id) or '' end
        if skip == 0 and blob ~= '' then taken = is_key_taken(id, split(blob)) end
        out[n + 1], out[n + 2], out[n + 3], out[n + 4] = id, skip, blob, members[i + 1]
        out[n + 5], out[n + 6], out[n + 7] = skip == 0 and byte(member, 17) or 0, err, taken and 1 or 0
        bytes = bytes + #blob + #err
      end
    end
  end
  return out
end

local parts = { i = idempotency, b = buckets, j = jobs }
return parts[ARGV[2]]()
