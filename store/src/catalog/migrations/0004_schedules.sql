-- Schedules, each with its history of revisions; the ledger of their ticks; backfills.

-- Counts the changes to schedules and backfills: each row has the number of its last change, so that whoever keeps them in
-- memory reads what is new. Whoever raises it holds its row until the end of the transaction, so numbers come in order.
INSERT INTO catalog_version (id, value) VALUES (3, 0);

CREATE TABLE schedules (
    id TEXT NOT NULL PRIMARY KEY,
    integration TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    changed BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    -- When the revision began.
    since BIGINT NOT NULL,
    pause_note TEXT,
    paused_at BIGINT,
    paused_by TEXT,
    -- When the last pause ended.
    resumed BIGINT,
    -- Ticks in a row that failed for good.
    failures BIGINT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    -- Kept for a while, so that every process hears of it.
    deleted BIGINT,
    note TEXT NOT NULL,
    job_key TEXT,
    spec TEXT NOT NULL,
    payload TEXT
);
-- A name is taken once in an integration; lists are in the order of names.
CREATE UNIQUE INDEX schedules_by_name ON schedules (integration, name) WHERE deleted IS NULL;
CREATE INDEX schedules_by_change ON schedules (changed);
-- The few of many that need a look.
CREATE INDEX schedules_paused ON schedules (integration, name) WHERE paused_at IS NOT NULL AND deleted IS NULL;
CREATE INDEX schedules_failing ON schedules (integration, name) WHERE failures > 0 AND deleted IS NULL;
CREATE INDEX schedules_deleted ON schedules (deleted) WHERE deleted IS NOT NULL;

-- What was in force when, so that the ledger can be compared with it.
CREATE TABLE schedule_revisions (
    schedule TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    since BIGINT NOT NULL,
    spec TEXT NOT NULL,
    PRIMARY KEY (schedule, revision)
);

-- The ledger: what became of every tick. A record may stand for several ticks in a row.
CREATE TABLE ticks (
    schedule TEXT NOT NULL,
    first_tick BIGINT NOT NULL,
    -- Empty without a job.
    job TEXT NOT NULL,
    last_tick BIGINT NOT NULL,
    -- Null: too many to count.
    tick_count BIGINT,
    verdict TEXT NOT NULL,
    reason TEXT NOT NULL,
    cause TEXT,
    effective BIGINT,
    revision BIGINT NOT NULL,
    recorded BIGINT NOT NULL,
    integration TEXT NOT NULL,
    PRIMARY KEY (schedule, first_tick, job)
);
-- Pruning takes the oldest first.
CREATE INDEX ticks_by_age ON ticks (recorded);

CREATE TABLE backfills (
    id TEXT NOT NULL PRIMARY KEY,
    schedule TEXT NOT NULL REFERENCES schedules (id) ON DELETE CASCADE,
    integration TEXT NOT NULL,
    changed BIGINT NOT NULL,
    from_tick BIGINT NOT NULL,
    to_tick BIGINT NOT NULL,
    overlap TEXT NOT NULL,
    total BIGINT NOT NULL,
    fired BIGINT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    ended BIGINT
);
CREATE INDEX backfills_by_schedule ON backfills (schedule, id);
CREATE INDEX backfills_running ON backfills (id) WHERE state = 'running';
