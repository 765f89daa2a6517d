"""Fault 8, its rule for names: of two people's edits the later is told, nothing is overwritten."""

import pytest

from core.domain.errors import StaleEdit
from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.generation.runs import create_run, get_run, rename_run
from tests.store.making import make_spec


def test_the_later_rename_is_told(home: Home, real_db: Database) -> None:
    run = create_run(real_db, make_spec())
    other = open_database(home)
    seen_by_me, seen_by_other = get_run(real_db, run.id), get_run(other, run.id)
    rename_run(other, run.id, "theirs", expected_revision=seen_by_other.revision)
    with pytest.raises(StaleEdit, match="'theirs'"):
        rename_run(real_db, run.id, "mine", expected_revision=seen_by_me.revision)
    assert get_run(real_db, run.id).name == "theirs"
    other.close()
