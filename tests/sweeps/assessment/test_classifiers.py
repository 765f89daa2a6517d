"""The fine-tuning of a sweep, with a tiny random encoder."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from core.classification.settings import FineTuning
from core.sweeps.assessment.assess import make_fine_tuner
from core.sweeps.assessment.recipe import Recipe
from tests.classification.fine_tuning.training_process import SETTINGS
from tests.classification.making import dataset, reviews, save_tiny_bert
from tests.sweeps.assessment.assessed import NO_VECTORS, real_of


class Stopped(Exception):
    """What `between` raises."""


def test_it_learns_answers_in_the_order_of_the_test_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    settings: Any = {**SETTINGS, "max_epochs": 12, "device": "cpu"}
    encoder = str(save_tiny_bert(tmp_path / "encoder"))
    recipe = Recipe(classifier="fine-tuning", fine_tuning=FineTuning(model=encoder, **settings))
    # The task's order of labels is not that of the texts, and one of its labels has none.
    train = dataset(reviews(60), label_names=("neg", "none", "pos"))
    test = dataset(reviews(20)[::-1])
    real = replace(real_of((NO_VECTORS, ()), (NO_VECTORS, test.labels)), test=test.texts)
    pauses: list[int] = []
    tune = make_fine_tuner(recipe, models=tmp_path / "models", between=lambda: pauses.append(1))
    given = tune(train, real, 7)
    assert sum(a == b for a, b in zip(given, test.labels, strict=True)) >= 18
    assert tune(train, real, 7) == given
    assert len(pauses) > 20

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        make_fine_tuner(recipe, models=tmp_path / "models", between=stop)(train, real, 7)
    assert list((tmp_path / "temporary").glob("wideset-*")) == []
