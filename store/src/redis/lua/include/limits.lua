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

-- Later than any time that is stored: when a paused bucket opens.
local NEVER = 281474976710655
local any_holds

-- Until when a bucket is shut, and whether it is paused.
local function hold_of(bucket)
  if any_holds == nil then any_holds = call('EXISTS', HOLDS) == 1 end
  local text = any_holds and call('HGET', HOLDS, own_name(bucket))
  if not text then return 0, false end
  if byte(text) == 112 then return NEVER, true end
  return tonumber(text), false
end

-- From when on a bucket has room for so many units, as if nobody else were admitted until then; its state for `charge`;
-- whether nobody is to be refused, as it is paused, or its limiter has to be asked first; and whether the latter.
local function room_of(bucket, rule, units)
  local held, paused = hold_of(bucket)
  if is_remote(rule) then
    local left, full = allowance_of(bucket)
    local is_unknown = left < units and full <= now
    local room = left >= units and now or is_unknown and now + LATER or full
    return math.max(room, held), left, full, paused or is_unknown, is_unknown
  end
  local key = state_key(bucket)
  if is_sliding(rule) then
    local oldest = tonumber(call('LINDEX', key, units - rule[R_LIMIT] - 1) or nil)
    return math.max(oldest and oldest + rule[R_INTERVAL] or now, held), nil, nil, paused
  end
  local ms, part = read_tat(call('GET', key))
  if not ms then return math.max(now, held), nil, 0, paused end
  return math.max(leaky_room(ms, part, rule, units), held), ms, part, paused
end

-- Adds admissions now to the log of a sliding window.
local function charge_sliding(key, rule, units)
  local last = tonumber(call('LINDEX', key, -1) or nil)
  if not last or last <= now then
    local entries = {}
    for i = 1, units do entries[i] = now_text end
    call_many('RPUSH', key, entries)
  else
    -- The clock has gone back: the log stays in order.
    local place, first_later = -1, last
    while true do
      local earlier = tonumber(call('LINDEX', key, place - 1) or nil)
      if not earlier or earlier <= now then break end
      place, first_later = place - 1, earlier
    end
    for _ = 1, units do call('LINSERT', key, 'BEFORE', string.format('%.0f', first_later), now_text) end
  end
  call('LTRIM', key, -rule[R_LIMIT], -1)
  if not manual then call('PEXPIRE', key, math.max(last or now, now) - now + rule[R_INTERVAL]) end
end

local function charge(bucket, rule, units, ms, part)
  if is_remote(rule) then return use_allowance(bucket, units) end
  local key = state_key(bucket)
  if is_sliding(rule) then return charge_sliding(key, rule, units) end
  ms, part = leaky_charge(ms, part, now, rule, units)
  if manual then
    call('SET', key, tat_text(ms, part))
  else
    call('SET', key, tat_text(ms, part), 'PX', math.max(ms + 1 - now, 1))
  end
end

-- The key of today's refusals of an integration, or of a limiter, by a rule's name.
local function refusals_key(integration, name)
  local owner = byte(name) == 64 and sub(name, 1, 33) or integration
  return P .. ':F:' .. string.format('%.0f', floor(now / 86400000)) .. ':' .. owner
end

local MOST_REFUSED_KEYS = 10000

