-- Secrets, and the keys they are encrypted with.
--
-- Only ciphertexts (TEXT): what encrypts the data keys, the master key, is never in the database.

-- Counts the changes to secrets and data keys, as row 1 counts those to integrations.
INSERT INTO catalog_version (id, value) VALUES (2, 0);

CREATE TABLE data_keys (
    workspace TEXT NOT NULL,
    -- A ULID: the newest key of a workspace is the one that new secrets are encrypted with.
    id TEXT NOT NULL,
    -- Which master key it is encrypted with.
    master TEXT NOT NULL,
    created BIGINT NOT NULL,
    wrapped TEXT NOT NULL,
    PRIMARY KEY (workspace, id)
);

CREATE TABLE secrets (
    workspace TEXT NOT NULL,
    -- An integration's id; empty for secrets of the whole workspace.
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    -- A ULID, new with every value: the ciphertext is bound to it.
    version TEXT NOT NULL,
    data_key TEXT NOT NULL,
    gateway_only BIGINT NOT NULL,
    hosts TEXT NOT NULL,
    created BIGINT NOT NULL,
    updated BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (workspace, scope, name)
);
-- Which secrets are still encrypted with an old data key.
CREATE INDEX secrets_by_data_key ON secrets (workspace, data_key);
