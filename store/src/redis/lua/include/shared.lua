-- Limiters: buckets that several integrations share. In a queue of one partition they are charged as others are. In a divided
-- one a limiter's buckets are in its home partition, which hands out units to others: a partition whose jobs need some says so
-- when it is claimed from (`ask_home`); the program fetches them (grant.lua) and brings them (credit.lua). They are good for a
-- short while after the moment at which they were asked for. So that no interval sees more than it may, the home charges them
-- as if the interval were longer by this while: what is handed out within both together is no more than the bound.
--
--   U:<bucket>  STRING  units that are left, until when they are good, until when its home has no more
--   Y:<bucket>  HASH    at home: partition -> when it was refused since it got some;  'last' -> the one that got some last

-- A bucket's name without the integration, if it is a limiter's.
local function own_name(bucket)
  if byte(bucket, 17) == 64 then return sub(bucket, 17) end
  return bucket
end

local function state_key(bucket)
  return P .. ':b:' .. own_name(bucket)
end

-- How soon a line is looked at again whose limiter was to be asked.
local LATER = 50
local MOST_WANTS, MOST_IN_WANT = 64, 64
local wants, wants_count = {}, 0

local function is_remote(rule)
  return (rule[R_WINDOW] or 0) > 0
end

-- How many units are left of a limiter's bucket, and until when its home has no more.
local function allowance_of(bucket)
  local text = call('GET', P .. ':U:' .. own_name(bucket))
  if not text then return 0, 0 end
  local left, good, full = string.match(text, '^(%d+):(%d+):(%d+)$')
  return tonumber(good) > now and tonumber(left) or 0, tonumber(full), tonumber(good)
end

local function set_allowance(bucket, left, good, full)
  local key, ends = P .. ':U:' .. own_name(bucket), math.max(good, full)
  if ends <= now then
    call('DEL', key)
    return
  end
  local text = string.format('%.0f:%.0f:%.0f', left, good, full)
  if manual then call('SET', key, text) else call('SET', key, text, 'PX', ends - now) end
end

local function use_allowance(bucket, units)
  local left, full, good = allowance_of(bucket)
  set_allowance(bucket, left - units, good, full)
end

-- Units of a limiter's bucket are needed by a job in line at `gate`.
local function ask_home(bucket, rule, units, gate)
  local name = own_name(bucket)
  local it = wants[name]
  if not it then
    if wants_count >= MOST_WANTS then return end
    wants_count = wants_count + 1
    it = { rule, 0, units, {} }
    wants[name] = it
  end
  it[2] = it[2] + units
  it[4][gate] = true
end

-- What the program is to fetch, for each: name, rule, how many units, the least that helps, the gates to open.
local function wanted()
  local out = {}
  for name, it in pairs(wants) do
    local n, gates = #out, {}
    for gate in pairs(it[4]) do gates[#gates + 1] = gate end
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = name, cmsgpack.pack(it[1]), it[2], it[3], gates
  end
  return out
end

-- A limiter's room as if it were charged, without charging it; see limits.lua.
local function rehearsal_of_allowance(bucket, rule, held)
  local left, full = allowance_of(bucket)
  local function asks() return held <= now and full <= now end
  return {
    is_shut = held > now,
    take = function(weight)
      local units = units_of(rule, weight)
      if held > now then return false end
      if left >= units then
        left = left - units
        return true
      end
      if asks() then ask_home(bucket, rule, units, bucket) end
      return false
    end,
    opens = function(weight)
      if held > now then return held end
      if left >= units_of(rule, weight) then return now end
      return full > now and full or now + LATER
    end,
    -- Those behind need some as well.
    want_more = function(members, from)
      if not asks() then return end
      for i = from, math.min(#members, from + MOST_IN_WANT) do
        local job = split(call('HGET', JOBS, sub(members[i], 7)))
        ask_home(bucket, rule, units_of(rule, weight_of(job)), bucket)
      end
    end,
  }
end
