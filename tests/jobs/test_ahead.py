"""What a run will take, told from the last one like it."""

from dataclasses import replace

import pytest

from core.conditions import Condition
from core.connections import Prices
from core.jobs.ahead import Use, estimate_ahead, use_of
from core.runs import Example, ModelChoice, RunSpec
from core.store.attempts import StoredAttempt, add_attempt
from core.store.database import Database
from core.store.runs import create_run
from tests.store.making import TASK

MODEL = ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
SPEC = RunSpec(TASK, Condition(texts_a_request=5), per_label=5, model=MODEL)
PRICES = Prices(tokens_in=1.0, tokens_out=10.0)


def ran(db: Database, spec: RunSpec, *rows: tuple[int | None, int, int | None, int | None]) -> str:
    """A run with attempts: (cycle, texts, tokens in, tokens out)."""
    run = create_run(db, spec, name="Trial")
    for cycle, texts, tokens_in, tokens_out in rows:
        attempt = StoredAttempt(
            cycle=cycle,
            label="pos",
            texts_asked=5,
            texts_returned=texts,
            attempt=1,
            status=200,
            outcome="ok",
            message="",
            seconds=1.0,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
        )
        add_attempt(db, attempt, run_id=run.id)
    return run.id


def test_instruction_and_text_are_told_apart(db: Database) -> None:
    # Zero-shot: a block of 30. Then with two examples: 3 * 30 + 2 * 10. A failed one is out.
    ran(db, SPEC, (1, 5, 30, 50), (2, 5, 110, 50), (2, 0, 99, None), (None, 5, 999, 999))
    assert use_of(db, SPEC) == Use(block=30.0, text=10.0, run="Trial")


def test_seed_examples_of_the_first_cycle_count_as_blocks(db: Database) -> None:
    seeded = replace(SPEC, seed_examples=(Example("a", "pos"), Example("b", "pos")))
    ran(db, seeded, (1, 5, 70, 50))  # two blocks of 30 and a text
    assert use_of(db, seeded) == Use(block=30.0, text=10.0, run="Trial")


def test_only_runs_like_it_tell_and_only_what_was_reported(db: Database) -> None:
    assert use_of(db, SPEC) is None
    ran(db, replace(SPEC, model=replace(MODEL, model="other")), (1, 5, 30, 50))
    ran(db, replace(SPEC, task=replace(TASK, text_type="tweet")), (1, 5, 30, 50))
    ran(db, replace(SPEC, condition=Condition(prompt="chat")), (1, 5, 30, 50))
    ran(db, SPEC, (1, 5, None, None))
    assert use_of(db, SPEC) is None
    ran(db, SPEC, (1, 5, 30, 50))
    ran(db, SPEC)  # which has nothing to tell yet
    assert use_of(db, SPEC) == Use(block=30.0, text=10.0, run="Trial")


@pytest.mark.parametrize(
    ("several", "requests", "tokens_in"),
    # Two labels of 15 in requests of 5: a cycle without examples (30 a prompt) and two with two
    # (110 a prompt); 83.3 on average.
    [(True, 6, 500), (False, 30, 2500)],
)
def test_a_run_to_come_has_more_examples_than_its_trial(
    several: bool, requests: int, tokens_in: int
) -> None:
    spec = replace(SPEC, per_label=15)
    use = Use(block=30.0, text=10.0, run="Trial")
    found = estimate_ahead(spec, use, prices=PRICES, several=several)
    assert (found.requests, found.tokens_in, found.tokens_out) == (requests, tokens_in, 300)
    assert found.money == pytest.approx((tokens_in * 1 + 300 * 10) / 1e6)


def test_unknown_stays_unknown() -> None:
    found = estimate_ahead(SPEC, None, prices=PRICES, several=True)
    assert (found.requests, found.tokens_in, found.tokens_out, found.money) == (2, None, None, None)
    use = Use(block=30.0, text=10.0, run="Trial")
    assert estimate_ahead(SPEC, use, prices=Prices(), several=True).money is None
