#!lua flags=no-writes,allow-oom
-- standing: where a pending job stands, and what is around it.
-- KEYS: the tag. ARGV: clock, id, how many before it in line to tell at most, names of buckets.
-- Answers: nothing if it is not pending; else the time, the line's bucket or '', a list of weights of those before it, running
--   jobs of its integration, of its lane, those before it in its lane, integrations whose turn is before; then of each bucket:
--   state or '', what shuts it or ''.
--@include base turns blob job lanes pending rate shared limits
local id = ARGV[2]
local blob = call('HGET', JOBS, id)
if not blob then return {} end
local job = split(blob)
local member, queue = member_of(id, job), queue_of(job)
local in_line = has(job.f2, IN_LINE)
local rank = call('ZRANK', in_line and P .. ':h:' .. job.bucket or queue, member)
if not rank then return {} end

local weights = {}
if in_line then
  -- Those that were let out and have not started are charged first.
  local out = tonumber(call('HGET', LET_OUT, job.bucket) or 0)
  for i = 1, math.min(out, tonumber(ARGV[3])) do weights[i] = 1 end
  local before = rank > 0 and call('ZRANGE', P .. ':h:' .. job.bucket, 0, math.min(rank, tonumber(ARGV[3])) - 1) or {}
  for _, other in ipairs(before) do
    local ahead = split(call('HGET', JOBS, sub(other, 7)))
    if not has(ahead.f1, CHARGED) then weights[#weights + 1] = weight_of(ahead) end
  end
end

local ahead = 0
if not in_line then
  ahead = rank
  local name, horizon = job.integration .. job.lane, string.format('%.0f', math.max(now, job.due))
  for priority = floor(job.f2 / 16) + 1, 9 do
    ahead = ahead + call('ZCOUNT', P .. ':q' .. priority .. ':' .. name, '-inf', horizon)
  end
end
local turn = call('ZRANK', READY, job.integration)
local out = { now_text, in_line and sub(job.bucket, 17) or '', weights, running(job.integration),
  job.lane ~= '' and running(job.integration .. job.lane) or 0, ahead, turn or 0 }
for i = 4, #ARGV do
  local bucket = job.integration .. ARGV[i]
  local key = state_key(bucket)
  local state = call('TYPE', key).ok == 'list' and call('LRANGE', key, 0, -1) or call('GET', key) or ''
  out[#out + 1], out[#out + 2] = state, call('HGET', HOLDS, own_name(bucket)) or ''
end
return out
