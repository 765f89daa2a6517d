"""Settings get further fields with defaults, as a later version has; all finished work is reused.

The classes are replaced everywhere in core by ones that have another field, which stored settings
don't tell and new ones do.
"""

import sys
from collections.abc import Callable
from dataclasses import field, make_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.classification.fine_tuning.checkpoints import earlier_recipe_of
from core.classification.settings import FineTuning, TrainingSpec
from core.diversity.embedding import encoder as encoders
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.measure import measure
from core.domain import conditions
from core.domain import runs as domain_runs
from core.domain.conditions import Condition, Suppression, condition_from_dict
from core.domain.datasets import Dataset
from core.domain.runs import ModelChoice, spec_from_dict
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.settings_key import settings_key
from core.domain.texts import text_hash
from core.interventions import previews
from core.interventions.previews import JudgeRequest, OracleOpinion, OracleQuality, RelabelRequest
from core.interventions.relabelling.label_accuracy import Share
from core.jobs.handlers.interventions import preview_state, request_preview
from core.jobs.handlers.measurements import mapped, measured
from core.jobs.handlers.sweep import start_sweep
from core.jobs.queue import list_jobs, once, submit
from core.store.database import Database
from core.store.diversity import MapFacts, new_map, recipe_of, save_measurement
from core.store.generation import runs as stored_runs
from core.store.interventions.previews import save_preview
from core.store.sweeps import find_assessments, find_sweep, get_sweep, trials_of
from core.sweeps.assessment import recipe as recipes
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.spec import grid_from_dict
from tests.diversity.fake_encoder import FakeEncoder
from tests.jobs.sweeping import GRID, run_sweep
from tests.sweeps.execution.fake_tools import FakeTools

Grow = Callable[..., type[Any]]
TEXTS = ("a b", "c d", "e f")

OPINION = OracleOpinion(
    ids=(),
    labels=(),
    confidence=(),
    oracle=OracleQuality(accuracy=Share(hits=0, n=0, interval=None), measured_on="nothing"),
    encoder="e",
)


@pytest.fixture
def grow(monkeypatch: pytest.MonkeyPatch) -> Grow:
    """Replaces a dataclass in all modules by one with further fields (their defaults are given)."""

    def grown(old: type[Any], **defaults: Any) -> type[Any]:
        rows = [
            (
                name,
                value if isinstance(value, type) else type(value),
                field(default_factory=value if callable(value) else lambda v=value: v),
            )
            for name, value in defaults.items()
        ]
        new = make_dataclass(old.__name__, rows, bases=(old,), frozen=True, kw_only=True)
        for module in [sys.modules[name] for name in sys.modules if name.startswith("core.")]:
            for name, value in list(vars(module).items()):
                if value is old:
                    monkeypatch.setattr(module, name, new)
        if old in (known := conditions._OWN_KNOBS):  # checked by class
            monkeypatch.setitem(known, new, known[old])  # type: ignore[arg-type]
        stored_runs._spec.cache_clear()  # as a process of the later version has none
        return new

    return grown


@pytest.fixture(autouse=True)
def forget() -> Any:
    """No spec of a replaced class outlives its test."""
    yield
    stored_runs._spec.cache_clear()


def grow_all(grow: Grow) -> None:
    """Another field for each class of settings that decides whether work is reused."""
    suppression = grow(Suppression, curve="linear")
    grow(Condition, suppression=suppression, typical_p=1.0, stop=())
    grow(ModelChoice, revision="")
    encoder = grow(EncoderChoice, prefix="")
    tuning = grow(FineTuning, schedule="constant", rank=0)
    grow(Recipe, repeats_of_filter=1, encoder=encoder, fine_tuning=tuning)


def test_trials_and_assessments_of_a_sweep(
    home: Home, real_db: Database, tmp_path: Path, grow: Grow
) -> None:
    tools = FakeTools(tmp_path)
    before, job = start_sweep(real_db, GRID, workers=1)
    run_sweep(home, job, tools)
    opened = len(tools.opened)
    grow_all(grow)
    grid = grid_from_dict(get_sweep(real_db, before.id).grid)
    assert grid.base.typical_p == 1.0  # type: ignore[attr-defined]
    assert {"typical_p", "stop"} <= grid.to_dict()["base"].keys()
    assert "curve" in grid.to_dict()["base"]["suppression"]
    assert {"rank", "schedule"} <= grid.to_dict()["recipe"]["fine_tuning"].keys()
    again, job = start_sweep(real_db, replace(grid, name="again"), workers=1)
    job = run_sweep(home, job, tools)
    trials = trials_of(real_db, again.id)
    assert [trial.run.id for trial in trials] == [t.run.id for t in trials_of(real_db, before.id)]
    assert [(trial.state, trial.reused) for trial in trials] == [("done", True)] * 4
    assert [job.last_report[key] for key in ("done", "reused", "texts")] == [4, 4, 0]
    assert len(tools.opened) == opened
    assert len(find_assessments(real_db)) == 4
    # The sweep itself is found, too, so that the command line goes on with it.
    same = find_sweep(real_db, grid.key)
    assert same is not None
    assert same.id == before.id


def test_with_another_value_it_is_another_setting(
    home: Home, real_db: Database, tmp_path: Path, grow: Grow
) -> None:
    tools = FakeTools(tmp_path)
    before, job = start_sweep(real_db, GRID, workers=1)
    run_sweep(home, job, tools)
    grow_all(grow)
    grid = grid_from_dict(get_sweep(real_db, before.id).grid)
    narrow = replace(grid, base=replace(grid.base, typical_p=0.9))  # type: ignore[call-arg]
    again, job = start_sweep(real_db, narrow, workers=1)
    job = run_sweep(home, job, tools)
    assert job.last_report["reused"] == 0
    assert find_sweep(real_db, narrow.key) == get_sweep(real_db, again.id)
    other = replace(grid.recipe, repeats_of_filter=2)  # type: ignore[call-arg]
    assert other.key != grid.recipe.key


