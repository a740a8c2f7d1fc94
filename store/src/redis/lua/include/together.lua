-- New jobs, as the program lays them out from ARGV[at] on: how many there are, then groups of
--   integration, priority, kind, count, then for each job: id, blob without its number of arrival, due, and beside that
--   if the kind is 'p', plain: nothing
--   if it is 'r', 'k' or 'j', named: its key, with which it replaces, keeps or is rejected by a job that has it
--   if it is 'o', any other: key that names it or '', one of those letters or 'd' (debounced) or 's' (the only one), most pending jobs of its lane or -1,
--     idempotency key or '', fingerprint, until.
-- Plain and named ones have no lane and no idempotency key, and are no ticks. Those of a group go in together, unless
-- the id is known or the key taken. What is left waits in `others` for insert.lua, which takes one after the other; each
-- is: place in ARGV, place in the call (from 0), number of arrival, integration, kind.
local others = {}
local not_placed = {}

-- An integration has new jobs in the lane of all others, the first due at `first`: mostly nothing changes for it.
local function place_newcomers(integration, first)
  -- One that is ready stays ready, and one that waits for less goes on waiting.
  if call('ZRANK', READY, integration) then return end
  local waits_for = call('ZSCORE', WAITING, integration)
  if waits_for and tonumber(waits_for) <= first then return end
  if call('HEXISTS', CONTROLS, integration) == 1 then
    not_placed[integration] = true
    return
  end
  if first <= now then
    call('ZADD', READY, entering_turn(), integration)
    if waits_for then call('ZREM', WAITING, integration) end
  else
    call('ZADD', WAITING, first, integration)
  end
  wake(first)
end

local function insert_together(at, count, integration, priority, kind, arrival, place)
  local named = kind ~= 'p'
  local width = named and 4 or 3
  local ids, taken = {}, {}
  for i = 1, count do ids[i] = ARGV[at + (i - 1) * width] end
  local known = call('HMGET', JOBS, unpack(ids))
  local keys = P .. ':k:' .. integration
  if named then
    for i = 1, count do taken[i] = ARGV[at + i * 4 - 1] end
    taken = call('HMGET', keys, unpack(taken))
  end
  local blobs, members, names, seen, n, first, last_due = {}, {}, {}, {}, 0, nil, nil
  local urgency = char(9 - priority)
  for i = 1, count do
    local id, due, key = ids[i], ARGV[at + 2], ARGV[at + 3]
    if known[i] or taken[i] or (named and seen[key]) then
      others[#others + 1] = { at, place + i - 1, arrival + i - 1, integration, kind }
    else
      local number = pack('>I5', arrival + i - 1)
      blobs[2 * n + 1], blobs[2 * n + 2] = id, number .. ARGV[at + 1]
      members[2 * n + 1], members[2 * n + 2] = due, urgency .. number .. id
      if named then
        names[2 * n + 1], names[2 * n + 2] = key, id
        seen[key] = true
      end
      n = n + 1
      if due ~= last_due then
        local at_ms = tonumber(due)
        if not first or at_ms < first then first = at_ms end
        last_due = due
      end
    end
    at = at + width
  end
  if n == 0 then return at end
  call('HSET', JOBS, unpack(blobs))
  call('ZADD', P .. ':q' .. priority .. ':' .. integration, unpack(members))
  if named then call('HSET', keys, unpack(names)) end
  note_queue(integration, '', priority, false)
  place_newcomers(integration, first)
  return at
end

local function insert_groups(at)
  local total, place = tonumber(ARGV[at]), 0
  if total == 0 then return end
  local arrival = call('INCRBY', P .. ':s', total) - total
  at = at + 1
  while place < total do
    local integration, priority, kind, count = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], tonumber(ARGV[at + 3])
    at = at + 4
    if kind == 'o' then
      for i = 0, count - 1 do
        others[#others + 1] = { at, place + i, arrival + place + i, integration, kind }
        at = at + 9
      end
    else
      at = insert_together(at, count, integration, priority, kind, arrival + place, place)
    end
    place = place + count
  end
end
