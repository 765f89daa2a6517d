"""Version 3: judgements, dataset versions and the way through them, previews."""

SCRIPT = """
-- Append-only: a judgement is taken back by a further event, never changed or removed.
CREATE TABLE judgements (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    sample_id TEXT NOT NULL REFERENCES samples (id),
    who TEXT NOT NULL CHECK (length(who) BETWEEN 1 AND 200),
    at REAL NOT NULL,
    why TEXT NOT NULL CHECK (why IN
        ('audit', 'uncertain', 'spread', 'label', 'bulk', 'lasso', 'oracle', 'judge')),
    session TEXT NOT NULL,
    label TEXT,
    in_scope INTEGER CHECK (in_scope IN (0, 1)),
    skipped INTEGER NOT NULL CHECK (skipped IN (0, 1)),
    retracts TEXT UNIQUE REFERENCES judgements (id),
    -- It says something, or that it skips, or what it takes back.
    CHECK (((label IS NOT NULL OR in_scope IS NOT NULL) + skipped + (retracts IS NOT NULL)) = 1)
);
CREATE INDEX judgements_sample ON judgements (sample_id, number);
CREATE INDEX judgements_run ON judgements (run_id, number);

-- A version is never changed, only derived from; deleting hides it.
CREATE TABLE versions (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    run_id TEXT NOT NULL REFERENCES runs (id),
    parent_id TEXT REFERENCES versions (id),
    kind TEXT NOT NULL CHECK (kind IN ('raw', 'lr', 'oosf', 'manual')),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    spec TEXT NOT NULL,
    facts TEXT NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL,
    CHECK ((kind = 'raw') = (parent_id IS NULL))
);
CREATE INDEX versions_run ON versions (run_id, created_at);
CREATE INDEX versions_parent ON versions (parent_id);

-- The specified label stays with the sample; the version's, the proxy's and the person's lie here.
CREATE TABLE version_rows (
    version_id TEXT NOT NULL REFERENCES versions (id),
    sample_id TEXT NOT NULL REFERENCES samples (id),
    label TEXT NOT NULL,
    proxy_label TEXT,
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    human_label TEXT,
    who TEXT,
    in_scope INTEGER CHECK (in_scope IN (0, 1)),
    scope_confidence REAL CHECK (scope_confidence BETWEEN 0 AND 1),
    kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
    PRIMARY KEY (version_id, sample_id)
) WITHOUT ROWID;

-- Which version a run stands at is the last of its moves; undo and redo add moves.
CREATE TABLE version_moves (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES runs (id),
    version_id TEXT NOT NULL REFERENCES versions (id),
    action TEXT NOT NULL CHECK (action IN ('derive', 'undo', 'redo', 'choose')),
    who TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX version_moves_run ON version_moves (run_id, number);

-- What an intervention would make of a dataset: computed once, and there again after a reload.
CREATE TABLE previews (
    kind TEXT NOT NULL,
    recipe TEXT NOT NULL,
    dataset TEXT NOT NULL,
    request TEXT NOT NULL,
    result TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (kind, recipe)
);
CREATE INDEX previews_dataset ON previews (dataset, kind, created_at);
"""
