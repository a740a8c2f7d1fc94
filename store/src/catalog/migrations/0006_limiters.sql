-- Limiters: buckets of rate limits that integrations share by name.

CREATE TABLE limiters (
    workspace TEXT NOT NULL,
    name TEXT NOT NULL,
    -- 32 hexadecimal digits; another one if a limiter is made anew under the name of one that was deleted.
    id TEXT NOT NULL,
    most BIGINT NOT NULL,
    interval_ms BIGINT NOT NULL,
    burst BIGINT,
    algorithm TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (workspace, name)
);
