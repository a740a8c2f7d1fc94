#!lua
-- fire: queue the ticks of a schedule, move its cursor and note what became of its ticks, if nobody else has. Refused as a
-- whole when memory is short.
-- KEYS: the tag. ARGV: clock, most jobs of the partition, integration, id of the schedule or '' for that of its settings,
--   cursor to move from or '', cursor if the ticks are queued, cursor if they are skipped, what to do about earlier ticks
--   ('q' queue beside them, 's' skip, 'r' revoke the running ones), how many records if they are queued, how many if they
--   are skipped, name and record of each, the ticks (together.lua).
-- Answers: 'lost' and the cursor or '', or 'skipped', or 'queued' with id and blob of each that was revoked; or FULL.
--@include base turns together blob job lanes pending insert
local integration, schedule, from, if_busy = ARGV[3], ARGV[3] .. ARGV[4], ARGV[5], ARGV[8]
local if_queued, if_skipped = tonumber(ARGV[9]), tonumber(ARGV[10])
local at = 11 + 2 * (if_queued + if_skipped)
local ticks = tonumber(ARGV[at])
local cursor = call('HGET', P .. ':u', schedule) or ''
if cursor ~= from then return { 'lost', cursor } end
if call('HLEN', JOBS) + ticks > tonumber(ARGV[2]) then return redis.error_reply('FULL') end

local function note(first, count)
  for i = first, first + 2 * count - 2, 2 do call('HSET', P .. ':y', ARGV[i], ARGV[i + 1]) end
end

if ticks > 0 and if_busy == 's' and call('HEXISTS', TICKS, schedule) == 1 then
  call('HSET', P .. ':u', schedule, ARGV[7])
  note(11 + 2 * if_queued, if_skipped)
  return { 'skipped' }
end
call('HSET', P .. ':u', schedule, ARGV[6])
note(11, if_queued)
local answers = { 'queued' }
if ticks == 0 then return answers end
if if_busy == 'r' then
  take_out_running(integration, schedule, function(flags) return has(flags, 2) end, function(id, blob)
    answers[#answers + 1], answers[#answers + 2] = id, blob
  end)
end
insert_groups(at)
insert_others({})
settle_places()
return answers
