-- Schedules of their own: where each is, whose a tick is, and the records of ticks that are on their way to the ledger.

-- Where a schedule is. The schedule of an integration's settings has the integration's id.
CREATE TABLE cursors (
    integration BLOB NOT NULL,
    schedule BLOB NOT NULL,
    cursor TEXT NOT NULL,
    PRIMARY KEY (integration, schedule)
) STRICT, WITHOUT ROWID;

INSERT INTO cursors (integration, schedule, cursor)
SELECT integration, integration, CAST(cursor AS TEXT) FROM integrations WHERE cursor IS NOT NULL;

ALTER TABLE integrations DROP COLUMN cursor;

-- Of ticks that the overlap rules look at: their schedule. It stands behind `body`, as only its index is read.
DROP INDEX jobs_tick;
ALTER TABLE jobs ADD COLUMN schedule BLOB;
UPDATE jobs SET schedule = integration WHERE tick IS NOT NULL;
ALTER TABLE jobs DROP COLUMN tick;
CREATE INDEX jobs_tick ON jobs (integration, schedule, state) WHERE schedule IS NOT NULL;

CREATE TABLE outbox (
    name BLOB PRIMARY KEY,                -- integration, schedule, first tick, job
    record BLOB NOT NULL
) STRICT, WITHOUT ROWID;
