"""Fault 24: finish_reason length or content_filter: recorded, and not mixed in silently."""

import pytest

from core.domain.settings import Home
from core.generation.backends import Request
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.generation.fake_backend import FakeBackend, Written
from tests.generation.making import distinct, generate_job, make_spec, place_of


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_it_is_stored_with_its_reason_counted_apart_and_made_up_for(
    home: Home, real_db: Database, reason: str
) -> None:
    def write(request: Request, index: int) -> Written:
        if (*place_of(request), index) == (1, 0, 1):
            return Written("was cut he", (2, 3), reason)
        return distinct(request, index)

    job = generate_job(home, real_db, make_spec(per_label=3, size=3), FakeBackend(write))
    samples = samples_of(real_db, str(job.run_id))
    (cut,) = [sample for sample in samples if sample.outcome != "usable"]
    assert (cut.text, cut.finish_reason, cut.outcome) == ("was cut he", reason, "truncated")
    assert [s.finish_reason for s in samples if s is not cut] == ["stop"] * 6
    assert (job.state, job.last_report["truncated"], job.last_report["accepted"]) == ("done", 1, 6)
    assert job.last_report["per_label"] == {"pos": 3, "neg": 3}
