#!lua
-- fire: for each of some schedules: queue its ticks, move its cursor and note what became of its ticks, if nobody else has.
-- Refused as a whole when memory is short.
-- KEYS: the tag. ARGV: clock, most jobs of the partition, then for each schedule: how many arguments follow for it,
--   integration, id of the schedule or '' for that of its settings, cursor to move from or '', cursor if the ticks are
--   queued, cursor if they are skipped, what to do about earlier ticks ('q' queue beside them, 's' skip, 'r' revoke the
--   running ones), how many records if they are queued, how many if they are skipped, name and record of each, the ticks
--   (together.lua).
-- Answers, for each: 'lost' and the cursor or '', or 'skipped', or 'full', or 'queued' with id and blob of each that was
--   revoked; or 'failed' and why: what is wrong with one schedule is not to stop the others, time and again.
--@include base turns together blob job lanes pending insert
local function note(first, count)
  for i = first, first + 2 * count - 2, 2 do call('HSET', P .. ':y', ARGV[i], ARGV[i + 1]) end
end

local function fire(at)
  local integration, schedule, from, if_busy = ARGV[at], ARGV[at] .. ARGV[at + 1], ARGV[at + 2], ARGV[at + 5]
  local if_queued, if_skipped, records = tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7]), at + 8
  local jobs = records + 2 * (if_queued + if_skipped)
  local ticks = tonumber(ARGV[jobs])
  local cursor = call('HGET', P .. ':u', schedule) or ''
  if cursor ~= from then return { 'lost', cursor } end
  if call('HLEN', JOBS) + ticks > tonumber(ARGV[2]) then return { 'full' } end
  if ticks > 0 and if_busy == 's' and call('HEXISTS', TICKS, schedule) == 1 then
    call('HSET', P .. ':u', schedule, ARGV[at + 4])
    note(records + 2 * if_queued, if_skipped)
    return { 'skipped' }
  end
  call('HSET', P .. ':u', schedule, ARGV[at + 3])
  note(records, if_queued)
  local answer = { 'queued' }
  if ticks == 0 then return answer end
  if if_busy == 'r' then
    take_out_running(integration, schedule, function(flags) return has(flags, 2) end, function(id, blob)
      answer[#answer + 1], answer[#answer + 2] = id, blob
    end)
  end
  insert_groups(jobs)
  insert_others({})
  for i = #others, 1, -1 do others[i] = nil end
  return answer
end

local answers, at = {}, 3
while at <= #ARGV do
  local worked, answer = pcall(fire, at + 1)
  if not worked then
    for i = #others, 1, -1 do others[i] = nil end
    answer = { 'failed', type(answer) == 'table' and answer.err or tostring(answer) }
  end
  answers[#answers + 1] = answer
  at = at + 1 + tonumber(ARGV[at])
end
settle_places()
return answers
