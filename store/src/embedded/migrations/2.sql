-- Openings, lanes and rate limits.

ALTER TABLE jobs ADD COLUMN closes INTEGER;                     -- the end of the opening that `due` lies in
ALTER TABLE jobs ADD COLUMN lane TEXT NOT NULL DEFAULT '';      -- '': the lane of jobs without one
ALTER TABLE jobs ADD COLUMN charged INTEGER NOT NULL DEFAULT 0; -- 1: was handed out to run
UPDATE jobs SET charged = 1 WHERE attempt > 0;

ALTER TABLE lanes ADD COLUMN lane_concurrency INTEGER;
ALTER TABLE lanes ADD COLUMN lane_backlog INTEGER;
ALTER TABLE lanes ADD COLUMN limits BLOB;                       -- NULL: none; first byte is the version
