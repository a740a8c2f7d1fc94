-- The arithmetic of rate limits: the same whole numbers as in the program (schedules/src/rate), compared with it by a
-- property test. A rule is a list: name, limit, interval_ms, burst, and T = interval / limit and (burst - 1) x T, each as
-- whole milliseconds and a rest in limit-ths; then whether it delays, whether it refuses keys that lack a field, and the
-- fields, as JSON texts.
local R_NAME, R_LIMIT, R_INTERVAL, R_T, R_T_PART, R_AHEAD, R_AHEAD_PART, R_DELAY, R_MISSING, R_FIELDS =
  1, 2, 3, 5, 6, 7, 8, 9, 10, 11

-- A part left over from a larger limit counts as a whole millisecond.
local function fitted(ms, part, limit)
  if part < limit then return ms, part end
  return ms + 1, 0
end

-- The first millisecond at which a leaky bucket that is empty at (ms, part) has room.
local function leaky_room(ms, part, rule)
  ms, part = fitted(ms, part, rule[R_LIMIT])
  return ms - rule[R_AHEAD] + (part > rule[R_AHEAD_PART] and 1 or 0)
end

-- When it is empty after an admission at `at`; ms is nil if it is empty now.
local function leaky_charge(ms, part, at, rule)
  local limit = rule[R_LIMIT]
  if ms then ms, part = fitted(ms, part, limit) end
  if not ms or ms < at then ms, part = at, 0 end
  ms, part = ms + rule[R_T], part + rule[R_T_PART]
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
