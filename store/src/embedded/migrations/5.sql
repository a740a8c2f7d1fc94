-- Weights, shut buckets, and what limits refused.

ALTER TABLE jobs ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;   -- units of each rate limit

-- Buckets that are shut, whatever is in them. A limiter's have an id of zeros.
CREATE TABLE holds (
    integration BLOB NOT NULL,
    name TEXT NOT NULL,
    paused INTEGER NOT NULL,
    until INTEGER NOT NULL,               -- 0: nothing but the pause shuts it
    PRIMARY KEY (integration, name)
) STRICT, WITHOUT ROWID;

-- How many jobs were refused on a day: by rules, and by their buckets.
CREATE TABLE refusals (
    integration BLOB NOT NULL,
    day INTEGER NOT NULL,                 -- since 1970
    name TEXT NOT NULL,                   -- a rule's, or a bucket's
    count INTEGER NOT NULL,
    keys INTEGER NOT NULL DEFAULT 0,      -- of a rule: how many of its buckets have rows
    PRIMARY KEY (integration, day, name)
) STRICT, WITHOUT ROWID;
