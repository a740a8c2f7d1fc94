-- A blob taken apart, changed and put together again.
local function with(flags, flag, on)
  if has(flags, flag) == on then return flags end
  return on and flags + flag or flags - flag
end

local function text_bytes(text)
  local length = #text
  if length < 255 then return char(length) .. text end
  return char(255, floor(length / 256), length % 256) .. text
end

local function number6(number)
  return pack('>I6', number)
end

local function split(blob)
  local f1, f2, attempts, lost = byte(blob, 6, 9)
  local job = {
    arrival = sub(blob, 1, 5), f1 = f1, f2 = f2, attempts = attempts, lost = lost,
    due = unpack_number('>I6', blob, 10), integration = sub(blob, 16, 31), lane = '',
  }
  local at = 32
  if f1 >= HAS_CLOSES then
    job.closes = sub(blob, 32, 37)
    at = 38
  end
  if has(f1, HAS_LANE) then job.lane, at = text_at(blob, at) end
  if has(f2, HAS_KEY) then job.key, at = text_at(blob, at) end
  if has(f2, HAS_MORE) then
    local parts = byte(blob, at)
    at = at + 1
    if has(parts, HAS_WEIGHT) then
      job.weight = sub(blob, at, at + 3)
      at = at + 4
    end
    if has(parts, HAS_SCHEDULE) then
      job.schedule = sub(blob, at, at + 15)
      at = at + 16
    end
    if has(parts, DEBOUNCED) then
      job.debounce = sub(blob, at, at + 9)
      at = at + 10
    end
  end
  if has(f2, IN_LINE) or has(f2, RELEASED) then job.bucket, at = text_at(blob, at) end
  job.body = sub(blob, at)
  return job
end

-- What flag 8 announces.
local function more_bytes(job)
  if not has(job.f2, HAS_MORE) then return '' end
  local parts = (job.weight and HAS_WEIGHT or 0) + (job.schedule and HAS_SCHEDULE or 0) + (job.debounce and DEBOUNCED or 0)
  return char(parts) .. (job.weight or '') .. (job.schedule or '') .. (job.debounce or '')
end

local function join(job)
  local f1 = with(job.f1, HAS_CLOSES, job.closes ~= nil)
  return concat({
    job.arrival, char(f1, job.f2, math.min(job.attempts, 255), math.min(job.lost, 255)), number6(job.due), job.integration,
    job.closes or '', has(f1, HAS_LANE) and text_bytes(job.lane) or '', job.key and text_bytes(job.key) or '',
    more_bytes(job), job.bucket and text_bytes(job.bucket) or '', job.body,
  })
end

-- The schedule whose tick it is, as the counters name it.
local function schedule_of(job)
  return job.integration .. (job.schedule or '')
end

local function weight_of(job)
  return job.weight and unpack_number('>I4', job.weight) or 1
end

-- A job's place in the order of its lane, and in a line.
local function member_of(id, job)
  return char(9 - floor(job.f2 / 16)) .. job.arrival .. id
end

local function queue_of(job)
  return P .. ':q' .. floor(job.f2 / 16) .. ':' .. job.integration .. job.lane
end
