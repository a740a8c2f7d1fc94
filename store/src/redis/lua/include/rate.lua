-- The arithmetic of rate limits: the same whole numbers as in the program (schedules/src/rate), compared with it by a
-- property test. A rule is a list: name, limit, interval_ms, burst, and T = interval / limit and (burst - 1) x T, each as
-- whole milliseconds and a rest in limit-ths; then whether it delays, whether it refuses keys that lack a field, and the
-- fields, as JSON texts; and, of a limiter in a divided queue, how long units that it hands out are good (shared.lua).
local R_NAME, R_LIMIT, R_INTERVAL, R_BURST, R_T, R_T_PART, R_AHEAD, R_AHEAD_PART, R_DELAY, R_MISSING, R_FIELDS, R_WINDOW =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13

local function is_sliding(rule)
  local name = rule[R_NAME]
  return byte(name, byte(name) == 64 and 34 or 1) == 115
end

local function burst_of(rule)
  return rule[R_BURST] >= 0 and rule[R_BURST] or rule[R_LIMIT]
end

-- What a job of this weight takes: at most all there is.
local function units_of(rule, weight)
  if weight == 1 then return 1 end
  return math.min(weight, is_sliding(rule) and rule[R_LIMIT] or burst_of(rule))
end

-- count x interval / limit.
local function times(rule, count)
  local parts, limit = count * rule[R_T_PART], rule[R_LIMIT]
  return count * rule[R_T] + floor(parts / limit), parts % limit
end

-- A part left over from a larger limit counts as a whole millisecond.
local function fitted(ms, part, limit)
  if part < limit then return ms, part end
  return ms + 1, 0
end

-- The first millisecond at which a leaky bucket that is empty at (ms, part) has room for so many units.
local function leaky_room(ms, part, rule, units)
  ms, part = fitted(ms, part, rule[R_LIMIT])
  local ahead, ahead_part = rule[R_AHEAD], rule[R_AHEAD_PART]
  if units > 1 then ahead, ahead_part = times(rule, burst_of(rule) - units) end
  return ms - ahead + (part > ahead_part and 1 or 0)
end

-- When it is empty after an admission of so many units at `at`; ms is nil if it is empty now.
local function leaky_charge(ms, part, at, rule, units)
  local limit = rule[R_LIMIT]
  if ms then ms, part = fitted(ms, part, limit) end
  if not ms or ms < at then ms, part = at, 0 end
  local t, t_part = rule[R_T], rule[R_T_PART]
  if units > 1 then t, t_part = times(rule, units) end
  ms, part = ms + t, part + t_part
  if part >= limit then return ms + 1, part - limit end
  return ms, part
end

local function read_tat(text)
  if not text then return nil, 0 end
  local colon = find(text, ':', 1, true)
  if not colon then return tonumber(text), 0 end
  return tonumber(sub(text, 1, colon - 1)), tonumber(sub(text, colon + 1))
end

local function tat_text(ms, part)
  local text = string.format('%.0f', ms)
  if part == 0 then return text end
  return text .. ':' .. string.format('%.0f', part)
end
