"""Fault 26: the model echoes an example: flagged as a duplicate of its seed."""

import pytest

from core.domain.runs import Example
from core.domain.settings import Home
from core.generation.backends import Request
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.generation.fake_backend import FakeBackend, Written
from tests.generation.making import distinct, generate_job, make_spec

SEEDS = (Example("A fine film", "pos"), Example("Dull, dull, dull", "neg"))


@pytest.mark.parametrize("only_new", [False, True])
def test_it_says_which_seed_and_counts_only_where_repeats_do(
    home: Home, real_db: Database, only_new: bool
) -> None:
    def echo(request: Request, index: int) -> Written:
        if index == 1:
            assert '"Dull, dull, dull"' in request.prompt.text
            return Written(" dull,  DULL, dull", (2, 3))
        return distinct(request, index)

    spec = make_spec(per_label=2, size=2, seeds=SEEDS, only_new=only_new)
    job = generate_job(home, real_db, spec, FakeBackend(echo))
    samples = samples_of(real_db, str(job.run_id))
    assert {(s.index, s.duplicate_of) for s in samples} == {(0, None), (1, "example:1")}
    assert job.last_report["duplicates"] == 2
    # where only new texts count, each label's second one is asked for again
    assert [s.cycle for s in samples] == ([1, 1, 1, 1, 2, 2] if only_new else [1, 1, 1, 1])
    assert job.last_report["accepted"] == 4
