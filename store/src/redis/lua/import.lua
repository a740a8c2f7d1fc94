#!lua
-- import: put records in as they are, and leave alone what is there. Refused as a whole when memory is short.
-- KEYS: the tag. ARGV: clock, then for each a word and its arguments:
--   'c' integration, control (msgpack) | 'u' schedule, cursor | 'y' name of a record of ticks, the record | 'i' integration, key, first answer, until
--   'l' bucket, state, when it ends | 's' bucket, when it ends, how many admissions, each of them
--   'h' bucket, what shuts it |
--   'p' pending job: id, blob, last error or '' | 'd' dead job: id, blob, last error or '', when it died
-- Answers: how many were not there, and the id of a job whose key is another's, or ''; that one is left out.
--@include base turns blob job lanes pending
local new, refused, arrivals = 0, '', 0

local function ends(key, at)
  if not manual then call('PEXPIREAT', key, at) end
end

local function import_job(id, blob, err)
  local job = split(blob)
  arrivals = math.max(arrivals, unpack_number('>I5', job.arrival) + 1)
  call('HSET', JOBS, id, blob)
  if err ~= '' then call('HSET', ERRORS, id, err) end
  return job
end

local words = {
  c = function(at)
    local integration = ARGV[at]
    touch(integration, '')
    controls[integration] = nil
    return 2, call('HSETNX', CONTROLS, integration, ARGV[at + 1]) == 1
  end,
  u = function(at)
    return 2, call('HSETNX', P .. ':u', ARGV[at], ARGV[at + 1]) == 1
  end,
  y = function(at)
    return 2, call('HSETNX', P .. ':y', ARGV[at], ARGV[at + 1]) == 1
  end,
  i = function(at)
    local is_new = call('HSETNX', P .. ':i:' .. ARGV[at], ARGV[at + 1], ARGV[at + 2]) == 1
    if is_new then call('ZADD', P .. ':e', ARGV[at + 3], ARGV[at] .. ARGV[at + 1]) end
    return 4, is_new
  end,
  l = function(at)
    local key = P .. ':b:' .. ARGV[at]
    local is_new = call('SETNX', key, ARGV[at + 1]) == 1
    if is_new then ends(key, ARGV[at + 2]) end
    return 3, is_new
  end,
  h = function(at)
    return 2, call('HSETNX', HOLDS, ARGV[at], ARGV[at + 1]) == 1
  end,
  s = function(at)
    local key, count = P .. ':b:' .. ARGV[at], tonumber(ARGV[at + 2])
    local is_new = call('EXISTS', key) == 0
    if is_new then
      for first = at + 3, at + 2 + count, 1000 do
        call('RPUSH', key, unpack(ARGV, first, math.min(first + 999, at + 2 + count)))
      end
      ends(key, ARGV[at + 1])
    end
    return 3 + count, is_new
  end,
  p = function(at)
    local id, blob = ARGV[at], ARGV[at + 1]
    if call('HEXISTS', JOBS, id) == 1 then return 3, false end
    local f1 = byte(blob, 6)
    if has(f1, KEYED) and not has(f1, DETACHED) then
      local keys = P .. ':k:' .. sub(blob, 16, 31)
      if call('HSETNX', keys, text_at(blob, key_place(blob, f1)), id) == 0 then
        refused = id
        return 3, false
      end
    end
    local job = import_job(id, blob, ARGV[at + 2])
    count_pending(job, 1)
    if has(f1, TICK) then call('HINCRBY', TICKS, schedule_of(job), 1) end
    add_to_lane(id, job)
    return 3, true
  end,
  d = function(at)
    local id = ARGV[at]
    if call('HEXISTS', JOBS, id) == 1 then return 4, false end
    local job = import_job(id, ARGV[at + 1], ARGV[at + 2])
    call('ZADD', P .. ':d:' .. job.integration, ARGV[at + 3], job.arrival .. id)
    call('SADD', P .. ':D', job.integration)
    return 4, true
  end,
}

local at = 2
while at <= #ARGV do
  local count, is_new = words[ARGV[at]](at + 1)
  if is_new then new = new + 1 end
  at = at + 1 + count
end
-- New jobs arrive after these.
if arrivals > tonumber(call('GET', P .. ':s') or 0) then call('SET', P .. ':s', string.format('%.0f', arrivals)) end
settle_places()
return { new, refused }
