"""The job that places texts on their task's map, in a real store with an encoder that pretends."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.map.umap import MapCache
from core.domain.progress import JobProgress
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.texts import text_hash
from core.jobs.context import JobContext
from core.jobs.handlers.measurements import project_job
from core.jobs.queue import Job, submit
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.services import project as module
from core.services.project import LIMIT, MapRequest, project
from core.store.database import Database
from core.store.datasets import run_key
from core.store.diversity import MapRecord, Point, latest_map, points_of
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders
from tests.store.making import TASK, make_sample, make_spec

CHOICE = EncoderChoice()
WORDS = {"pos": "good lovely warm", "neg": "bad awful cold"}


class Bench:
    """A store with runs, and a worker whose encoder pretends."""

    def __init__(self, home: Home, db: Database) -> None:
        self.home, self.db = home, db
        self.encoders = FakeEncoders()
        self.maps = MapCache()
        self.reports: list[Mapping[str, Any]] = []

    def run_of(self, texts: list[str]) -> str:
        """The key of a new run of these texts; labels take turns."""
        run = create_run(self.db, make_spec(per_label=1000))
        labels = ("pos", "neg")
        add_samples(
            self.db,
            [
                make_sample(run.id, number, text=text, label=labels[number % 2])
                for number, text in enumerate(texts)
            ],
        )
        return run_key(run.id)

    def project(
        self,
        *keys: str,
        limit: int = LIMIT,
        hear: Callable[[Worker, JobProgress], None] = lambda worker, progress: None,
        **more: Any,
    ) -> Job:
        spec = {"datasets": keys, "task_key": TASK.key, "encoder": CHOICE.to_dict(), **more}
        job = submit(self.db, "project", spec)

        def run(context: JobContext) -> None:
            if limit == LIMIT:
                project_job(context, WorkerTools(self.home, encoders=self.encoders, maps=self.maps))
                return
            project(
                context.db,
                context.job.spec_as(MapRequest),
                encoders=self.encoders,
                maps=self.maps,
                limit=limit,
                progress=context,
            )

        worker = Worker(
            self.home,
            {"project": run},
        )
        self.reports.clear()

        def listen(progress: JobProgress) -> None:
            self.reports.append(to_json(progress))
            hear(worker, progress)

        return worker.run_job(job.id, listen=listen)

    @property
    def record(self) -> MapRecord:
        found = latest_map(self.db, TASK.key, choice=CHOICE)
        assert found is not None
        return found

    def points(self, texts: list[str]) -> dict[bytes, Point]:
        return points_of(self.db, self.record.id, map(text_hash, texts))

    @property
    def phases(self) -> list[str]:
        """The phases in their order, each once."""
        return list(dict.fromkeys(str(progress["phase"]) for progress in self.reports))


@pytest.fixture
def bench(home: Home, real_db: Database) -> Bench:
    return Bench(home, real_db)


def texts(count: int, *, of: str = "") -> list[str]:
    """Different texts; the even ones of a label's words, the odd ones of another's."""
    return [f"{list(WORDS.values())[n % 2]} {of}{n}" for n in range(count)]


def test_texts_of_several_runs_share_a_map(bench: Bench) -> None:
    one, two = texts(30), [*texts(20), *texts(12, of="x")]
    keys = bench.run_of(one), bench.run_of(two)
    job = bench.project(*keys, seed=4)
    assert (job.state, job.message) == ("done", "")
    assert bench.phases == ["loading", "embedding", "fitting", "done"]
    record = bench.record
    assert job.last_report == {
        "phase": "done", "done": 42, "total": 42, "seconds_left": None, "map": record.id,
        "texts": 42, "of": 42, "note": "",
    }  # fmt: skip
    facts = to_json(record.facts)
    assert "umap-learn" in facts.pop("versions")
    assert [dataset.pop("name") != "" for dataset in facts["datasets"]] == [True, True]
    assert facts == {
        "choice": CHOICE.to_dict(), "fingerprint": "fake-16", "method": "umap", "seed": 4,
        "neighbours": 15, "min_dist": 0.1, "texts": 42, "of": 42, "sampled": False, "note": "",
        "datasets": [{"key": keys[0], "n": 30}, {"key": keys[1], "n": 32}],
    }  # fmt: skip
    assert len(bench.points(one + two)) == 42
    assert bench.encoders.asked == [CHOICE]


def test_what_is_on_the_map_already_takes_no_encoder(bench: Bench) -> None:
    key = bench.run_of(texts(20))
    bench.project(key)
    record, before = bench.record, bench.points(texts(20))
    job = bench.project(key, seed=99)
    assert job.state == "done"
    assert bench.phases == ["loading", "done"]
    assert (bench.record, bench.points(texts(20))) == (record, before)
    assert len(bench.encoders.asked) == 1


def test_later_texts_are_placed_and_move_nothing(bench: Bench) -> None:
    bench.project(bench.run_of(texts(40)))
    record, before = bench.record, bench.points(texts(40))
    later = texts(6, of="later")
    job = bench.project(bench.run_of(later))
    assert job.state == "done"
    assert bench.phases == ["loading", "embedding", "placing", "done"]
    assert bench.record == record
    assert bench.points(texts(40)) == before
    placed = bench.points(later)
    for place, text in enumerate(later):
        where = np.array(placed[text_hash(text)])
        nearest = min(
            range(40), key=lambda n: float(np.sum((before[text_hash(texts(40)[n])] - where) ** 2))
        )
        assert nearest % 2 == place % 2, "a text lies among those that share its words"


def test_a_worker_that_lost_the_map_places_on_the_same_one(bench: Bench) -> None:
    bench.project(bench.run_of(texts(40)), seed=7)
    record, before = bench.record, bench.points(texts(40))
    later = texts(5, of="later")
    fitted = bench.maps.kept(record.id)
    assert fitted is not None
    expected = fitted.place(bench.encoders.made.embed(sorted(later, key=text_hash)))
    bench.maps = MapCache()
    job = bench.project(bench.run_of(later), seed=1)
    assert job.state == "done"
    assert bench.phases == ["loading", "fitting", "embedding", "placing", "done"]
    assert bench.record == record
    assert bench.points(texts(40)) == before
    found = bench.points(later)
    assert np.array_equal([found[key] for key in sorted(found)], expected)
    assert bench.maps.kept(record.id) is not None


def test_a_map_that_can_not_be_had_again_is_made_anew(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.project(bench.run_of(texts(20)))
    old = bench.record
    with bench.db.write() as connection:
        connection.execute("UPDATE points SET x = x + 1")
    bench.maps = MapCache()
    monkeypatch.setattr(module, "version", lambda: "umap-learn 9")
    both = bench.run_of([*texts(20), *texts(5, of="later")])
    bench.project(both)
    new = bench.record
    assert new.id != old.id
    assert new.facts.texts == 25
    assert new.facts.note == (
        "The map was made anew, as fitting the old one again gives other points here:"
        f" it was made with {old.facts.versions}, and this is umap-learn 9."
    )
    assert points_of(bench.db, old.id, map(text_hash, texts(20))) == {}


def test_a_map_whose_vectors_are_gone_is_made_anew(bench: Bench) -> None:
    bench.project(bench.run_of(texts(20)))
    old = bench.record
    with bench.db.write() as connection:
        connection.execute("DELETE FROM embeddings")
    bench.maps = MapCache()
    bench.project(bench.run_of(texts(12, of="later")))
    assert bench.record.id != old.id
    assert "vectors that it was fitted on are gone" in bench.record.facts.note


def test_another_encoder_under_the_same_choice_makes_another_map(bench: Bench) -> None:
    bench.project(bench.run_of(texts(20)))
    bench.encoders = FakeEncoders(FakeEncoder(size=8))
    key = bench.run_of(texts(21))
    bench.project(key)
    assert bench.record.encoder == "fake-8"
    assert bench.record.facts.note.startswith("The map was made anew, as the encoder")
    assert len(bench.points(texts(21))) == 21


def test_refit_makes_a_new_map_of_all(bench: Bench) -> None:
    one, two = bench.run_of(texts(20)), bench.run_of(texts(12, of="later"))
    bench.project(one)
    old = bench.record
    job = bench.project(one, two, refit=True, seed=2)
    assert job.state == "done"
    new = bench.record
    assert (new.id != old.id, new.facts.texts, new.facts.seed) == (True, 32, 2)
    assert points_of(bench.db, old.id, map(text_hash, texts(20))) == {}
    assert sum(map(len, bench.encoders.made.calls)) == 32, "no text is embedded twice"


def test_of_too_many_texts_a_sample_is_shown_and_the_map_says_so(bench: Bench) -> None:
    one, two = texts(60), texts(30, of="x")
    keys = bench.run_of(one), bench.run_of(two)
    job = bench.project(*keys, limit=30)
    assert (job.last_report["texts"], job.last_report["of"]) == (30, 90)
    # Two runs of two labels, each in proportion.
    assert [len(bench.points(part)) for part in (one[::2], one[1::2], two[::2], two[1::2])] == [
        10,
        10,
        5,
        5,
    ]
    assert bench.record.facts.sampled is True
    assert bench.record.facts.note == (
        "The map was fitted on 30 of 90 different texts, drawn at random with each dataset and"
        " label in proportion."
    )
    assert sum(map(len, bench.encoders.made.calls)) == 30
    bench.project(*keys, limit=30)
    assert bench.phases == ["loading", "done"], "the same sample is drawn again"


def test_a_map_of_few_texts_says_so_and_gives_way_to_umap(bench: Bench) -> None:
    bench.project(bench.run_of(texts(4)))
    old = bench.record
    assert (old.facts.method, old.facts.note) == (
        "pca",
        "The map shows principal components: 4 texts, fewer than the 10 that UMAP needs.",
    )
    # Two more are placed on the same axes, by a worker that has to find them again.
    bench.maps = MapCache()
    bench.project(bench.run_of(texts(6)))
    assert (bench.record, len(bench.points(texts(6)))) == (old, 6)
    bench.project(bench.run_of(texts(20)))
    assert bench.record.facts.method == "umap"
    assert bench.record.facts.note == (
        "The map was made anew, as there are texts enough for UMAP now."
    )


def test_runs_without_a_text_are_refused(bench: Bench) -> None:
    job = bench.project(bench.run_of([]))
    assert (job.state, job.message) == ("failed", "There is no text to show on a map yet.")
    assert latest_map(bench.db, TASK.key, choice=CHOICE) is None


@pytest.mark.parametrize("phase", ["embedding", "fitting"])
def test_a_job_that_is_stopped_leaves_the_old_map(bench: Bench, phase: str) -> None:
    key = bench.run_of(texts(20))
    bench.project(key)
    old = bench.record

    def hear(worker: Worker, progress: JobProgress) -> None:
        if progress.phase == phase:
            worker.stop()

    job = bench.project(key, refit=True, hear=hear)
    assert (job.state, job.last_report["phase"]) == ("paused", "stopped")
    assert "fitting" not in bench.phases or phase == "fitting"
    assert bench.record == old
    assert len(bench.points(texts(20))) == 20
