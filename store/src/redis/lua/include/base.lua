-- What every script begins with: the names of the partition's keys, the time, and short names for what is called often.
-- KEYS[1] is the partition's tag, such as {tidegate:0}; all of its keys begin with it, so they live on one node.
-- ARGV[1] is the time in milliseconds, for tests; empty means the store's clock.
--
--   j    HASH    job id (16 bytes) -> blob (see blob.lua)
--   q<p>:<lane>  ZSET  pending jobs of a lane with priority p: member (priority, arrival, id) -> due
--   m    HASH    lane -> which priorities have pending jobs (bits); '@' + integration -> how many named lanes do
--   L:<integration>  SET   the named lanes with pending jobs
--   f:<lane>     ZSET  of a named lane: ids of pending jobs that were started before -> due
--   r w  ZSET    integrations that may be claimed: ready -> turn of their last service; waiting -> due of their first job
--   R:<integration> W:<integration>  ZSET  the same for the named lanes of one; the lane of all others is '' in R
--   o s  STRING  the last turn; the last number of arrival
--   l    ZSET    lease (job id, flags, token) -> its end
--   k:<integration>  HASH   canonical key -> id of the pending job that has it
--   c    HASH    integration -> control (msgpack: paused, concurrency, lane concurrency, lane backlog, limits, fifo)
--   n p  HASH    running jobs of integrations and lanes with a limit; pending jobs of named lanes
--   b:<bucket>   STRING or LIST   state of a rate limit's bucket; bucket = integration, rule's name, subject; the name of a
--     limiter's bucket begins with @, and its state has no integration before it
--   H    HASH    bucket -> until when it is shut, after 'p' if it is paused (a limiter's: without integration)
--   F:<day>:<integration, or @ and limiter>   HASH   rule's name with its fields, or with a subject -> jobs that it
--     refused that day
--   C    SET     buckets in whose lines jobs may stand that were charged before
--   T    HASH    integration that shares a limiter -> turn in which it was handed jobs last
--   h:<bucket>   ZSET  the line at a full bucket: member -> due;  a HASH bucket -> jobs let out of line, not yet started
--   g    ZSET    gates: bucket with a line or with jobs let out -> when it opens (inf: no line);  G:<integration> SET
--   d:<integration>  ZSET  dead jobs: (arrival, id) -> died;  D SET  integrations that have some
--   t u  HASH    schedule -> its pending and running ticks; its cursor. A schedule is the integration's id, and for all but
--                that of the integration's settings its own id after it
--   y    HASH    name of a record (integration, schedule, first tick, job) -> what became of ticks, for the ledger
--   x    HASH    job id -> last error
--   i:<integration>  HASH   idempotency key -> first answer;  e ZSET  (integration, key) -> until
--   z    STRING  until when claimers sleep, while they do
local P = KEYS[1]
local call, byte, sub, char, find = redis.call, string.byte, string.sub, string.char, string.find
local floor, ceil, concat = math.floor, math.ceil, table.concat
local pack, unpack_number = struct.pack, struct.unpack
local manual = ARGV[1] ~= ''
local now, micros
if manual then
  now = tonumber(ARGV[1])
  micros = now * 1000
else
  local time = call('TIME')
  micros = time[1] * 1000000 + time[2]
  now = floor(micros / 1000)
end
local now_text = string.format('%.0f', now)
local JOBS, MASKS, READY, WAITING, LEASES = P .. ':j', P .. ':m', P .. ':r', P .. ':w', P .. ':l'
local CONTROLS, RUNNING, PENDING, GATES, LET_OUT, ERRORS, TICKS, HOLDS, CHARGED_LINES =
  P .. ':c', P .. ':n', P .. ':p', P .. ':g', P .. ':a', P .. ':x', P .. ':t', P .. ':H', P .. ':C'

-- Calls a command with a list that may be longer than Lua can unpack.
local function call_many(command, key, list)
  for from = 1, #list, 1000 do
    call(command, key, unpack(list, from, math.min(from + 999, #list)))
  end
end
