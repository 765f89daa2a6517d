"""Version 4: trainings, their repeats, what they predicted."""

SCRIPT = """
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
