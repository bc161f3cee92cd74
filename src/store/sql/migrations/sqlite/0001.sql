-- JSON is kept as text, as it was given; times are milliseconds since 1970; flags are 0 and 1.

CREATE TABLE assistants (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    draft TEXT NOT NULL,
    revision BIGINT NOT NULL,
    published BIGINT,
    draft_differs BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL
);

CREATE TABLE versions (
    assistant TEXT NOT NULL REFERENCES assistants (id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    warnings TEXT NOT NULL,
    note TEXT NOT NULL,
    author TEXT NOT NULL,
    published_ms BIGINT NOT NULL,
    restored_from BIGINT,
    PRIMARY KEY (assistant, version)
);

CREATE TABLE numbers (
    e164 TEXT NOT NULL PRIMARY KEY,
    carrier_id TEXT NOT NULL,
    assistant TEXT NOT NULL,
    before TEXT NOT NULL,
    ours TEXT NOT NULL,
    assigned_ms BIGINT NOT NULL
);
CREATE INDEX numbers_by_assistant ON numbers (assistant);

-- What is large stands in a table of its own: lists read many rows of this one. Every index ends with `seq`, unsaid.
CREATE TABLE calls (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    assistant TEXT NOT NULL,
    assistant_name TEXT NOT NULL,
    version BIGINT,
    direction TEXT NOT NULL,
    caller TEXT NOT NULL,
    number TEXT NOT NULL,
    began_ms BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    silence_ms BIGINT NOT NULL,
    reason TEXT NOT NULL,
    ended_by TEXT NOT NULL,
    rang_back BIGINT NOT NULL
);
CREATE INDEX calls_by_time ON calls (began_ms);
CREATE INDEX calls_by_caller ON calls (caller, began_ms);
CREATE INDEX calls_by_assistant ON calls (assistant, began_ms);
CREATE INDEX calls_by_assistant_reason ON calls (assistant, reason, began_ms);
CREATE INDEX calls_by_number ON calls (number, began_ms);
CREATE INDEX calls_by_number_reason ON calls (number, reason, began_ms);
CREATE INDEX calls_by_reason ON calls (reason, began_ms);
CREATE INDEX calls_rang_back ON calls (began_ms) WHERE rang_back = 1;

CREATE TABLE call_details (
    seq INTEGER PRIMARY KEY REFERENCES calls (seq) ON DELETE CASCADE,
    detail TEXT NOT NULL
);

CREATE TABLE texts (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    carrier_id TEXT,
    direction TEXT NOT NULL,
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL,
    status_ms BIGINT NOT NULL,
    error BIGINT,
    answers TEXT,
    at_ms BIGINT NOT NULL
);
CREATE INDEX texts_by_carrier_id ON texts (carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX texts_by_pair ON texts (ours, theirs, at_ms);
CREATE INDEX texts_by_sender ON texts (theirs, at_ms);
CREATE INDEX texts_by_answered ON texts (answers) WHERE answers IS NOT NULL;
CREATE INDEX texts_open ON texts (at_ms) WHERE direction = 'inbound' AND status NOT IN ('answered', 'ignored');

CREATE TABLE conversations (
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    messages BIGINT NOT NULL,
    latest_ms BIGINT NOT NULL,
    latest_seq BIGINT NOT NULL,
    PRIMARY KEY (ours, theirs)
);
CREATE INDEX conversations_by_time ON conversations (latest_ms, latest_seq);
CREATE INDEX conversations_by_number ON conversations (ours, latest_ms, latest_seq);

CREATE TABLE opt_outs (
    ours TEXT NOT NULL,
    theirs TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (ours, theirs)
);

CREATE TABLE tokens (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    expires_ms BIGINT,
    used_ms BIGINT,
    revoked_ms BIGINT
);
CREATE UNIQUE INDEX tokens_by_name ON tokens (name_key) WHERE revoked_ms IS NULL;

CREATE TABLE audits (
    seq INTEGER PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE TABLE claims (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    since_ms BIGINT NOT NULL,
    status BIGINT,
    body TEXT,
    PRIMARY KEY (actor, key)
);
CREATE INDEX claims_by_time ON claims (since_ms);

CREATE TABLE settings (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL,
    updated_ms BIGINT NOT NULL
);

-- Without `due_ms`: tried in vain for the last time.
CREATE TABLE hooks (
    id TEXT NOT NULL PRIMARY KEY,
    url TEXT NOT NULL,
    body TEXT NOT NULL,
    tries BIGINT NOT NULL,
    due_ms BIGINT,
    leased_ms BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    error TEXT
);
CREATE INDEX hooks_by_due ON hooks (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX hooks_by_age ON hooks (created_ms);
