#!lua flags=allow-oom
-- cancel: take pending jobs of an integration out.
-- KEYS: the tag. ARGV: clock, integration, then 'k' and a key, or 'i' and ids, or 'a' and how many at most.
-- Answers: 1 if there are more, 0 if not; then id and blob of each that was taken out.
--@include base turns blob job lanes pending
local integration, word = ARGV[2], ARGV[3]
local out = { 0 }
local function note(id, blob)
  out[#out + 1], out[#out + 2] = id, blob
end

if word == 'a' then
  take_out_pending(integration, tonumber(ARGV[4]), note)
  if #pending_sets(integration) > 0 then out[1] = 1 end
else
  for i = 4, #ARGV do
    local id = ARGV[i]
    if word == 'k' then id = call('HGET', P .. ':k:' .. integration, id) end
    local blob = id and call('HGET', JOBS, id)
    if blob and sub(blob, 16, 31) == integration and take_out(id, split(blob)) then note(id, blob) end
  end
end
settle_places()
return out
