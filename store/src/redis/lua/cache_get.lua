#!lua flags=no-writes,allow-oom
-- cache_get: what a key of a cache has.
-- KEYS: the cache's tag. ARGV: clock, key. Answers: the JSON text, or nil.
--@include base kept
local ends, text = kept(ARGV[2])
if ends and ends > now then return text end
return false
