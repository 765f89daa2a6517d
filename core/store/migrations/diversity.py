"""Version 2: embeddings, reference sets, measurements, maps."""

SCRIPT = """
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
