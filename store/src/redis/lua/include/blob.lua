-- A job as bytes: a header that the scripts read, then a body that only the program does (redis/blob.rs).
--
--   1      flags: 1 its key names it, 2 a newer pending job has its key, 4 charged, 8 tick, 16 awaited, 32 has an error,
--                 64 has a lane, 128 its opening ends
--   2      16 x priority + flags: 1 in line at a bucket, 2 let out of a line, 4 has a key
--   3, 4   attempts, lost leases
--   5-9    number of arrival          10-15  due          16-31  integration
--   then, as far as it has them: end of its opening (6 bytes), lane, key, bucket it is in line at or was let out of; then
--   the body
local KEYED, DETACHED, CHARGED, TICK, AWAITED, HAS_ERROR, HAS_LANE, HAS_CLOSES = 1, 2, 4, 8, 16, 32, 64, 128
local IN_LINE, RELEASED, HAS_KEY = 1, 2, 4

local function has(flags, flag)
  return floor(flags / flag) % 2 == 1
end

local function with(flags, flag, on)
  if has(flags, flag) == on then return flags end
  return on and flags + flag or flags - flag
end

-- A text with its length before it, and the place after it.
local function text_at(blob, at)
  local length = byte(blob, at)
  if length < 255 then return sub(blob, at + 1, at + length), at + 1 + length end
  length = byte(blob, at + 1) * 256 + byte(blob, at + 2)
  return sub(blob, at + 3, at + 2 + length), at + 3 + length
end

local function text_bytes(text)
  local length = #text
  if length < 255 then return char(length) .. text end
  return char(255, floor(length / 256), length % 256) .. text
end

local function number6(number)
  return pack('>I6', number)
end

-- The place of the key in a blob that has one.
local function key_place(blob, flags)
  local at = 32
  if flags >= HAS_CLOSES then at = 38 end
  if has(flags, HAS_LANE) then
    local _, next_at = text_at(blob, at)
    at = next_at
  end
  return at
end

local function split(blob)
  local f1, f2, attempts, lost = byte(blob, 1, 4)
  local job = {
    f1 = f1, f2 = f2, attempts = attempts, lost = lost, arrival = sub(blob, 5, 9),
    due = unpack_number('>I6', blob, 10), integration = sub(blob, 16, 31), lane = '',
  }
  local at = 32
  if f1 >= HAS_CLOSES then
    job.closes = sub(blob, 32, 37)
    at = 38
  end
  if has(f1, HAS_LANE) then job.lane, at = text_at(blob, at) end
  if has(f2, HAS_KEY) then job.key, at = text_at(blob, at) end
  if has(f2, IN_LINE) or has(f2, RELEASED) then job.bucket, at = text_at(blob, at) end
  job.body = sub(blob, at)
  return job
end

local function join(job)
  local f1 = with(job.f1, HAS_CLOSES, job.closes ~= nil)
  return concat({
    char(f1, job.f2, math.min(job.attempts, 255), math.min(job.lost, 255)), job.arrival, number6(job.due), job.integration,
    job.closes or '', has(f1, HAS_LANE) and text_bytes(job.lane) or '', job.key and text_bytes(job.key) or '',
    job.bucket and text_bytes(job.bucket) or '', job.body,
  })
end

-- A job's place in the order of its lane, and in a line.
local function member_of(id, job)
  return char(9 - floor(job.f2 / 16)) .. job.arrival .. id
end

local function queue_of(job)
  return P .. ':q' .. floor(job.f2 / 16) .. ':' .. job.integration .. job.lane
end
