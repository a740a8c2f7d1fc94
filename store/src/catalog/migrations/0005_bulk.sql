-- Bulk actions: what one call does to many jobs, one after the other, and how far it is.

CREATE TABLE bulk_actions (
    -- A ULID.
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    -- The integration's id.
    integration TEXT NOT NULL,
    action TEXT NOT NULL,
    -- What was asked for, as JSON.
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    -- When it came to its end, or was stopped.
    finished BIGINT,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    -- Of those done, how many were put back, and how many could not be.
    undone BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    -- Until when a process works on it.
    taken_until BIGINT NOT NULL
);
CREATE INDEX bulk_actions_by_state ON bulk_actions (state, id);
CREATE INDEX bulk_actions_by_workspace ON bulk_actions (workspace, id);

CREATE TABLE bulk_items (
    bulk TEXT NOT NULL,
    number BIGINT NOT NULL,
    -- A job's id.
    job TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why it was skipped or lost.
    reason TEXT,
    -- A cancelled job, for an undo, in hexadecimal digits.
    kept TEXT,
    PRIMARY KEY (bulk, number)
);
CREATE INDEX bulk_items_by_state ON bulk_items (bulk, state, number);
