#!lua flags=allow-oom
-- cache_delete: forget a key of a cache.
-- KEYS: the cache's tag. ARGV: clock, key, bytes of an entry besides its texts. Answers: 1 if it had a value.
--@include base kept
return drop(ARGV[2], tonumber(ARGV[3])) and 1 or 0
