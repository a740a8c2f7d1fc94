-- Which queues there are, turns and wake-ups: the part of lanes.lua that plain jobs need too.
local controls = {}
local last_turn

-- The turn of one that becomes ready: behind all that were served before the last turn.
local function entering_turn()
  last_turn = last_turn or tonumber(call('GET', P .. ':o') or 0)
  return math.max(last_turn - 0.5, micros)
end

-- Adds up what a queue of one priority means for its lane's mask.
local function note_queue(integration, lane, priority, empty)
  local name = integration .. lane
  local flag = 2 ^ priority
  local mask = tonumber(call('HGET', MASKS, name) or 0)
  if (floor(mask / flag) % 2 == 0) == empty then return end
  local changed = empty and mask - flag or mask + flag
  if changed == 0 then call('HDEL', MASKS, name) else call('HSET', MASKS, name, changed) end
  if lane ~= '' and (mask == 0 or changed == 0) then
    local counter = '@' .. integration
    if changed == 0 then
      call('SREM', P .. ':L:' .. integration, lane)
      if call('HINCRBY', MASKS, counter, -1) <= 0 then call('HDEL', MASKS, counter) end
    else
      call('SADD', P .. ':L:' .. integration, lane)
      call('HINCRBY', MASKS, counter, 1)
    end
  end
end

local soonest

-- Work may be there at this time: claimers that would sleep longer are woken.
local function wake(at)
  if not soonest or at < soonest then soonest = at end
end

local function wake_sleepers()
  if not soonest then return end
  local asleep = call('GET', P .. ':z')
  if asleep and soonest < tonumber(asleep) then
    call('DEL', P .. ':z')
    call('PUBLISH', P .. ':wake', '')
  end
end
