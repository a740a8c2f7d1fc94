-- A job as bytes: a header that the scripts read, then a body that only the program does (redis/blob.rs).
--
--   1-5    number of arrival: first, so that a script has only to put it before what the program sent
--   6      flags: 1 its key names it, 2 a newer pending job has its key, 4 charged, 8 tick, 16 awaited, 32 has an error,
--                 64 has a lane, 128 its opening ends
--   7      16 x priority + flags: 1 in line at a bucket, 2 let out of a line, 4 has a key, 8 there is more
--   8, 9   attempts, lost leases
--   10-15  due          16-31  integration
--   then, as far as it has them: end of its opening (6 bytes), lane, key, more, bucket it is in line at or was let out of; then
--   the body. More is a byte that says what, and in this order: for 4 its weight (4 bytes), for 1 the id of its schedule (16),
--   for 2 latest due time (6) and number of pushes (4) of a debounced one
--
-- A blob that comes into a script costs more than all that is done with it, as Lua hashes every byte of a text: scripts
-- take as few apart, and make as few, as they can.
local KEYED, DETACHED, CHARGED, TICK, AWAITED, HAS_ERROR, HAS_LANE, HAS_CLOSES = 1, 2, 4, 8, 16, 32, 64, 128
local IN_LINE, RELEASED, HAS_KEY, HAS_MORE = 1, 2, 4, 8
local HAS_WEIGHT, HAS_SCHEDULE, DEBOUNCED = 4, 1, 2

local function has(flags, flag)
  return floor(flags / flag) % 2 == 1
end

-- A text with its length before it, and the place after it.
local function text_at(blob, at)
  local length = byte(blob, at)
  if length < 255 then return sub(blob, at + 1, at + length), at + 1 + length end
  length = byte(blob, at + 1) * 256 + byte(blob, at + 2)
  return sub(blob, at + 3, at + 2 + length), at + 3 + length
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

-- The key of a blob's job, if it has one, and its weight.
local function key_and_weight(blob, f1, f2)
  local key, at
  if has(f2, HAS_KEY) then
    key, at = text_at(blob, key_place(blob, f1))
  elseif has(f2, HAS_MORE) then
    at = key_place(blob, f1)
  end
  local weighs = has(f2, HAS_MORE) and has(byte(blob, at), HAS_WEIGHT)
  return key, weighs and unpack_number('>I4', blob, at + 1) or 1
end
