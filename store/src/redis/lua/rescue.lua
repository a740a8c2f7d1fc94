#!lua flags=allow-oom
-- rescue: take over jobs whose lease ran out, longest overdue first.
-- KEYS: the tag. ARGV: clock, how many, lease_ms, token (7 bytes). Answers: a list of lease and blob for each.
--@include base blob job
local lease_ms = tonumber(ARGV[3])
local deadline = string.format('%.0f', now + lease_ms)
-- A lease that ends much later than any could was given before the clock went back: it lasts one lease from now.
local impossible = '(' .. string.format('%.0f', now + 10 * lease_ms + 60000)
for _, lease in ipairs(call('ZRANGE', LEASES, impossible, '(inf', 'BYSCORE', 'LIMIT', 0, 1000)) do
  call('ZADD', LEASES, deadline, lease)
end
local out = {}
for _, lease in ipairs(call('ZRANGE', LEASES, '-inf', now_text, 'BYSCORE', 'LIMIT', 0, ARGV[2])) do
  local id = sub(lease, 1, 16)
  local job = split(call('HGET', JOBS, id))
  job.lost = job.lost + 1
  local blob, taken = join(job), sub(lease, 1, 17) .. ARGV[4]
  call('HSET', JOBS, id, blob)
  call('ZREM', LEASES, lease)
  call('ZADD', LEASES, deadline, taken)
  out[#out + 1], out[#out + 2] = taken, blob
end
return out
