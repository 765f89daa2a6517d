"""Stores of version 8 named people for labels of the oracle once a filter or an edit had passed."""

import sqlite3
from contextlib import closing

from core.domain.settings import Home
from core.store.database import open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import Verdict, add_judgements
from core.store.interventions.versions import VersionRow, derive, raw_version, version_rows
from core.store.migrations import MIGRATIONS
from tests.store.making import make_sample, make_spec


def test_the_oracle_gets_its_labels_back(home: Home) -> None:
    db = open_database(home)
    run = create_run(db, make_spec())
    samples = [make_sample(run.id, n, text=f"text {n}", label="pos") for n in range(3)]
    add_samples(db, samples)
    one, two, three = (sample.id for sample in samples)
    add_judgements(db, run.id, [Verdict(two, "neg")], who="Ann", why="bulk")
    version = raw_version(db, run.id)
    by_oracle = [VersionRow(key, "neg", human_label="neg", who="oracle") for key in (one, two)]
    version = derive(
        db, version.id, "lr", [*by_oracle, VersionRow(three, "pos")], who="Ann", spec={}, facts={}
    )
    # Ann removes nothing: her name went onto all that she had looked at, then once more.
    named = [VersionRow(key, "neg", human_label="neg", who="Ann") for key in (one, two)]
    by_hand = VersionRow(three, "neg", human_label="neg", who="Ann")
    ids = []
    for kind in ("oosf", "manual"):
        version = derive(db, version.id, kind, [*named, by_hand], who="Ann", spec={}, facts={})
        ids.append(version.id)
    db.close()
    with closing(sqlite3.connect(home.store)) as old:
        old.execute("ALTER TABLE version_rows DROP COLUMN proposed_label")
        old.execute("ALTER TABLE samples DROP COLUMN stripped")
        old.execute("ALTER TABLE attempts DROP COLUMN other_model")
        old.execute("PRAGMA user_version = 8")
        old.commit()
    assert len(MIGRATIONS) >= 9
    newer = open_database(home)
    for version_id in ids:
        assert [row.who for row in version_rows(newer, version_id)] == ["oracle", "Ann", "Ann"]
        assert {row.proposed_label for row in version_rows(newer, version_id)} == {None}
    newer.close()
