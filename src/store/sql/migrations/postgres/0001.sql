-- JSON is kept as text, as it was given; times are milliseconds since 1970; flags are 0 and 1.
-- Texts are ordered by their bytes (collation C), as in SQLite: lists and their cursors depend on it.

CREATE TABLE assistants (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL UNIQUE,
    draft TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    published BIGINT,
    draft_differs BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

CREATE TABLE versions (
    assistant TEXT COLLATE "C" NOT NULL REFERENCES assistants (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    definition TEXT COLLATE "C" NOT NULL,
    warnings TEXT COLLATE "C" NOT NULL,
    note TEXT COLLATE "C" NOT NULL,
    author TEXT COLLATE "C" NOT NULL,
    published_ms BIGINT NOT NULL,
    restored_from BIGINT,
    PRIMARY KEY (assistant, version)
);

CREATE TABLE numbers (
    e164 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    carrier_id TEXT COLLATE "C" NOT NULL,
    assistant TEXT COLLATE "C" NOT NULL,
    before TEXT COLLATE "C" NOT NULL,
    ours TEXT COLLATE "C" NOT NULL,
    assigned_ms BIGINT NOT NULL
);
CREATE INDEX numbers_by_assistant ON numbers (assistant);

-- What is large stands in a table of its own: lists read many rows of this one.
CREATE TABLE calls (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    assistant TEXT COLLATE "C" NOT NULL,
    assistant_name TEXT COLLATE "C" NOT NULL,
    version BIGINT,
    direction TEXT COLLATE "C" NOT NULL,
    caller TEXT COLLATE "C" NOT NULL,
    number TEXT COLLATE "C" NOT NULL,
    began_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    silence_ms BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    ended_by TEXT COLLATE "C" NOT NULL,
    rang_back BIGINT NOT NULL
);
CREATE INDEX calls_by_time ON calls (began_ms, seq);
CREATE INDEX calls_by_caller ON calls (caller, began_ms, seq);
CREATE INDEX calls_by_assistant ON calls (assistant, began_ms, seq);
CREATE INDEX calls_by_assistant_reason ON calls (assistant, reason, began_ms, seq);
CREATE INDEX calls_by_number ON calls (number, began_ms, seq);
CREATE INDEX calls_by_number_reason ON calls (number, reason, began_ms, seq);
CREATE INDEX calls_by_reason ON calls (reason, began_ms, seq);
CREATE INDEX calls_rang_back ON calls (began_ms, seq) WHERE rang_back = 1;

CREATE TABLE call_details (
    seq BIGINT PRIMARY KEY REFERENCES calls (seq) ON DELETE CASCADE,
    detail TEXT COLLATE "C" NOT NULL
);

CREATE TABLE texts (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    carrier_id TEXT COLLATE "C",
    direction TEXT COLLATE "C" NOT NULL,
    ours TEXT COLLATE "C" NOT NULL,
    theirs TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C" NOT NULL,
    status_ms BIGINT NOT NULL,
    error BIGINT,
    answers TEXT COLLATE "C",
    at_ms BIGINT NOT NULL
);
CREATE INDEX texts_by_carrier_id ON texts (carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX texts_by_pair ON texts (ours, theirs, at_ms);
CREATE INDEX texts_by_sender ON texts (theirs, at_ms);
CREATE INDEX texts_by_answered ON texts (answers) WHERE answers IS NOT NULL;
CREATE INDEX texts_open ON texts (at_ms) WHERE direction = 'inbound' AND status NOT IN ('answered', 'ignored');

CREATE TABLE conversations (
    ours TEXT COLLATE "C" NOT NULL,
    theirs TEXT COLLATE "C" NOT NULL,
    messages BIGINT NOT NULL,
    latest_ms BIGINT NOT NULL,
    latest_seq BIGINT NOT NULL,
    PRIMARY KEY (ours, theirs)
);
CREATE INDEX conversations_by_time ON conversations (latest_ms, latest_seq);
CREATE INDEX conversations_by_number ON conversations (ours, latest_ms, latest_seq);

CREATE TABLE opt_outs (
    ours TEXT COLLATE "C" NOT NULL,
    theirs TEXT COLLATE "C" NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (ours, theirs)
);

CREATE TABLE tokens (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    name TEXT COLLATE "C" NOT NULL,
    name_key TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL UNIQUE,
    scopes TEXT COLLATE "C" NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    used_ms BIGINT,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX tokens_by_name ON tokens (name_key) WHERE revoked_ms IS NULL;

CREATE TABLE audits (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    object TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL
);

CREATE TABLE claims (
    actor TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA NOT NULL,
    since_ms BIGINT NOT NULL,
    status BIGINT,
    body TEXT COLLATE "C",
    PRIMARY KEY (actor, key)
);
CREATE INDEX claims_by_time ON claims (since_ms);

CREATE TABLE settings (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value TEXT COLLATE "C" NOT NULL,
    updated_ms BIGINT NOT NULL
);

-- Without `due_ms`: tried in vain for the last time.
CREATE TABLE hooks (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url TEXT COLLATE "C" NOT NULL,
    body TEXT COLLATE "C" NOT NULL,
    tries BIGINT NOT NULL,
    due_ms BIGINT,
    leased_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    error TEXT COLLATE "C"
);
CREATE INDEX hooks_by_due ON hooks (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX hooks_by_age ON hooks (created_ms);
