"""Versions 1 to 6: the tables as the first edition made them."""

FIRST = """
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


DIVERSITY = """
-- Texts are known by the hash of their exact characters, so that equal texts
-- of any run, reference or version share one vector and one point on a map.
CREATE TABLE embeddings (
    encoder TEXT NOT NULL,
    text_hash BLOB NOT NULL CHECK (length(text_hash) = 16),
    vector BLOB NOT NULL CHECK (length(vector) > 0 AND length(vector) % 4 = 0),
    PRIMARY KEY (encoder, text_hash)
);

CREATE TABLE reference_sets (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    task_key TEXT NOT NULL,
    label_names TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at REAL NOT NULL,
    deleted_at REAL
);
CREATE INDEX reference_sets_task ON reference_sets (task_key, created_at);

CREATE TABLE reference_texts (
    id TEXT PRIMARY KEY NOT NULL,
    reference_id TEXT NOT NULL REFERENCES reference_sets (id),
    part TEXT NOT NULL CHECK (part IN ('train', 'test')),
    position INTEGER NOT NULL CHECK (position >= 0),
    label TEXT NOT NULL,
    text TEXT NOT NULL,
    UNIQUE (reference_id, part, position)
);

CREATE TABLE measurements (
    dataset TEXT NOT NULL,
    encoder TEXT NOT NULL,
    recipe TEXT NOT NULL,
    n INTEGER NOT NULL CHECK (n >= 0),
    result TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (dataset, encoder, recipe)
);

CREATE TABLE maps (
    id TEXT PRIMARY KEY NOT NULL,
    task_key TEXT NOT NULL,
    encoder TEXT NOT NULL,
    facts TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX maps_task ON maps (task_key, encoder, created_at);

CREATE TABLE points (
    map_id TEXT NOT NULL REFERENCES maps (id),
    text_hash BLOB NOT NULL CHECK (length(text_hash) = 16),
    x REAL NOT NULL,
    y REAL NOT NULL,
    fitted INTEGER NOT NULL CHECK (fitted IN (0, 1)),
    PRIMARY KEY (map_id, text_hash)
) WITHOUT ROWID;
"""


INTERVENTIONS = """
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


CLASSIFICATION = """
CREATE TABLE trainings (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    task_key TEXT NOT NULL,
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    spec TEXT NOT NULL,
    job_id TEXT,
    result TEXT,
    created_at REAL NOT NULL,
    deleted_at REAL
);
CREATE INDEX trainings_task ON trainings (task_key, created_at);

CREATE TABLE training_repeats (
    training_id TEXT NOT NULL REFERENCES trainings (id),
    seed INTEGER NOT NULL CHECK (seed >= 0),
    history TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (training_id, seed)
) WITHOUT ROWID;

-- Probabilities are float32, little-endian, one a label of the result.
CREATE TABLE predictions (
    training_id TEXT NOT NULL,
    seed INTEGER NOT NULL,
    position INTEGER NOT NULL CHECK (position >= 0),
    text_id TEXT NOT NULL,
    label TEXT NOT NULL,
    probabilities BLOB NOT NULL CHECK (length(probabilities) % 4 = 0),
    PRIMARY KEY (training_id, seed, position),
    FOREIGN KEY (training_id, seed) REFERENCES training_repeats (training_id, seed)
) WITHOUT ROWID;
"""


EXPERIMENTS = """
-- A sweep is one task's grid; sweeps with one study's name belong together.
CREATE TABLE sweeps (
    id TEXT PRIMARY KEY NOT NULL CHECK (id <> '' AND id NOT GLOB '*[^a-z0-9]*'),
    name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    study TEXT NOT NULL,
    task_key TEXT NOT NULL,
    grid TEXT NOT NULL,
    job_id TEXT,
    created_at REAL NOT NULL,
    deleted_at REAL
);
CREATE INDEX sweeps_task ON sweeps (task_key, created_at);

CREATE TABLE trials (
    sweep_id TEXT NOT NULL REFERENCES sweeps (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    run_id TEXT NOT NULL REFERENCES runs (id),
    repeat INTEGER NOT NULL CHECK (repeat >= 0),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'generated', 'done', 'failed')),
    reused INTEGER NOT NULL CHECK (reused IN (0, 1)),
    message TEXT NOT NULL,
    remedy TEXT NOT NULL,
    PRIMARY KEY (sweep_id, position)
) WITHOUT ROWID;
CREATE INDEX trials_run ON trials (run_id);

-- What a recipe found of a run; keyed by both, so that sweeps share it and changed settings never.
CREATE TABLE assessments (
    run_id TEXT NOT NULL REFERENCES runs (id),
    recipe TEXT NOT NULL,
    n INTEGER NOT NULL CHECK (n >= 0),
    settings TEXT NOT NULL,
    result TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (run_id, recipe)
) WITHOUT ROWID;
"""


CONNECTIONS = """
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
