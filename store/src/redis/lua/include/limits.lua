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
  set_line(job, bucket, true)
  call('HSET', JOBS, id, join(job))
  call('ZADD', P .. ':h:' .. bucket, job.due, member_of(id, job))
  local opens = call('ZSCORE', GATES, bucket)
  if not opens or opens == 'inf' then
    call('ZADD', GATES, room, bucket)
    call('SADD', P .. ':G:' .. job.integration, bucket)
  end
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
        local opens = call('ZSCORE', GATES, bucket)
        if opens then room = math.max(room, now + 1, opens ~= 'inf' and tonumber(opens) or 0) end
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

-- The delaying rule that a bucket belongs to, by the key of a job in its line; nil if the rules were edited.
local function rule_of(bucket, key)
  local integration = sub(bucket, 1, 16)
  local control = control_of(integration)
  local fields = key and fields_of(key) or nil
  for _, rule in ipairs(control and control[5] or {}) do
    local subject = rule[R_DELAY] and subject_of(rule, fields)
    if subject and integration .. rule[R_NAME] .. subject == bucket then return rule end
  end
end

-- A bucket's room as if it were charged, without charging it.
local function rehearsal(bucket, rule)
  if not rule then
    return { take = function() return true end, opens = function() return 0 end }
  end
  local key, ms, part, log = P .. ':b:' .. bucket, nil, 0, nil
  if is_sliding(rule) then log = call('LRANGE', key, -rule[R_LIMIT], -1) else ms, part = read_tat(call('GET', key)) end
  local function room()
    if not log then return ms and leaky_room(ms, part, rule) or now end
    local oldest = tonumber(log[#log - rule[R_LIMIT] + 1])
    return oldest and oldest + rule[R_INTERVAL] or now
  end
  return {
    take = function()
      if room() > now then return false end
      if log then log[#log + 1] = now else ms, part = leaky_charge(ms, part, now, rule) end
      return true
    end,
    opens = function() return math.max(room(), now) end,
  }
end

-- Lets those out of line for whom there is room, and those whose opening is over, back into their lanes.
local function open_gate(bucket, most)
  local line = P .. ':h:' .. bucket
  local members = call('ZRANGE', line, 0, most)
  local room, out
  for i = 1, math.min(#members, most) do
    local id = sub(members[i], 7)
    local job = split(call('HGET', JOBS, id))
    room = room or rehearsal(bucket, rule_of(bucket, job.key))
    local is_over = job.closes and now >= unpack_number('>I6', job.closes)
    if not is_over and not room.take() then break end
    call('ZREM', line, members[i])
    set_line(job, bucket, false)
    call('HSET', JOBS, id, join(job))
    add_to_lane(id, job)
    out = (out or 0) + 1
  end
  if out then call('HINCRBY', LET_OUT, bucket, out) end
  if call('EXISTS', line) == 0 then close_gate(bucket) else call('ZADD', GATES, room.opens(), bucket) end
end
