-- Openings, lanes and rate limits. The table of jobs is made anew so that `body` stays its last column.

CREATE TABLE jobs_2 (
    seq INTEGER PRIMARY KEY,              -- order of arrival
    id BLOB NOT NULL,
    integration BLOB NOT NULL,
    lane TEXT NOT NULL DEFAULT '',        -- '': the lane of jobs without one
    state INTEGER NOT NULL,
    cause TEXT NOT NULL,
    tick INTEGER,                         -- 1 for ticks that the overlap rules look at
    priority INTEGER NOT NULL,
    due INTEGER NOT NULL,
    closes INTEGER,                       -- the end of the opening that `due` lies in
    attempt INTEGER NOT NULL DEFAULT 0,
    counted INTEGER NOT NULL DEFAULT 1,   -- while running: 1 if the claim counted as an attempt
    charged INTEGER NOT NULL DEFAULT 0,   -- 1: its rate limits are charged
    gate TEXT,                            -- while pending: the bucket that it waits at, or was let through
    in_line INTEGER NOT NULL DEFAULT 0,   -- 1: it waits there, and is in no lane
    lost INTEGER NOT NULL DEFAULT 0,
    token INTEGER,                        -- the lease, while running
    lease_until INTEGER,
    died INTEGER,
    key BLOB,                             -- SHA-256 of the canonical key
    detached INTEGER NOT NULL DEFAULT 0,  -- 1: pending, but a newer pending job has taken its key
    key_text TEXT,                        -- the canonical key
    error TEXT,
    body BLOB NOT NULL                    -- all other fields; first byte is the version
) STRICT;

INSERT INTO jobs_2 (seq, id, integration, state, cause, tick, priority, due, attempt, charged, lost, token, lease_until,
                    died, key, detached, key_text, error, body)
SELECT seq, id, integration, state, cause, tick, priority, due, attempt, attempt > 0, lost, token, lease_until,
       died, key, detached, key_text, error, body
FROM jobs;

DROP TABLE jobs;
ALTER TABLE jobs_2 RENAME TO jobs;

CREATE UNIQUE INDEX jobs_id ON jobs (id);
-- Serves the claim in its order; `id` makes it cover the lists of pending jobs.
CREATE INDEX jobs_queue ON jobs (integration, lane, in_line, priority DESC, due, seq, id) WHERE state = 0;
CREATE INDEX jobs_line ON jobs (integration, gate, in_line, due, priority DESC, seq) WHERE gate IS NOT NULL;
CREATE UNIQUE INDEX jobs_key ON jobs (integration, key) WHERE state = 0 AND detached = 0 AND key IS NOT NULL;
CREATE INDEX jobs_detached ON jobs (integration) WHERE state = 0 AND detached = 1;
CREATE INDEX jobs_running ON jobs (integration, lane) WHERE state = 1;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 1;
CREATE INDEX jobs_tick ON jobs (integration, state) WHERE tick IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (integration, died) WHERE state = 2;
CREATE INDEX jobs_died ON jobs (died) WHERE state = 2;

-- One row per integration: what holds it back, its schedule's cursor, and its place in the rotation.
CREATE TABLE integrations (
    integration BLOB PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    concurrency INTEGER,
    lane_concurrency INTEGER,
    lane_backlog INTEGER,
    limits BLOB,                          -- NULL: none; first byte is the version
    cursor INTEGER,
    head INTEGER,                         -- when there is something to do first; NULL: never, or held
    ready INTEGER NOT NULL DEFAULT 0,     -- 1: `head` was seen to have come
    served INTEGER NOT NULL DEFAULT 0     -- the turn in which it was served last
) STRICT, WITHOUT ROWID;

INSERT INTO integrations (integration, paused, concurrency, cursor, head, ready, served)
SELECT integration, paused, concurrency, cursor, head, ready, served FROM lanes;

DROP TABLE lanes;

CREATE INDEX integrations_head ON integrations (head) WHERE head IS NOT NULL;
CREATE INDEX integrations_waiting ON integrations (head) WHERE ready = 0 AND head IS NOT NULL;
CREATE INDEX integrations_ready ON integrations (served) WHERE ready = 1;

-- One row per lane that has jobs: its place in the rotation of its integration.
CREATE TABLE lanes (
    integration BLOB NOT NULL,
    lane TEXT NOT NULL,
    head INTEGER,                         -- due time of its first job; NULL: at its concurrency
    ready INTEGER NOT NULL,
    served INTEGER NOT NULL,
    PRIMARY KEY (integration, lane)
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_head ON lanes (integration, head) WHERE head IS NOT NULL;
CREATE INDEX lanes_waiting ON lanes (integration, head) WHERE ready = 0 AND head IS NOT NULL;
CREATE INDEX lanes_ready ON lanes (integration, served) WHERE ready = 1;

INSERT INTO lanes (integration, lane, head, ready, served)
SELECT integration, '', min(due), 0, 0 FROM jobs WHERE state = 0 GROUP BY integration;

-- What is charged to each bucket of a rate limit.
CREATE TABLE buckets (
    integration BLOB NOT NULL,
    name TEXT NOT NULL,
    ms INTEGER,                           -- of a leaky bucket: when it will be empty
    part INTEGER,
    log BLOB,                             -- of a sliding window: its admissions, 8 bytes each, the oldest first
    until INTEGER NOT NULL,               -- from then on it is empty
    PRIMARY KEY (integration, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX buckets_until ON buckets (until);

-- One row per bucket at which jobs are in line, or were let through and have not started.
CREATE TABLE gates (
    integration BLOB NOT NULL,
    name TEXT NOT NULL,
    at INTEGER NOT NULL,                  -- when there may be room for the head of the line
    is_empty INTEGER NOT NULL,            -- 1: nobody is in line
    PRIMARY KEY (integration, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX gates_at ON gates (integration, at) WHERE is_empty = 0;
