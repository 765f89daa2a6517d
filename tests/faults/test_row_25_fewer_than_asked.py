"""Fault 25: 20 asked, 7 returned: the shortfall shows and is topped up, bounded."""

from core.domain.settings import Home
from core.generation.backends import Request
from core.store.database import Database
from core.store.generation.rounds import rounds_of
from tests.generation.fake_backend import FakeBackend, Written
from tests.generation.making import distinct, generate_job, make_spec, place_of


def seven(request: Request, index: int) -> Written | None:
    return distinct(request, index) if index < 7 else None


def test_what_is_missing_is_asked_for_again(home: Home, real_db: Database) -> None:
    job = generate_job(home, real_db, make_spec(per_label=20, size=20), FakeBackend(seven))
    requested = [r.requested for r in rounds_of(real_db, str(job.run_id))]
    assert requested == [{"pos": n, "neg": n} for n in (20, 13, 6)]
    assert job.last_report["per_label"] == {"pos": 20, "neg": 20}
    assert job.last_report["shortfall"] == {}


def test_when_no_more_comes_the_shortfall_shows_and_asking_ends(
    home: Home, real_db: Database
) -> None:
    def dry(request: Request, index: int) -> Written | None:
        return seven(request, index) if place_of(request)[0] == 1 else None

    job = generate_job(home, real_db, make_spec(per_label=20, size=20), FakeBackend(dry))
    assert job.state == "done"
    assert job.last_report["shortfall"] == {"pos": 13, "neg": 13}
    assert job.last_report["accepted"] == 14
    asked = sum(r.requested["pos"] for r in rounds_of(real_db, str(job.run_id)))
    assert asked == 3 * 20 + 20
