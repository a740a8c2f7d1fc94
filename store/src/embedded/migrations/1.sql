-- The queue's tables. States: 0 pending, 1 running, 2 dead. Times: milliseconds since 1970.

CREATE TABLE jobs (
    seq INTEGER PRIMARY KEY,              -- order of arrival
    id BLOB NOT NULL,
    integration BLOB NOT NULL,
    state INTEGER NOT NULL,
    cause TEXT NOT NULL,
    tick INTEGER,                         -- 1 for ticks that the overlap rules look at
    priority INTEGER NOT NULL,
    due INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0,
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

CREATE UNIQUE INDEX jobs_id ON jobs (id);
-- Serves the claim in its order; `id` makes it cover the lists of pending jobs.
CREATE INDEX jobs_queue ON jobs (integration, due, priority DESC, seq, id) WHERE state = 0;
CREATE UNIQUE INDEX jobs_key ON jobs (integration, key) WHERE state = 0 AND detached = 0 AND key IS NOT NULL;
CREATE INDEX jobs_detached ON jobs (integration) WHERE state = 0 AND detached = 1;
CREATE INDEX jobs_running ON jobs (integration) WHERE state = 1;
CREATE INDEX jobs_lease ON jobs (lease_until) WHERE state = 1;
CREATE INDEX jobs_tick ON jobs (integration, state) WHERE tick IS NOT NULL;
CREATE INDEX jobs_dead ON jobs (integration, died) WHERE state = 2;
CREATE INDEX jobs_died ON jobs (died) WHERE state = 2;

-- One row per integration: what holds it back, its schedule's cursor, and its place in the rotation.
CREATE TABLE lanes (
    integration BLOB PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0,
    concurrency INTEGER,
    cursor INTEGER,
    head INTEGER,                         -- due time of its first job that may be claimed; NULL: none, or held
    ready INTEGER NOT NULL DEFAULT 0,     -- 1: `head` was seen to be due
    served INTEGER NOT NULL DEFAULT 0     -- the turn in which it was served last
) STRICT, WITHOUT ROWID;

CREATE INDEX lanes_head ON lanes (head) WHERE head IS NOT NULL;
CREATE INDEX lanes_waiting ON lanes (head) WHERE ready = 0 AND head IS NOT NULL;
CREATE INDEX lanes_ready ON lanes (served) WHERE ready = 1;

-- First answers, repeated to calls with the same idempotency key.
CREATE TABLE idempotency (
    integration BLOB NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    until INTEGER NOT NULL,
    job BLOB NOT NULL,
    due INTEGER NOT NULL,
    replaced INTEGER NOT NULL,
    PRIMARY KEY (integration, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_until ON idempotency (until);
