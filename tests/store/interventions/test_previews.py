"""Previews are found by what was asked for, whatever the order of the words."""

import math

import pytest

from core.store.database import Database
from core.store.interventions.previews import find_preview, latest_preview, recipe_of, save_preview
from tests.store.making import FakeClock


def test_a_preview_is_found_by_its_request(db: Database, clock: FakeClock) -> None:
    asked = {"seed": 1, "weight": 0.3}
    assert find_preview(db, "relabel", "run:a", asked) is None
    save_preview(db, "relabel", "run:a", asked, {"new": [1, None]})
    found = find_preview(db, "relabel", "run:a", {"weight": 0.3, "seed": 1})
    assert found is not None
    assert (found.kind, found.dataset, found.result) == ("relabel", "run:a", {"new": [1, None]})
    assert (found.request, found.created_at) == (asked, clock.now)
    for kind, key, other in (
        ("filter", "run:a", asked),
        ("relabel", "version:a", asked),
        ("relabel", "run:a", {**asked, "seed": 2}),
    ):
        assert find_preview(db, kind, key, other) is None


def test_the_next_of_a_recipe_takes_its_place(db: Database, clock: FakeClock) -> None:
    save_preview(db, "budget", "run:a", {"seed": 1}, {"n": 1})
    clock.forward(5)
    save_preview(db, "budget", "run:a", {"seed": 1}, {"n": 2})
    found = find_preview(db, "budget", "run:a", {"seed": 1})
    assert found is not None
    assert (found.result, found.created_at) == ({"n": 2}, clock.now)


def test_the_latest_preview_of_a_dataset(db: Database, clock: FakeClock) -> None:
    assert latest_preview(db, "budget", "run:a") is None
    for seed, key in ((1, "run:a"), (2, "run:a"), (3, "run:b")):
        save_preview(db, "budget", key, {"seed": seed}, {})
        clock.forward(1)
    newest = latest_preview(db, "budget", "run:a")
    assert newest is not None
    assert newest.request == {"seed": 2}


def test_what_is_no_number_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="JSON"):
        save_preview(db, "budget", "run:a", {}, {"value": math.nan})
    with pytest.raises(ValueError, match="JSON"):
        recipe_of("run:a", {"weight": math.inf})
