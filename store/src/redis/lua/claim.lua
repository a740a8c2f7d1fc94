#!lua flags=allow-oom
-- claim: lease jobs that are due, taking turns, within concurrency and rate limits.
-- KEYS: the tag. ARGV: clock, how many, lease_ms, token (7 bytes).
-- Answers: the time, next due (-1: nothing to wait for), the turn of the one that is ready longest (-1: none),
--   a list of lease and blob for each job, and a list of place in that list (from 0), limit (-1: its opening is over) and
--   milliseconds until it has room (-1: never) for each that may not run; and what is to be fetched of limiters (shared.lua).
--@include base turns blob
-- About as many jobs of one integration at a time: fewer cost more commands per job, more let the others wait longer.
local QUANTUM = 8
-- The most jobs that one call puts in line, so that it stays short.
local MOST_IN_LINE = 256
local LANES_AT_ONCE, GATES_AT_ONCE, OUT_OF_A_LINE = 256, 32, 64
local LANES_OF_ONE = 128

local want, token = tonumber(ARGV[2]), ARGV[4]
local deadline, plain_end = string.format('%.0f', now + tonumber(ARGV[3])), '\0' .. ARGV[4]
local jobs, not_started, leases, taken, in_line, to_fetch = {}, {}, {}, 0, 0, {}
-- Made when somebody with limits has his turn.
local ask_limits

-- Takes the next turn.
local function next_turn()
  last_turn = last_turn or tonumber(call('GET', P .. ':o') or 0)
  last_turn = math.max(last_turn, micros) + 1
  return last_turn
end

local function promote(ready, waiting)
  local due = call('ZRANGE', waiting, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, LANES_AT_ONCE)
  if #due == 0 then return end
  call('ZREM', waiting, unpack(due))
  local turns = {}
  for i, name in ipairs(due) do
    turns[2 * i - 1], turns[2 * i] = entering_turn(), name
  end
  call('ZADD', ready, 'NX', unpack(turns))
end

local function note_not_started(limit, wait_ms)
  local n = #not_started
  not_started[n + 1], not_started[n + 2], not_started[n + 3] = taken, limit, wait_ms
end

local function is_over(blob, f1)
  return f1 >= HAS_CLOSES and now >= unpack_number('>I6', blob, 32)
end

