"""Fault 33: a run named ../../x, NUL, 300 characters: only displayed; paths come from ids."""

import re

import pytest

from core.domain.settings import Home
from core.store.database import Database
from core.store.generation.runs import create_run, get_run, rename_run
from tests.store.making import make_spec

HOSTILE = [
    "../../x",
    "a\0b",
    "x" * 300,
    "/etc/passwd",
    "CON",
    "\n",
    "'; DROP TABLE runs; --",
    "\ud800",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_the_id_owes_nothing_to_the_name(db: Database, home: Home, name: str) -> None:
    files = sorted(home.folder.rglob("*"))
    run = create_run(db, make_spec(), name=name)
    rename_run(db, run.id, name, expected_revision=1)
    assert re.fullmatch("[a-z0-9]{15}", run.id)
    shown = get_run(db, run.id).name
    assert 1 <= len(shown) <= 200
    assert not set(shown) & {"\0", "\n", "\ud800"}
    assert sorted(home.folder.rglob("*")) == files