def test_measurements_and_maps(db: Database, grow: Grow) -> None:
    choice = EncoderChoice()
    data = Dataset("run:r", "R", ("a",), TEXTS, TEXTS, ("a",) * 3, (None,) * 3)
    result = measure(
        data, FakeEncoder().embed(TEXTS), rng=np.random.default_rng(0), encoder={"name": "fake"}
    )
    recipe = recipe_of(choice, None)
    save_measurement(db, "run:r", encoder="fake", recipe=recipe, n=3, result=result.to_dict())
    hashes = [text_hash(text) for text in TEXTS]
    places = dict.fromkeys(hashes, (0.0, 0.5))
    facts = MapFacts(choice=choice.to_dict())
    new_map(db, task_key="t", encoder="fake", choice=choice, facts=facts, fitted=places)
    grow_all(grow)
    newer = encoders.encoder_choice_from_dict(choice.to_dict())
    assert newer.to_dict() == {**choice.to_dict(), "prefix": ""}
    again = measured(db, "run:r", n=3, choice=newer, reference=None)
    assert again.result is not None
    assert mapped(db, ["run:r"], hashes, task_key="t", choice=newer).work is None
    assert list_jobs(db) == []
    other = replace(newer, prefix="query: ")
    assert measured(db, "run:r", n=3, choice=other, reference=None).result is None


def test_previews_and_queued_jobs(db: Database, grow: Grow) -> None:
    choice = EncoderChoice()
    oracle = JudgeRequest(n=3, encoder=choice, reference="r")
    save_preview(db, "judge", "run:r", oracle, to_json(OPINION))
    asked = {"n": 3, "encoder": choice, "annotator": "people"}
    job = request_preview(db, "run:r", RelabelRequest(**asked)).job
    missing = measured(db, "run:r", n=3, choice=EncoderChoice(), reference=None).work
    assert missing is not None
    grow_all(grow)
    grow(JudgeRequest, strict=False)
    grow(RelabelRequest, rounds=1)
    newer = encoders.encoder_choice_from_dict(choice.to_dict())
    request = previews.JudgeRequest(n=3, encoder=newer, reference="r")
    assert {"strict", "prefix"} <= to_json(request).keys() | to_json(request)["encoder"].keys()
    assert preview_state(db, "run:r", request).result == OPINION
    newer_request = previews.RelabelRequest(**{**asked, "encoder": newer})
    assert request_preview(db, "run:r", newer_request).job.id == job.id
    still = measured(db, "run:r", n=3, choice=newer, reference=None).work
    assert still is not None
    assert still.job.id == missing.job.id
    assert len(list_jobs(db)) == 2


def test_trainings(grow: Grow) -> None:
    """A training is known by its folder; see also `test_fine_tuning.py` of classification."""
    tuning = FineTuning(max_epochs=3)
    spec = TrainingSpec("fine-tuning", "run:b", train="run:a", fine_tuning=tuning)
    key = settings_key([tuning.with_rate(), 7, ["x"]])
    earlier = earlier_recipe_of(tuning, 7, ["x"])
    whole, whole_earlier = settings_key(spec), earlier_recipe_of(spec, [])
    newer = grow(FineTuning, schedule="constant")(max_epochs=3)
    assert newer.to_dict() == {**tuning.to_dict(), "schedule": "constant"}
    assert settings_key([newer.with_rate(), 7, ["x"]]) == key
    assert earlier_recipe_of(newer, 7, ["x"]) == earlier
    renewed = grow(TrainingSpec, votes=1)("fine-tuning", "run:b", train="run:a", fine_tuning=newer)
    assert settings_key(renewed) == whole
    assert earlier_recipe_of(renewed, []) == whole_earlier
    # What an earlier version could not say is in no folder of its.
    for other in (replace(newer, schedule="cosine"), replace(renewed, votes=3)):
        assert earlier_recipe_of(other, []) == ""


def test_specs_of_before_read_as_settings_of_now(grow: Grow) -> None:
    condition, spec = Condition(temperature=0.9), {"seed": 3}
    data = {
        **spec,
        "task": to_json(GRID.task),
        "condition": to_json(condition),
        "per_label": 4,
        "seed_examples": [],
        "model": {"backend": "local", "model": "embedded", "device": "auto"},
    }
    key = settings_key(spec_from_dict(data))
    grow_all(grow)
    newer = domain_runs.spec_from_dict(data)
    assert newer.condition.typical_p == 1.0  # type: ignore[attr-defined]
    assert settings_key(newer) == key
    told = conditions.condition_from_dict(to_json(newer.condition))
    assert settings_key(told) == settings_key(condition_from_dict(to_json(condition)))
    assert recipes.sweep_recipe({"recipe": to_json(GRID.recipe)}).key == GRID.recipe.key


def test_jobs_that_version_6_queued_are_found_by_their_token(db: Database) -> None:
    # Its tokens were the first 24 digits of SHA-256 of the JSON text of kind, spec and version.
    spec = {"dataset": "run:r", "reference": None, "encoder": EncoderChoice().to_dict()}
    told = "measure 16bf15546b22cbae9d3bc04b"
    job = submit(db, "measure", spec, token=told)
    missing = measured(db, "run:r", n=3, choice=EncoderChoice(), reference=None).work
    assert missing is not None
    assert missing.job.id == job.id
    assert once(db, "measure", spec, [4, 1]).job.id != job.id
