"""Fault 41: temperature NaN, negative, 301 bias entries: refused before anything is spent."""

import math
from typing import Any

import pytest

from core.domain.errors import BadInput
from core.domain.settings import Home
from core.store.database import Database
from core.store.generation.runs import list_runs
from tests.generation.fake_backend import FakeBackend
from tests.generation.making import generate_job, make_spec


@pytest.mark.parametrize(
    "knobs",
    [
        {"temperature": math.nan},
        {"temperature": -0.1},
        {"temperature": math.inf},
        {"top_p": 0},
        {"logit_bias": tuple((token, 1.0) for token in range(301))},
        {"logit_bias": ((5, math.nan),)},
        {"logit_bias": ((-1, 1.0),)},
    ],
)
def test_there_is_no_run_and_no_request(
    home: Home, real_db: Database, knobs: dict[str, Any]
) -> None:
    backend = FakeBackend()
    with pytest.raises(BadInput):
        generate_job(home, real_db, make_spec(**knobs), backend)
    assert backend.calls == []
    assert list_runs(real_db) == []


def test_the_most_that_is_allowed_is_not_refused() -> None:
    most = make_spec(temperature=2, logit_bias=tuple((token, -100.0) for token in range(300)))
    assert len(most.condition.logit_bias) == 300
