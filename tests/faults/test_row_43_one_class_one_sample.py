"""Fault 43: one class only, one sample, all duplicates: generation takes each as it is."""

from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.generation.backends import Request
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.generation.fake_backend import FakeBackend, Written
from tests.generation.making import distinct, generate_job, make_spec

ONE = Task("One", "text", (Label("only", "the only one"),))


def same(request: Request, index: int) -> Written:
    return Written("The same", (2, 3))


def test_one_class_and_one_sample(home: Home, real_db: Database) -> None:
    job = generate_job(home, real_db, make_spec(task=ONE, per_label=1), FakeBackend(distinct))
    assert [s.label for s in samples_of(real_db, str(job.run_id))] == ["only"]
    assert (job.last_report["accepted"], job.last_report["shortfall"]) == (1, {})


def test_all_duplicates_count_and_are_flagged(home: Home, real_db: Database) -> None:
    job = generate_job(home, real_db, make_spec(per_label=3), FakeBackend(same))
    samples = samples_of(real_db, str(job.run_id))
    assert [s.duplicate_of for s in samples] == [None, *[samples[0].id] * 5]
    assert (job.last_report["accepted"], job.last_report["duplicates"]) == (6, 5)


def test_where_only_new_texts_count_it_ends_with_the_shortfall(
    home: Home, real_db: Database
) -> None:
    spec = make_spec(per_label=3, only_new=True)
    job = generate_job(home, real_db, spec, FakeBackend(same))
    assert job.state == "done"
    assert job.last_report["shortfall"] == {"pos": 2, "neg": 3}
    assert len(samples_of(real_db, str(job.run_id))) == 2 * (3 * 3 + 2)
