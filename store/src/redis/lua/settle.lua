#!lua flags=allow-oom
-- settle: write what becomes of claimed jobs, for those whose lease is held.
-- KEYS: the tag. ARGV: clock, how many are only removed, their leases, then for each other: lease, word and its arguments:
--   'd' remove | 'r' retry: due, closes or '', error | 't' return: due, closes or '' | 'b' bury: error
-- Answers: 1 or 0 (stale) for each.
--@include base
local answers, plain = {}, tonumber(ARGV[2])
local at = 3 + plain

-- Jobs without errors, ticks, waiting callers and limits on concurrency leave no trace beside their blob.
local is_plain = plain > 0 and call('EXISTS', RUNNING) == 0
if is_plain then
  local gone = {}
  for i = 3, 2 + plain do
    local lease = ARGV[i]
    local held = call('ZREM', LEASES, lease)
    answers[i - 2] = held
    if held == 1 then gone[#gone + 1] = sub(lease, 1, 16) end
  end
  if #gone > 0 then call('HDEL', JOBS, unpack(gone)) end
  if at > #ARGV then return answers end
end

--@include turns blob job lanes pending
local function set_error(id, job, text)
  job.f1 = with(job.f1, HAS_ERROR, true)
  call('HSET', ERRORS, id, text)
end

-- Whether it was handed out to run, and so counts as an attempt.
local function count_attempt(job, counted, by)
  if not counted then return end
  job.attempts = job.attempts + by
  job.f1 = with(job.f1, CHARGED, true)
end

local function apply(lease, word, at)
  local id, flags = sub(lease, 1, 16), byte(lease, 17)
  local job = split(call('HGET', JOBS, id))
  local counted = not has(flags, 1)
  free_places(job)
  if word == 'd' then
    return forget(id, job)
  end
  if word == 'b' then
    count_attempt(job, counted, 1)
    set_error(id, job, ARGV[at])
    end_tick(job)
    call('HSET', JOBS, id, join(job))
    call('ZADD', P .. ':d:' .. job.integration, now_text, job.arrival .. id)
    call('SADD', P .. ':D', job.integration)
    if has(job.f1, AWAITED) then call('PUBLISH', P .. ':end', id) end
    return
  end
  count_attempt(job, counted, word == 'r' and 1 or 0)
  if word == 'r' then set_error(id, job, ARGV[at + 2]) end
  job.due = tonumber(ARGV[at])
  job.closes = ARGV[at + 1] ~= '' and number6(tonumber(ARGV[at + 1])) or nil
  pend(id, job)
end

local function settle(lease, word, arguments)
  local held = call('ZREM', LEASES, lease)
  if held == 1 then apply(lease, word, arguments) end
  answers[#answers + 1] = held
end

if not is_plain then
  for i = 3, 2 + plain do settle(ARGV[i], 'd') end
end
local arguments = { d = 0, r = 3, t = 2, b = 1 }
while at <= #ARGV do
  local word = ARGV[at + 1]
  settle(ARGV[at], word, at + 2)
  at = at + 2 + arguments[word]
end
settle_places()
return answers
