#!lua flags=no-writes,allow-oom
-- views: what is known of jobs.
-- KEYS: the tag. ARGV: clock, ids.
-- Answers: for each id that exists: id, blob, state ('p', 'r', 'd'), time (end of lease, of death, or 0), lease's flags,
--   last error or ''.
--@include base blob
local leases

local function lease_of(id)
  if not leases then
    leases = {}
    local all = call('ZRANGE', LEASES, '-inf', '(inf', 'BYSCORE', 'WITHSCORES')
    for i = 1, #all, 2 do leases[sub(all[i], 1, 16)] = { byte(all[i], 17), all[i + 1] } end
  end
  return leases[id]
end

local out = {}
for i = 2, #ARGV do
  local id = ARGV[i]
  local blob = call('HGET', JOBS, id)
  if blob then
    local job = split(blob)
    local state, time, flags = 'p', '0', 0
    if not has(job.f2, IN_LINE) and not call('ZSCORE', queue_of(job), member_of(id, job)) then
      local died = call('ZSCORE', P .. ':d:' .. job.integration, job.arrival .. id)
      if died then
        state, time = 'd', died
      else
        local lease = lease_of(id)
        if lease then state, flags, time = 'r', lease[1], lease[2] end
      end
    end
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4], out[n + 5] = id, blob, state, time, flags
    out[n + 6] = has(job.f1, HAS_ERROR) and call('HGET', ERRORS, id) or ''
  end
end
return out
