-- kept: the cache of one integration.
--
--   v    HASH    'k' + key -> end in milliseconds, a blank, the JSON text;  'bytes' -> bytes of all entries
--   e    ZSET    key -> its end
-- Both end by themselves with their last entry. Needs `base`.
local VALUES, ENDS = P .. ':v', P .. ':e'

-- The end of what a key has, and the text; nothing when it has none.
local function kept(key)
  local found = call('HGET', VALUES, 'k' .. key)
  if not found then return nil end
  local blank = find(found, ' ', 1, true)
  return tonumber(sub(found, 1, blank - 1)), sub(found, blank + 1)
end

-- Drops a key, and takes its bytes from the sum. Whether it was still good.
local function drop(key, entry_bytes)
  local ends, text = kept(key)
  if not ends then return false end
  call('HDEL', VALUES, 'k' .. key)
  call('ZREM', ENDS, key)
  call('HINCRBY', VALUES, 'bytes', -(2 * #key + #text + entry_bytes))
  return ends > now
end
