"""Version 6: connections to servers, what was found of them, and what every request cost."""

SCRIPT = """
-- Never a key: only the name of the variable that holds it.
CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    base_url TEXT UNIQUE NOT NULL,
    settings TEXT NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL
);

-- What probing found of a model on a server; the latest counts.
CREATE TABLE capabilities (
    base_url TEXT NOT NULL,
    model TEXT NOT NULL,
    result TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (base_url, model)
) WITHOUT ROWID;

-- Every attempt of every request, append-only; tokens as the server reported them, else NULL.
CREATE TABLE attempts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT REFERENCES runs (id),
    job_id TEXT,
    at REAL NOT NULL,
    seconds REAL NOT NULL,
    cycle INTEGER,
    label TEXT,
    texts_asked INTEGER NOT NULL CHECK (texts_asked >= 0),
    texts_returned INTEGER NOT NULL CHECK (texts_returned >= 0),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    status INTEGER,
    outcome TEXT NOT NULL,
    message TEXT NOT NULL,
    tokens_in INTEGER,
    tokens_out INTEGER
);
CREATE INDEX attempts_run ON attempts (run_id, number);
"""
