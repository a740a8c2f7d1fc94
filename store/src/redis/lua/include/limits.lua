-- Rate limits of a job that would start now: tested together, charged together or not at all; and the lines of those
-- that wait for room.

-- The place of the closing quote of the JSON string that opens at `at`.
local function string_end(text, at)
  local from = at + 1
  while true do
    local place = find(text, '["\\]', from)
    if byte(text, place) == 34 then return place end
    from = place + 2
  end
end

-- The fields of a canonical key, in order: name and `name:value`, as JSON texts.
local function fields_of(key)
  local fields, at, length = {}, 2, #key
  while at < length do
    local name_end = string_end(key, at)
    local stop
    if byte(key, name_end + 2) == 34 then
      stop = string_end(key, name_end + 2)
    else
      stop = find(key, '[,}]', name_end + 2) - 1
    end
    fields[#fields + 1] = { sub(key, at, name_end), sub(key, at, stop) }
    at = stop + 2
  end
  return fields
end

-- What a rule counts a job under; nil if its key lacks a field.
local function subject_of(rule, fields)
  local wanted = rule[R_FIELDS]
  if #wanted == 0 then return '{}' end
  if not fields then return nil end
  local parts = {}
  for _, field in ipairs(fields) do
    for _, name in ipairs(wanted) do
      if field[1] == name then parts[#parts + 1] = field[2] end
    end
  end
  if #parts < #wanted then return nil end
  return '{' .. concat(parts, ',') .. '}'
end

local function is_sliding(rule)
  return byte(rule[R_NAME], 1) == 115
end

-- From when on a bucket has room, as if nobody else were admitted until then; its state for `charge`.
local function room_of(bucket, rule)
  local key = P .. ':b:' .. bucket
  if is_sliding(rule) then
    local oldest = tonumber(call('LINDEX', key, -rule[R_LIMIT]) or nil)
    return oldest and oldest + rule[R_INTERVAL] or now
  end
  local ms, part = read_tat(call('GET', key))
  if not ms then return now end
  return leaky_room(ms, part, rule), ms, part
end

-- Adds an admission now to the log of a sliding window.
local function charge_sliding(key, rule)
  local last = tonumber(call('LINDEX', key, -1) or nil)
  if not last or last <= now then
    call('RPUSH', key, now_text)
  else
    -- The clock has gone back: the log stays in order.
    local place, first_later = -1, last
    while true do
      local earlier = tonumber(call('LINDEX', key, place - 1) or nil)
      if not earlier or earlier <= now then break end
      place, first_later = place - 1, earlier
    end
    call('LINSERT', key, 'BEFORE', string.format('%.0f', first_later), now_text)
  end
  call('LTRIM', key, -rule[R_LIMIT], -1)
  if not manual then call('PEXPIRE', key, math.max(last or now, now) - now + rule[R_INTERVAL]) end
end

local function charge(bucket, rule, ms, part)
  local key = P .. ':b:' .. bucket
  if is_sliding(rule) then return charge_sliding(key, rule) end
  ms, part = leaky_charge(ms, part, now, rule)
  if manual then
    call('SET', key, tat_text(ms, part))
  else
    call('SET', key, tat_text(ms, part), 'PX', math.max(ms + 1 - now, 1))
  end
end

-- Puts a job that was taken out of its lane in line at a bucket.
local function stand_in_line(id, job, bucket, room)
  job.f2 = with(job.f2, RELEASED, false)
  job.bucket = bucket
  call('HSET', JOBS, id, join(job))
  call('ZADD', P .. ':h:' .. bucket, job.due, member_of(id, job))
  if call('ZADD', GATES, 'NX', room, bucket) == 1 then call('SADD', P .. ':G:' .. job.integration, bucket) end
end

-- Tests and charges. Answers 'start', or 'refuse' with the rule's place (from 0) and the milliseconds until it has room
-- (-1: never), or 'wait' with the bucket and when it has room.
local function admit(integration, rules, key, released)
  local fields
  local buckets, rooms, states, parts, applied = {}, {}, {}, {}, {}
  local refused, refused_room, longest
  for place = 1, #rules do
    local rule = rules[place]
    if not fields and key and #rule[R_FIELDS] > 0 then fields = fields_of(key) end
    local subject = subject_of(rule, fields)
    if not subject then
      if rule[R_MISSING] then return 'refuse', place - 1, -1 end
    else
      local bucket = integration .. rule[R_NAME] .. subject
      local room, ms, part = room_of(bucket, rule)
      if rule[R_DELAY] and not released then
        local gate = tonumber(call('ZSCORE', GATES, bucket) or nil)
        if gate then room = math.max(room, gate, now + 1) end
      end
      local i = #applied + 1
      applied[i], buckets[i], rooms[i], states[i], parts[i] = rule, bucket, room, ms, part
      if room > now then
        if not rule[R_DELAY] and not refused then refused, refused_room = place - 1, room end
        if not longest or room > rooms[longest] then longest = i end
      end
    end
  end
  if refused then return 'refuse', refused, refused_room - now end
  if longest then return 'wait', buckets[longest], rooms[longest] end
  for i = 1, #applied do charge(buckets[i], applied[i], states[i], parts[i]) end
  return 'start'
end

local function rule_of(bucket)
  local control = control_of(sub(bucket, 1, 16))
  local name = sub(bucket, 17, find(bucket, '{', 17, true) - 1)
  for _, rule in ipairs(control and control[5] or {}) do
    if rule[R_NAME] == name and rule[R_DELAY] then return rule end
  end
end

-- How many a bucket would admit now, at most `most`; and when it has room after that.
local function admissions(bucket, rule, most)
  local key, count = P .. ':b:' .. bucket, 0
  if is_sliding(rule) then
    local log = call('LRANGE', key, -rule[R_LIMIT], -1)
    while count < most do
      local oldest = tonumber(log[#log - rule[R_LIMIT] + 1])
      if oldest and oldest + rule[R_INTERVAL] > now then return count, oldest + rule[R_INTERVAL] end
      log[#log + 1] = now
      count = count + 1
    end
    return count, now
  end
  local ms, part = read_tat(call('GET', key))
  while count < most do
    local room = ms and leaky_room(ms, part, rule) or now
    if room > now then return count, room end
    ms, part = leaky_charge(ms, part, now, rule)
    count = count + 1
  end
  return count, math.max(leaky_room(ms, part, rule), now)
end

-- Lets those out of line for whom there is room, back into their lanes.
local function open_gate(bucket, most)
  local rule = rule_of(bucket)
  local count, room = most, now
  if rule then count, room = admissions(bucket, rule, most) end
  local line = P .. ':h:' .. bucket
  local members = count > 0 and call('ZRANGE', line, 0, count - 1) or {}
  for _, member in ipairs(members) do
    local id = sub(member, 7)
    local job = split(call('HGET', JOBS, id))
    call('ZREM', line, member)
    job.bucket = nil
    job.f2 = with(job.f2, RELEASED, true)
    call('HSET', JOBS, id, join(job))
    add_to_lane(id, job)
  end
  if call('EXISTS', line) == 0 then
    call('ZREM', GATES, bucket)
    call('SREM', P .. ':G:' .. sub(bucket, 1, 16), bucket)
  else
    call('ZADD', GATES, room, bucket)
  end
end
