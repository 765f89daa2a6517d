"""Version 5: sweeps, their trials, and what was assessed of runs."""

SCRIPT = """
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