-- The flags of a lease for a job that was taken out of its lane; nil if a rate limit lets it wait.
local function lease_flags(id, blob, f1, control, detached)
  local flags = 0
  if ask_limits then
    flags = ask_limits(id, blob, f1, control)
    if not flags then
      in_line = in_line + 1
      return nil
    end
  elseif is_over(blob, f1) then
    flags = 1
    note_not_started(-1, -1)
  end
  if has(f1, KEYED) and not has(f1, DETACHED) then
    detached[#detached + 1] = text_at(blob, key_place(blob, f1))
  end
  if has(f1, TICK) then flags = flags + 2 end
  if has(f1, AWAITED) then flags = flags + 4 end
  if has(f1, HAS_ERROR) then flags = flags + 8 end
  return flags
end

-- Leases a job that was taken out of its lane; false if it is in line now.
local function hand_out(id, blob, control, is_free, detached)
  local f1, f2 = byte(blob, 6, 7)
  local held
  if f1 == 0 and is_free and not has(f2, RELEASED) then
    held = id .. plain_end
  else
    local flags = lease_flags(id, blob, f1, control, detached)
    if not flags then return false end
    held = id .. char(flags) .. token
  end
  local n = 2 * taken
  leases[n + 1], leases[n + 2] = deadline, held
  jobs[n + 1], jobs[n + 2] = held, blob
  taken = taken + 1
  return true
end

-- Takes due jobs of one priority out of a lane; how many were leased.
local function take_priority(integration, lane, priority, count, control)
  local queue = P .. ':q' .. priority .. ':' .. integration .. lane
  local before, detached, is_free = taken, {}, not (control and control[5][1])
  while taken - before < count and in_line < MOST_IN_LINE do
    local asked = math.min(count - taken + before, 128)
    local ids = call('ZRANGE', queue, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, asked)
    local found = #ids
    if found == 0 then break end
    call('ZREMRANGEBYRANK', queue, 0, found - 1)
    for i = 1, found do ids[i] = sub(ids[i], 7) end
    local blobs = call('HMGET', JOBS, unpack(ids))
    for i = 1, found do
      local id, blob = ids[i], blobs[i]
      if lane ~= '' and byte(blob, 8) > 0 then call('ZREM', P .. ':f:' .. integration .. lane, id) end
      hand_out(id, blob, control, is_free, detached)
    end
    if found < asked then break end
  end
  if #detached > 0 then call_many('HDEL', P .. ':k:' .. integration, detached) end
  return taken - before
end

-- Takes due jobs out of a lane, higher priorities first. Answers how many, and the due time of the first that is left.
local function take(integration, lane, mask, count, control)
  local got, first, left = 0, nil, tonumber(mask)
  for priority = 9, 0, -1 do
    local flag = 2 ^ priority
    if left >= flag then
      left = left - flag
      if got < count then got = got + take_priority(integration, lane, priority, count - got, control) end
      local head = call('ZRANGE', P .. ':q' .. priority .. ':' .. integration .. lane, 0, 0, 'WITHSCORES')
      local due = tonumber(head[2])
      if not due then
        note_queue(integration, lane, priority, true)
      elseif not first or due < first then
        first = due
      end
    end
  end
  return got, first
end

-- Who is next, with the masks of each; and whether all of them are plain: no controls, no named lanes.
local function next_in_turn()
  local ready = call('ZRANGE', READY, 0, ceil((want - taken) / QUANTUM) - 1)
  if #ready == 0 then return ready end
  local asked, missing, is_plain = {}, {}, true
  for i, integration in ipairs(ready) do
    asked[2 * i - 1], asked[2 * i] = integration, '@' .. integration
    if controls[integration] == nil then missing[#missing + 1] = integration end
  end
  local masks = call('HMGET', MASKS, unpack(asked))
  if #missing > 0 then
    local found = call('HMGET', CONTROLS, unpack(missing))
    for i, integration in ipairs(missing) do
      controls[integration] = found[i] and cmsgpack.unpack(found[i]) or false
    end
  end
  for i, integration in ipairs(ready) do
    if controls[integration] or masks[2 * i] then is_plain = false end
  end
  return ready, masks, is_plain
end

local function serve_plain(integration, mask, count)
  local first
  if mask then
    local _
    _, first = take(integration, '', mask, count, false)
  end
  local turn = next_turn()
  if first and first <= now then
    call('ZADD', READY, turn, integration)
  else
    call('ZREM', READY, integration)
    if first then call('ZADD', WAITING, first, integration) end
  end
end

promote(READY, WAITING)
local is_plain, gate_due = call('EXISTS', GATES) == 0, nil
while is_plain and taken < want do
  local ready, masks, all_plain = next_in_turn()
  if #ready == 0 then break end
  is_plain = all_plain
  if is_plain then
    local share = ceil((want - taken) / #ready)
    for i, integration in ipairs(ready) do
      if taken >= want then break end
      serve_plain(integration, masks[2 * i - 1], math.min(share, want - taken))
    end
  end
end

if not is_plain then
  --@include job lanes pending rate shared limits
  -- The room of the bucket that a job was let out of, after it has started.
  local function room_after(job, control)
    local rule = control and rule_of(job.bucket, job.key)
    local room = rule and rule[R_DELAY] and room_of(job.bucket, rule, 1)
    return room and math.max(room, now) or now
  end

  -- 0 if a job may start, 1 if not, nil if it is in line now.
  function ask_limits(id, blob, f1, control)
    local f2, flags = byte(blob, 7), 0
    local job = has(f2, RELEASED) and split(blob) or nil
    if is_over(blob, f1) then
      flags = 1
      note_not_started(-1, -1)
    elseif control and control[5][1] then
      local key, weight = key_and_weight(blob, f1, f2)
      local word, a, b
      if has(f1, CHARGED) then
        word, a, b = admit_charged(sub(blob, 16, 31), control[5], key)
        if word == 'wait' then call('SADD', CHARGED_LINES, a) end
      else
        word, a, b = admit(sub(blob, 16, 31), control[5], key, job ~= nil, weight)
      end
      if word == 'wait' then
        if job then passed(job.bucket, job.bucket == a and b or now) end
        stand_in_line(id, job or split(blob), a, b)
        return nil
      elseif word == 'refuse' then
        flags = 1
        note_not_started(a, b)
      end
    end
    if job then passed(job.bucket, flags == 0 and room_after(job, control) or now) end
    return flags
  end

  -- Takes the job whose retry the others of its lane wait for, if that is due; how many were leased.
  local function take_retry(integration, lane, id, control)
    local blob, detached = call('HGET', JOBS, id), {}
    remove_from_lane(id, split(blob))
    local is_out = hand_out(id, blob, control, not control[5][1], detached)
    if #detached > 0 then call_many('HDEL', P .. ':k:' .. integration, detached) end
    return is_out and 1 or 0
  end

  local function take_from_lane(integration, lane, mask, count, control)
    local retry, due
    if lane ~= '' then retry, due = retrying(integration .. lane, control) end
    local got, first
    if retry then
      got, first = due <= now and take_retry(integration, lane, retry, control) or 0, due
    else
      got, first = take(integration, lane, mask, count, control)
    end
    if lane ~= '' and got > 0 then
      local name = integration .. lane
      if call('HINCRBY', PENDING, name, -got) <= 0 then call('HDEL', PENDING, name) end
      if control and control[3] >= 0 then call('HINCRBY', RUNNING, name, got) end
    end
    return got, first
  end

  -- Serves the lanes of an integration that has named ones.
  local function serve_lanes(integration, mask, count, control)
    local ready, waiting = P .. ':R:' .. integration, P .. ':W:' .. integration
    promote(ready, waiting)
    if mask then call('ZADD', ready, 'NX', entering_turn(), '') else call('ZREM', ready, '') end
    local lanes = call('ZRANGE', ready, 0, math.min(count, LANES_OF_ONE) - 1)
    local got = 0
    for i, lane in ipairs(lanes) do
      local name = integration .. lane
      local share = ceil((count - got) / (#lanes - i + 1))
      if lane ~= '' and control and control[3] >= 0 then share = math.min(share, control[3] - running(name)) end
      local mask_now = call('HGET', MASKS, name)
      if mask_now and share > 0 then
        got = got + take_from_lane(integration, lane, mask_now, share, control)
        call('ZADD', ready, next_turn(), lane)
      end
      if lane ~= '' then
        place_lane(integration, lane)
      else
        local first = mask_now and first_due(integration, call('HGET', MASKS, integration) or 0)
        if not first or first > now then call('ZREM', ready, '') end
      end
    end
    return got
  end

  local function serve(integration, mask, named, count)
    local control = control_of(integration)
    if not control and not named then return serve_plain(integration, mask, count) end
    if control then
      if control[1] then return place(integration) end
      if control[2] >= 0 then count = math.min(count, control[2] - running(integration)) end
      if count <= 0 then return place(integration) end
    end
    local got = 0
    if named then
      got = serve_lanes(integration, mask, count, control)
    elseif mask then
      got = take(integration, '', mask, count, control)
    end
    if control and control[2] >= 0 and got > 0 then call('HINCRBY', RUNNING, integration, got) end
    local turn = next_turn()
    if got > 0 and shares_limiter(control) then call('HSET', P .. ':T', integration, string.format('%.1f', turn)) end
    call('ZADD', READY, turn, integration)
    place(integration)
  end

  -- Opens the gates that are due; how many there were.
  local function open_gates(most)
    local due = call('ZRANGE', GATES, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, most)
    for _, bucket in ipairs(due) do open_gate(bucket, OUT_OF_A_LINE) end
    for _, it in pairs(touched_lanes) do place_lane(it[1], it[2]) end
    for integration in pairs(touched) do place(integration) end
    touched, touched_lanes = {}, {}
    return #due
  end

  local function serve_ready()
    while taken < want and in_line < MOST_IN_LINE do
      local ready, masks = next_in_turn()
      if #ready == 0 then return end
      local share = ceil((want - taken) / #ready)
      for i, integration in ipairs(ready) do
        if taken >= want or in_line >= MOST_IN_LINE then return end
        serve(integration, masks[2 * i - 1], masks[2 * i], math.min(share, want - taken))
      end
    end
  end

  local gates = GATES_AT_ONCE
  repeat
    gates = gates - open_gates(gates)
    serve_ready()
    -- What was let out of line and did not start leaves its room to the next.
    local due = call('ZRANGE', GATES, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, 1)
  until #due == 0 or gates <= 0 or taken >= want or in_line >= MOST_IN_LINE

  to_fetch = wanted()
  for _, bucket in ipairs(call('ZRANGE', GATES, 0, 15)) do
    local opens = call('ZSCORE', GATES, bucket)
    if opens == 'inf' or tonumber(opens) >= NEVER then break end
    if not is_held(sub(bucket, 1, 16)) then
      gate_due = math.max(tonumber(opens), now)
      break
    end
  end
end

if taken > 0 then
  -- One member of more than 64 bytes keeps the set a skip list: short sets are lists that are read from end to end.
  leases[2 * taken + 1], leases[2 * taken + 2] = 'inf', 'keeps this sorted set a skip list: short members alone would make it a list'
  call_many('ZADD', LEASES, leases)
end
if last_turn then call('SET', P .. ':o', string.format('%.1f', last_turn)) end

local oldest = call('ZRANGE', READY, 0, 0, 'WITHSCORES')
local next_due = now
if not oldest[1] then
  next_due = tonumber(call('ZRANGE', WAITING, 0, 0, 'WITHSCORES')[2])
  if gate_due and not (next_due and next_due <= gate_due) then next_due = gate_due end
end
if next_due and next_due <= now then
  -- Work is left for those who sleep.
  soonest = now
  wake_sleepers()
elseif taken == 0 then
  call('SET', P .. ':z', next_due and string.format('%.0f', next_due) or '9e15', 'PX', 1500)
end
return { now_text, next_due and string.format('%.0f', next_due) or '-1', oldest[2] or '-1', jobs, not_started, to_fetch }
