"""The knob lab with the embedded model: quick, and true to how texts were drawn."""

import math
import os
import time
from pathlib import Path

import pytest

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput, NoAnswer
from core.domain.next_token import NextToken
from core.domain.runs import ModelChoice, RunSpec
from core.domain.settings import Home
from core.domain.tasks import preset
from core.generation.local.backend import ModelCache
from core.generation.loop import Loop
from core.services.knob_lab import Lab
from core.store.database import open_database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples, samples_of

pytestmark = pytest.mark.model

SPEC = RunSpec(
    preset("sst2"),
    Condition(
        temperature=0.7, suppression=Suppression(strength=7.5), texts_a_request=3, max_tokens=8
    ),
    per_label=6,
    seed=4,
    model=ModelChoice(device="cpu"),
)


@pytest.fixture(scope="module")
def keeper(model_cache: Path) -> ModelCache:
    keeper = ModelCache(Path(os.environ["WIDESET_MODELS"]))
    keeper.backend(SPEC.model)
    return keeper


@pytest.fixture(scope="module")
def written(keeper: ModelCache, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, str]:
    """A home with a run of two cycles, and its id."""
    home = Home(tmp_path_factory.mktemp("lab"))
    db = open_database(home)
    run = create_run(db, SPEC)
    loop = Loop(SPEC, run_id=run.id, backend=keeper.backend(SPEC.model))
    for _, samples in loop.rounds(between_steps=lambda: None):
        add_samples(db, samples)
    db.close()
    return home, run.id


def lab(keeper: ModelCache, home: Home, *, busy: bool = False) -> Lab:
    return Lab(keeper, home, busy=lambda: busy)


def next_token(
    lab: Lab, spec: RunSpec, run_id: str | None = None, prefix: str = "", label_index: int = 1
) -> NextToken:
    return lab.next_token(spec, label_index=label_index, prefix=prefix, run_id=run_id, top=30)


def test_without_a_run_nothing_is_suppressed(keeper: ModelCache, written: tuple[Home, str]) -> None:
    answer = next_token(lab(keeper, written[0]), SPEC)
    assert answer.suppressed == 0
    assert len(answer.change.tokens) == 30
    assert answer.prompt.endswith('Movie review: "')
    assert 0 < answer.change.moved < 1  # the temperature


def test_a_runs_words_are_suppressed_and_shown_as_examples(
    keeper: ModelCache, written: tuple[Home, str]
) -> None:
    home, run_id = written
    answer = next_token(lab(keeper, home), SPEC, run_id, "The film")
    assert answer.suppressed > 5
    assert answer.change.suppressed_after < answer.change.suppressed_before
    assert answer.prompt.count("Write a movie review") == 3  # two examples and the request
    assert all(-7.5 <= token.bias < 0 for token in answer.change.tokens if token.bias)
    assert all((token.share is None) == (token.bias == 0) for token in answer.change.tokens)


def test_a_move_of_a_knob_takes_under_400_ms(keeper: ModelCache, written: tuple[Home, str]) -> None:
    home, run_id = written
    asked = lab(keeper, home)
    next_token(asked, SPEC, run_id)  # the prompt is run once
    begun = time.perf_counter()
    next_token(asked, SPEC, run_id)
    assert time.perf_counter() - begun < 0.4


def test_a_walk_finds_the_fluency_that_was_noted(
    keeper: ModelCache, written: tuple[Home, str]
) -> None:
    home, run_id = written
    db = open_database(home)
    samples = samples_of(db, run_id)
    db.close()
    # One that was cut off: its fluency is of the very tokens that are stored, none closed it.
    cut = [one for one in samples if one.outcome == "truncated"]
    tokens = lab(keeper, home).walk(run_id, cut[0].id, top=10).tokens
    logs = [math.log(token.before) for token in tokens]
    assert len(logs) == len(cut[0].token_ids) == 8
    assert sum(logs) / 8 == pytest.approx(cut[0].fluency, rel=0.01)
    assert all(token.after > 0 for token in tokens)
    # Of a later cycle, under its examples and biases: only the closing token's part is missing.
    later = next(one for one in samples if one.cycle == 2 and one.outcome == "usable")
    walked = lab(keeper, home).walk(run_id, later.id, top=10).tokens
    known = sum(math.log(token.before) for token in walked)
    assert later.fluency is not None
    assert later.fluency * (len(walked) + 1) - 0.05 < known < 0
    assert all(token.after > 0 for token in walked)
    backend = keeper.backend(SPEC.model)
    assert [token.text for token in tokens] == [
        backend.token_text(token) for token in cut[0].token_ids
    ]


def test_what_is_not_there_is_told(keeper: ModelCache, written: tuple[Home, str]) -> None:
    home, run_id = written
    with pytest.raises(BadInput):
        lab(keeper, home).walk(run_id, "none", top=10)
    with pytest.raises(BadInput):
        next_token(lab(keeper, home), SPEC, label_index=9)
    other = RunSpec(SPEC.task, model=ModelChoice(model="somewhere/else"))
    with pytest.raises(NoAnswer, match="busy"):
        next_token(lab(keeper, home, busy=True), other)