-- Counts a refusal by a rule, and by its bucket for a subject.
local function count_refusal(integration, rule, subject)
  local key, name = refusals_key(integration, rule[R_NAME]), rule[R_NAME]
  call('HINCRBY', key, name .. '[' .. concat(rule[R_FIELDS], ',') .. ']', 1)
  if subject and (call('HLEN', key) < MOST_REFUSED_KEYS or call('HEXISTS', key, name .. subject) == 1) then
    call('HINCRBY', key, name .. subject, 1)
  end
  if not manual then call('PEXPIREAT', key, (floor(now / 86400000) + 1) * 86400000) end
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
local function admit(integration, rules, key, released, weight)
  local fields
  local buckets, rooms, states, parts, applied, units = {}, {}, {}, {}, {}, {}
  local refused, refused_room, refused_subject, longest
  local unknown = {}
  for place = 1, #rules do
    local rule = rules[place]
    if not fields and key and #rule[R_FIELDS] > 0 then fields = fields_of(key) end
    local subject = subject_of(rule, fields)
    if not subject then
      if rule[R_MISSING] then
        count_refusal(integration, rule, nil)
        return 'refuse', place - 1, -1
      end
    else
      local bucket = integration .. rule[R_NAME] .. subject
      local takes = units_of(rule, weight)
      local room, ms, part, paused, is_unknown = room_of(bucket, rule, takes)
      if is_unknown then unknown[#unknown + 1] = { bucket, rule, takes } end
      if rule[R_DELAY] and not released then
        local opens = call('ZSCORE', GATES, bucket)
        if opens then room = math.max(room, now + 1, opens ~= 'inf' and tonumber(opens) or 0) end
      end
      local i = #applied + 1
      applied[i], buckets[i], rooms[i], states[i], parts[i], units[i] = rule, bucket, room, ms, part, takes
      if room > now then
        if not rule[R_DELAY] and not paused and not refused then
          refused, refused_room, refused_subject = place - 1, room, subject
        end
        if not longest or room > rooms[longest] then longest = i end
      end
    end
  end
  if refused then
    count_refusal(integration, rules[refused + 1], refused_subject)
    return 'refuse', refused, refused_room - now
  end
  if longest then
    for _, it in ipairs(unknown) do ask_home(it[1], it[2], it[3], buckets[longest]) end
    return 'wait', buckets[longest], rooms[longest]
  end
  for i = 1, #applied do charge(buckets[i], applied[i], units[i], states[i], parts[i]) end
  return 'start'
end

-- The same of a job that was charged before: only a bucket that is shut stops it.
local function admit_charged(integration, rules, key)
  local fields, longest, last = key and fields_of(key) or nil, nil, now
  for _, rule in ipairs(rules) do
    local subject = subject_of(rule, fields)
    if subject then
      local bucket = integration .. rule[R_NAME] .. subject
      local held = hold_of(bucket)
      if held > last then longest, last = bucket, held end
    end
  end
  if longest then return 'wait', longest, last end
  return 'start'
end

-- The rule that a bucket belongs to, by the key of a job in its line; nil if the rules were edited.
local function rule_of(bucket, key)
  local integration = sub(bucket, 1, 16)
  local control = control_of(integration)
  local fields = key and fields_of(key) or nil
  for _, rule in ipairs(control and control[5] or {}) do
    local subject = subject_of(rule, fields)
    if subject and integration .. rule[R_NAME] .. subject == bucket then return rule end
  end
end

-- A bucket's room as if it were charged, without charging it.
local function rehearsal(bucket, rule)
  local held = hold_of(bucket)
  if not rule or not rule[R_DELAY] then
    -- Nobody waits for such a bucket but while it is shut.
    if not rule then held = 0 end
    return {
      is_shut = held > now,
      take = function() return held <= now end,
      opens = function() return held > now and held or 0 end,
    }
  end
  if is_remote(rule) then return rehearsal_of_allowance(bucket, rule, held) end
  local key, ms, part, log = state_key(bucket), nil, 0, nil
  if is_sliding(rule) then log = call('LRANGE', key, -rule[R_LIMIT], -1) else ms, part = read_tat(call('GET', key)) end
  local function room(units)
    if not log then return math.max(ms and leaky_room(ms, part, rule, units) or now, held) end
    local oldest = tonumber(log[#log - rule[R_LIMIT] + units])
    return math.max(oldest and oldest + rule[R_INTERVAL] or now, held)
  end
  return {
    is_shut = held > now,
    take = function(weight)
      local units = units_of(rule, weight)
      if room(units) > now then return false end
      if log then
        for _ = 1, units do log[#log + 1] = now end
      else
        ms, part = leaky_charge(ms, part, now, rule, units)
      end
      return true
    end,
    opens = function(weight) return math.max(room(units_of(rule, weight)), now) end,
  }
end

-- Lets those out of line for whom there is room, and those whose opening is over, back into their lanes.
local function open_gate(bucket, most)
  local line = P .. ':h:' .. bucket
  local members = call('ZRANGE', line, 0, most)
  local room, out
  local next_weight, has_room = 1, true
  local has_charged = call('SISMEMBER', CHARGED_LINES, bucket) == 1
  for i = 1, #members do
    local id = sub(members[i], 7)
    local job = split(call('HGET', JOBS, id))
    room = room or rehearsal(bucket, rule_of(bucket, job.key))
    local is_free = (job.closes and now >= unpack_number('>I6', job.closes)) or (has(job.f1, CHARGED) and not room.is_shut)
    if has_room and not is_free then
      next_weight = weight_of(job)
      has_room = i <= most and room.take(next_weight)
      if not has_room and room.want_more then room.want_more(members, i + 1) end
    end
    -- Those that were charged before take no room, and pass.
    if not has_room and not has_charged then break end
    if i <= most and (has_room or is_free) then
      call('ZREM', line, members[i])
      set_line(job, bucket, false)
      call('HSET', JOBS, id, join(job))
      add_to_lane(id, job)
      out = (out or 0) + 1
    end
  end
  if has_charged and room and not room.is_shut and #members <= most then call('SREM', CHARGED_LINES, bucket) end
  if out then call('HINCRBY', LET_OUT, bucket, out) end
  if call('EXISTS', line) == 0 then close_gate(bucket) else call('ZADD', GATES, room.opens(next_weight), bucket) end
end
