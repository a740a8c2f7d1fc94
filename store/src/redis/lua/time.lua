#!lua flags=no-writes,allow-oom
-- time: what the store's clock shows.
-- KEYS: the tag. ARGV: clock. Answers: milliseconds since 1970.
--@include base
return now
