#!lua flags=allow-oom
-- grant: hand out units of a limiter's bucket, in its home partition.
-- KEYS: the tag. ARGV: clock, bucket's name, rule (msgpack), how many, the least that helps, the partition that asks.
-- Answers: how many, and in how many milliseconds there is room for the least that helps (0: it was not asked for more).
--@include base turns blob job lanes pending rate shared limits
local bucket, rule = string.rep('\0', 16) .. ARGV[2], cmsgpack.unpack(ARGV[3])
-- Its numbers are those of the longer interval already, but for this one.
rule[R_INTERVAL] = rule[R_INTERVAL] + rule[R_WINDOW]
rule[R_WINDOW] = 0
-- What shuts it is tested where the jobs are.
any_holds = false
local most = is_sliding(rule) and rule[R_LIMIT] or burst_of(rule)
local wanted_units, least = tonumber(ARGV[4]), math.min(tonumber(ARGV[5]), most)
local room, ms, part = room_of(bucket, rule, least)
-- Who asks: those that were refused since the last one got some come before it, so that no partition takes all.
local queue, asks = P .. ':Y:' .. ARGV[2], ARGV[6]
if room > now then
  call('HSET', queue, asks, now_text)
  if not manual then call('PEXPIRE', queue, 600000) end
  return { 0, room - now }
end
local IN_FAVOUR_OF_OTHERS = 25
if rule[R_DELAY] and call('HGET', queue, 'last') == asks then
  local others = {}
  local refused = call('HGETALL', queue)
  for i = 1, #refused, 2 do
    if refused[i] ~= 'last' and refused[i] ~= asks and tonumber(refused[i + 1]) > now - 60000 then others[#others + 1] = refused[i] end
  end
  if #others > 0 then
    call('HDEL', queue, unpack(others))
    return { 0, IN_FAVOUR_OF_OTHERS }
  end
end
call('HDEL', queue, asks)
call('HSET', queue, 'last', asks)
if not manual then call('PEXPIRE', queue, 600000) end
local fits, too_many = least, math.min(wanted_units, most) + 1
while too_many - fits > 1 do
  local half = floor((fits + too_many) / 2)
  if room_of(bucket, rule, half) <= now then fits = half else too_many = half end
end
charge(bucket, rule, fits, ms, part)
local wait = fits < wanted_units and math.max(room_of(bucket, rule, least) - now, 0) or 0
return { fits, wait }
