-- The catalog's first shape.
--
-- Understood by SQLite and PostgreSQL alike: times are BIGINT milliseconds, ids are the text of ULIDs, JSON and hashes
-- (hexadecimal) are TEXT. Columns that can be large stand last in their table, so that reading the others does not
-- touch the pages they overflow into.

-- One row. Every change to an integration, a release or a pause raises it first: other processes' caches look at it,
-- and whoever raised it holds its row until the end of the transaction, so that such changes happen one by one.
CREATE TABLE catalog_version (
    id BIGINT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO catalog_version (id, value) VALUES (1, 0);

CREATE TABLE integrations (
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    pause_note TEXT,
    paused_at BIGINT,
    -- The highest release, kept here so that the directory of integrations is one scan of one table.
    latest_major BIGINT,
    latest_minor BIGINT,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    draft_settings TEXT NOT NULL,
    draft_sample TEXT NOT NULL,
    draft_files TEXT NOT NULL
);
-- A name is taken once in a workspace; lists are in the order of names.
CREATE UNIQUE INDEX integrations_by_name ON integrations (workspace, name);

CREATE TABLE releases (
    integration TEXT NOT NULL REFERENCES integrations (id) ON DELETE CASCADE,
    major BIGINT NOT NULL,
    minor BIGINT NOT NULL,
    note TEXT NOT NULL,
    created BIGINT NOT NULL,
    settings TEXT NOT NULL,
    files TEXT NOT NULL,
    bundle TEXT NOT NULL,
    PRIMARY KEY (integration, major, minor)
);

CREATE TABLE api_keys (
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    prefix TEXT NOT NULL,
    scopes TEXT NOT NULL,
    integrations TEXT NOT NULL,
    origins TEXT NOT NULL,
    created BIGINT NOT NULL,
    revoked BIGINT
);
-- Every request looks its key up by the hash.
CREATE UNIQUE INDEX api_keys_by_hash ON api_keys (hash);
-- The list of a workspace, newest first.
CREATE INDEX api_keys_by_workspace ON api_keys (workspace, id);

-- No reference to integrations: runs outlive them, until they are pruned.
CREATE TABLE runs (
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    integration TEXT NOT NULL,
    integration_name TEXT NOT NULL,
    job TEXT NOT NULL,
    release_major BIGINT,
    release_minor BIGINT,
    cause TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    queued BIGINT NOT NULL,
    due BIGINT NOT NULL,
    started BIGINT,
    finished BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    job_key TEXT,
    error TEXT,
    result TEXT,
    logs TEXT NOT NULL
);
-- Lists are in the order of ids. Each index starts with what a list is narrowed by, goes on with the id for the order
-- and the cursor, and ends with the columns of the other filters, so that rows which do not match are skipped without
-- being read.
CREATE INDEX runs_by_workspace ON runs (workspace, id, finished, outcome);
CREATE INDEX runs_by_integration ON runs (workspace, integration, id, finished, outcome);
-- Outcomes are uneven: the few dead among a million succeeded must be found without passing all of these.
CREATE INDEX runs_by_outcome ON runs (workspace, outcome, id, finished);
-- The attempts of one job: a handful.
CREATE INDEX runs_by_job ON runs (job, id);
-- Pruning takes the oldest first, whoever's they are; and a list of the last hour counts that hour, not all years.
CREATE INDEX runs_by_age ON runs (finished, id, workspace, integration, outcome);

-- How many runs there are, and how much they hold, changed in the same transaction as the runs: pruning and the
-- totals of lists need no count over the history.
CREATE TABLE run_counters (
    workspace TEXT NOT NULL,
    integration TEXT NOT NULL,
    outcome TEXT NOT NULL,
    runs BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (workspace, integration, outcome)
);
