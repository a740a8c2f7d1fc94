#!lua flags=no-writes,allow-oom
-- scan: a part of one sorted set's jobs.
-- KEYS: the tag. ARGV: clock, set, how many bytes to skip before the id, cursor, how many to look at, integration or '',
--   text that the key must contain or '', ids newer than this or '', older than this or '', 'n' newest or 'o' oldest, how
--   many of them.
-- Answers: cursor, how many there are, their smallest id, their greatest id, the ids within the bounds; with a text to
--   contain, each id is followed by its key, and all of them are there.
--@include base blob job
local skip, integration, text = tonumber(ARGV[3]), ARGV[6], ARGV[7]
local newer_than, older_than, newest, keep = ARGV[8], ARGV[9], ARGV[10] == 'n', tonumber(ARGV[11])
local found = call('ZSCAN', ARGV[2], ARGV[4], 'COUNT', ARGV[5])
local ids = {}
for i = 1, #found[2], 2 do
  local member = found[2][i]
  -- The one longer member of the leases is no lease.
  if skip > 0 or #member == 24 then ids[#ids + 1] = sub(member, skip + 1, skip + 16) end
end

local blobs = {}
if integration ~= '' or text ~= '' then
  local kept = {}
  for from = 1, #ids, 1000 do
    local last = math.min(from + 999, #ids)
    local some = call('HMGET', JOBS, unpack(ids, from, last))
    for i = from, last do
      local blob = some[i - from + 1]
      if blob and (integration == '' or sub(blob, 16, 31) == integration) then
        if text == '' then
          kept[#kept + 1] = ids[i]
        else
          local f1, f2 = byte(blob, 6, 7)
          local key = has(f2, HAS_KEY) and text_at(blob, key_place(blob, f1)) or ''
          if find(key, text, 1, true) then
            kept[#kept + 1] = ids[i]
            blobs[ids[i]] = key
          end
        end
      end
    end
  end
  ids = kept
end

local smallest, greatest = '', ''
local within = {}
for _, id in ipairs(ids) do
  if smallest == '' or id < smallest then smallest = id end
  if id > greatest then greatest = id end
  if (newer_than == '' or id > newer_than) and (older_than == '' or id < older_than) then within[#within + 1] = id end
end
local out = { found[1], #ids, smallest, greatest }
if text ~= '' then
  for _, id in ipairs(ids) do
    out[#out + 1], out[#out + 2] = id, blobs[id]
  end
  return out
end
table.sort(within, newest and function(a, b) return a > b end or nil)
for i = 1, math.min(keep, #within) do out[#out + 1] = within[i] end
return out
