#!lua flags=allow-oom
-- settle: write what becomes of claimed jobs, for those whose lease is held.
-- KEYS: the tag. ARGV: clock, then for each: lease, word and its arguments:
--   'd' remove | 'r' retry: due, closes or '', error | 't' return: due, closes or '' | 'b' bury: error
-- Answers: 1 or 0 (stale) for each.
--@include base blob lanes pending
-- Without ticks, waiting callers, errors and limits on concurrency, a job leaves with two commands for all of a batch.
local function remove_plain()
  local leases, ids = {}, {}
  for at = 2, #ARGV, 2 do
    if ARGV[at + 1] ~= 'd' or byte(ARGV[at], 17) > 1 then return nil end
    leases[#leases + 1], ids[#ids + 1] = ARGV[at], sub(ARGV[at], 1, 16)
  end
  if call('EXISTS', RUNNING) == 1 then return nil end
  local answers, held, gone = call('ZMSCORE', LEASES, unpack(leases)), {}, {}
  for i, score in ipairs(answers) do
    answers[i] = 0
    if score and not held[leases[i]] then
      held[leases[i]] = true
      gone[#gone + 1] = ids[i]
      answers[i] = 1
    end
  end
  if #gone > 0 then
    call('ZREM', LEASES, unpack(leases))
    call('HDEL', JOBS, unpack(gone))
  end
  return answers
end

local answers = remove_plain()
if answers then return answers end
answers = {}

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

local arguments = { d = 0, r = 3, t = 2, b = 1 }
local at = 2
while at <= #ARGV do
  local lease, word = ARGV[at], ARGV[at + 1]
  local held = call('ZREM', LEASES, lease)
  if held == 1 then apply(lease, word, at + 2) end
  answers[#answers + 1] = held
  at = at + 2 + arguments[word]
end
settle_places()
return answers
