-- Events: the log of those that came in, with what became of each; and replays of them to one integration.

CREATE TABLE events (
    -- A ULID made when it came in: the order of the log.
    place TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    -- The event's own id (meta.id).
    event TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT,
    -- When it happened (meta.ts), and when it came in.
    occurred BIGINT NOT NULL,
    received BIGINT NOT NULL,
    via TEXT NOT NULL,
    -- How many integrations it was for.
    matched BIGINT NOT NULL,
    -- The event, and the verdict on it, as JSON.
    body TEXT NOT NULL,
    verdict TEXT NOT NULL,
    bytes BIGINT NOT NULL
);
CREATE INDEX events_by_id ON events (workspace, event);
CREATE INDEX events_by_type ON events (workspace, type, place);
CREATE INDEX events_by_workspace ON events (workspace, place);

-- How many there are, and how large they are together.
CREATE TABLE event_totals (
    workspace TEXT NOT NULL PRIMARY KEY,
    events BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

CREATE TABLE event_replays (
    -- A ULID.
    id TEXT NOT NULL PRIMARY KEY,
    workspace TEXT NOT NULL,
    -- The integration's id.
    integration TEXT NOT NULL,
    -- What was asked for, as JSON.
    request TEXT NOT NULL,
    state TEXT NOT NULL,
    created BIGINT NOT NULL,
    -- When it came to its end, or was stopped.
    finished BIGINT,
    -- The log from here (not included), as far as there (included).
    after_place TEXT NOT NULL,
    last_place TEXT NOT NULL,
    -- When the next job is due.
    due BIGINT NOT NULL,
    total BIGINT NOT NULL,
    done BIGINT NOT NULL,
    skipped BIGINT NOT NULL,
    -- Until when a process works on it.
    taken_until BIGINT NOT NULL
);
CREATE INDEX event_replays_by_state ON event_replays (state, id);
CREATE INDEX event_replays_by_workspace ON event_replays (workspace, id);
