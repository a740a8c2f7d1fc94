#!lua
-- replay: make a dead job pending again, with nothing counted.
-- KEYS: the tag. ARGV: clock, id, due, cause (a byte), body that it has or '', body to give it.
-- Answers: 1, or 0 if no dead job has this id, or has this body.
--@include base turns blob job lanes pending
local id = ARGV[2]
local blob = call('HGET', JOBS, id)
local job = blob and split(blob)
if not job or (ARGV[5] ~= '' and job.body ~= ARGV[5]) or not forget_dead(id, job) then return 0 end
if ARGV[5] ~= '' then job.body = ARGV[6] end
call('HDEL', ERRORS, id)
for _, flag in ipairs({ CHARGED, HAS_ERROR, TICK, AWAITED }) do job.f1 = with(job.f1, flag, false) end
job.attempts, job.lost, job.closes = 0, 0, nil
job.body = ARGV[4] .. sub(job.body, 2)
job.due = tonumber(ARGV[3])
pend(id, job)
settle_places()
return 1
