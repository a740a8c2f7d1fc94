#!lua
-- fire: queue the ticks of a schedule and move its cursor, if nobody else has. Refused as a whole when memory is short.
-- KEYS: the tag. ARGV: clock, most jobs of the partition, integration, cursor to move from or '', cursor to move to,
--   what to do about earlier ticks ('q' queue beside them, 's' skip, 'r' revoke the running ones), the ticks (together.lua).
-- Answers: 'lost' and the cursor or '', or 'skipped', or 'queued' with id and blob of each that was revoked; or FULL.
--@include base turns together blob job lanes pending insert
local integration, from, to, if_busy = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local ticks = tonumber(ARGV[7])
local cursor = call('HGET', P .. ':u', integration) or ''
if cursor ~= from then return { 'lost', cursor } end
if call('HLEN', JOBS) + ticks > tonumber(ARGV[2]) then return redis.error_reply('FULL') end
call('HSET', P .. ':u', integration, to)
if ticks == 0 then return { 'queued' } end
if if_busy == 's' and call('HEXISTS', TICKS, integration) == 1 then return { 'skipped' } end
local answers = { 'queued' }
if if_busy == 'r' then
  take_out_running(integration, function(flags) return has(flags, 2) end, function(id, blob)
    answers[#answers + 1], answers[#answers + 2] = id, blob
  end)
end
insert_groups(7)
insert_others({})
settle_places()
return answers
