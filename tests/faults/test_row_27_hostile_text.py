"""Fault 27: lone surrogate, NUL, bidi control, 1 MB of text: stored by the rule of
core.domain.texts."""

from dataclasses import replace

import pytest

from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples, sample_rows, samples_of
from tests.store.making import make_sample, make_spec


@pytest.mark.parametrize(
    ("written", "stored", "outcome"),
    [
        ("half \ud83d of a pair", "half \ufffd of a pair", "usable"),
        ("before\0after", "before\ufffdafter", "usable"),
        ("\u202etxet\u202c \u2066x\u2069", "\u202etxet\u202c \u2066x\u2069", "usable"),
        ("m" * 1_000_000, "m" * 100_000, "truncated"),
        ("'); DROP TABLE samples; --", "'); DROP TABLE samples; --", "usable"),
    ],
)
def test_what_is_stored_is_what_the_rule_says(
    db: Database, written: str, stored: str, outcome: str
) -> None:
    run_id = create_run(db, make_spec()).id
    sample = replace(make_sample(run_id, 0, text=written), finish_reason="st\0op")
    returned = add_samples(db, [sample])
    assert [(s.text, s.outcome, s.finish_reason) for s in returned] == [
        (stored, outcome, "st\ufffdop")
    ]
    assert samples_of(db, run_id) == returned
    assert sample_rows(db, run_id)[0][5] == stored
