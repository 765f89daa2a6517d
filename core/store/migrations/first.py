"""Version 1: tasks, runs and their samples, jobs, the lease, questions."""

SCRIPT = """
CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    task TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL
);
CREATE UNIQUE INDEX tasks_name ON tasks (name) WHERE deleted_at IS NULL;

CREATE TABLE runs (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    spec TEXT NOT NULL,
    facts TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL,
    job_id TEXT
);

CREATE TABLE samples (
    id TEXT PRIMARY KEY NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    cycle INTEGER NOT NULL CHECK (cycle >= 1),
    label TEXT NOT NULL,
    idx INTEGER NOT NULL CHECK (idx >= 0),
    arrival INTEGER NOT NULL CHECK (arrival >= 0),
    text TEXT NOT NULL,
    finish_reason TEXT NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('usable', 'empty', 'truncated')),
    fluency REAL,
    token_ids BLOB NOT NULL CHECK (length(token_ids) % 4 = 0),
    duplicate_of TEXT,
    seconds REAL NOT NULL,
    UNIQUE (run_id, cycle, label, idx)
);
CREATE UNIQUE INDEX samples_arrival ON samples (run_id, arrival);
-- Covers the counts, so that they never read the texts.
CREATE INDEX samples_counts ON samples (run_id, label, outcome, duplicate_of);

CREATE TABLE rounds (
    run_id TEXT NOT NULL REFERENCES runs (id),
    cycle INTEGER NOT NULL CHECK (cycle >= 1),
    position INTEGER NOT NULL CHECK (position >= 0),
    requested TEXT NOT NULL,
    done_at REAL NOT NULL,
    seconds REAL NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (run_id, cycle, position)
) WITHOUT ROWID;

CREATE TABLE jobs (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    run_id TEXT REFERENCES runs (id),
    spec TEXT NOT NULL,
    token TEXT UNIQUE,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'done', 'failed', 'paused', 'cancelled')),
    progress TEXT NOT NULL,
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    owner TEXT,
    created_at REAL NOT NULL,
    queued_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    heartbeat REAL
);
CREATE INDEX jobs_queue ON jobs (state, queued_at);
CREATE INDEX jobs_run ON jobs (run_id, created_at);

CREATE TABLE lease (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    owner TEXT,
    pid INTEGER,
    until REAL,
    started_at REAL,
    note TEXT NOT NULL,
    spawned_at REAL
);
INSERT INTO lease (id, note) VALUES (1, '');

CREATE TABLE questions (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL,
    answer TEXT,
    error TEXT,
    asked_at REAL NOT NULL,
    answered_at REAL
);
CREATE INDEX questions_open ON questions (asked_at) WHERE answered_at IS NULL;
"""
