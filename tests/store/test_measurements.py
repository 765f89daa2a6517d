"""Measurements are found by what was asked for, whatever the encoder's fingerprint."""

import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.store.database import Database
from core.store.diversity import find_measurement, recipe_of, save_measurement
from tests.store.making import FakeClock

CHOICE = EncoderChoice()
RECIPE = recipe_of(CHOICE, None)


def save(db: Database, n: int, *, encoder: str = "e1", recipe: str = RECIPE) -> None:
    result = {"n": n, "remote_clique": {"value": 0.5, "why": None}, "name": "é\u2028"}
    save_measurement(db, "run:1", encoder=encoder, recipe=recipe, n=n, result=result)


def test_the_recipe_is_of_encoder_and_reference_but_not_of_the_device() -> None:
    assert len(RECIPE) == 24
    assert recipe_of(EncoderChoice(device="cuda"), None) == RECIPE
    others = {
        recipe_of(EncoderChoice(pooling="cls"), None),
        recipe_of(EncoderChoice(model="other"), None),
        recipe_of(CHOICE, "reference:r:train"),
        recipe_of(CHOICE, "reference:r:test"),
    }
    assert len(others | {RECIPE}) == 5


def test_the_recipe_changes_with_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.store.diversity.MEASURES_VERSION", 99)
    assert recipe_of(CHOICE, None) != RECIPE


def test_the_latest_is_found(db: Database, clock: FakeClock) -> None:
    assert find_measurement(db, "run:1", recipe=RECIPE) is None
    save(db, 10)
    clock.forward(1)
    save(db, 20)
    found = find_measurement(db, "run:1", recipe=RECIPE)
    assert found == {"n": 20, "remote_clique": {"value": 0.5, "why": None}, "name": "é\u2028"}
    clock.forward(1)
    save(db, 30, encoder="e2")
    assert find_measurement(db, "run:1", recipe=RECIPE)["n"] == 30  # type: ignore[index]
    clock.forward(1)
    save(db, 40)
    assert find_measurement(db, "run:1", recipe=RECIPE)["n"] == 40  # type: ignore[index]
    save(db, 50, recipe="another")
    assert find_measurement(db, "run:1", recipe=RECIPE)["n"] == 40  # type: ignore[index]
    assert find_measurement(db, "run:2", recipe=RECIPE) is None
    with db.read() as connection:
        rows = connection.execute("SELECT encoder, n FROM measurements ORDER BY n").fetchall()
    assert [tuple(row) for row in rows] == [("e2", 30), ("e1", 40), ("e1", 50)]


def test_what_is_no_json_is_refused(db: Database) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        save_measurement(
            db, "run:1", encoder="e", recipe=RECIPE, n=1, result={"value": float("nan")}
        )
    assert find_measurement(db, "run:1", recipe=RECIPE) is None
