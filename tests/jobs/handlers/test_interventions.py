"""The jobs that preview interventions, in a real store with an encoder that has no model."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.interventions.previews import (
    BudgetRequest,
    EffectPreview,
    EffectRequest,
    FilterRequest,
    JudgeRequest,
    PreviewRequest,
    RelabelRequest,
)
from core.interventions.relabelling.budget import budget_curve
from core.interventions.relabelling.oracle import noisy, train_oracle
from core.interventions.relabelling.relabel import replace_labels
from core.interventions.scope_filter import filter_effect, train_filter
from core.interventions.versions import subject_of
from core.jobs.context import JobContext
from core.jobs.handlers.interventions import preview_state, request_preview
from core.jobs.queue import Job, get_job, request_cancel
from core.jobs.registry import JobHandlers
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.store.database import Database
from core.store.datasets import load_dataset, reference_key, run_key
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of, last_number
from core.store.interventions.versions import list_versions
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders
from tests.interventions.runs import Made, make_moods

CHOICE = EncoderChoice()
SIZE = 64


def work_off(
    home: Home,
    db: Database,
    made: Made,
    request: PreviewRequest[Any],
    *,
    seen: int = 0,
    encoders: FakeEncoders | None = None,
    told: list[Mapping[str, Any]] | None = None,
) -> Job:
    """Ask for a preview of the run as generated, and work the job off."""
    tools = WorkerTools(home, encoders=encoders or FakeEncoders(FakeEncoder(size=SIZE)))
    job = request_preview(db, run_key(made.run_id), request, seen=seen).job
    handlers = JobHandlers(home, tools).handlers()
    listen = None if told is None else lambda now: told.append(to_json(now))
    return Worker(home, handlers).run_job(job.id, listen=listen)


def relabelling(made: Made, n: int, **more: Any) -> RelabelRequest:
    asked = {"annotator": "oracle", "reference": made.reference_id, **more}
    return RelabelRequest(n=n, encoder=CHOICE, **asked)


def judging(made: Made, n: int) -> JudgeRequest:
    return JudgeRequest(n=n, encoder=CHOICE, reference=made.reference_id)


def embed(texts: Any) -> Any:
    return FakeEncoder(size=SIZE).embed(texts)


def test_the_oracle_judges_every_text_and_tells_how_right_it_is(
    home: Home, real_db: Database
) -> None:
    made = make_moods(real_db)
    told: list[Mapping[str, Any]] = []
    job = work_off(home, real_db, made, judging(made, 60), told=told)
    assert (job.state, job.message) == ("done", "")
    found = preview_state(real_db, run_key(made.run_id), judging(made, 60))
    assert found.result is not None
    assert found.fresh
    dataset = load_dataset(real_db, run_key(made.run_id))
    train, test = (
        load_dataset(real_db, reference_key(made.reference_id, part)) for part in ("train", "test")
    )
    oracle = train_oracle(
        embed(train.texts),
        list(train.labels),
        test=(embed(test.texts), list(test.labels)),
    )
    opinion = oracle.judge(dataset.texts, embed(dataset.texts))
    assert found.result.ids == dataset.ids
    assert found.result.labels == opinion.labels
    assert found.result.confidence == pytest.approx(opinion.confidence, abs=1e-5)
    assert found.result.oracle.accuracy == oracle.accuracy
    assert found.result.oracle.measured_on == "the reference's test part"
    # These texts are easy: what the labels get wrong, the oracle sees.
    assert list(found.result.labels) == [made.right[key] for key in dataset.ids]
    phases = [now["phase"] for now in told]
    assert list(dict.fromkeys(phases)) == ["loading", "embedding", "training", "done"]
    assert get_job(real_db, job.id).last_report["phase"] == "done"


def test_a_preview_is_what_the_pure_function_says(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    request = relabelling(made, 60, inspect=30, seed=4, weight=0.2)
    assert work_off(home, real_db, made, request).state == "done"
    found = preview_state(real_db, run_key(made.run_id), request).result
    assert found is not None
    dataset = load_dataset(real_db, run_key(made.run_id))
    sample = np.random.default_rng(4)
    right = [made.right[key] or "" for key in dataset.ids]
    told = noisy(right, 0.0, sample, label_names=dataset.label_names)
    rows = sample.permutation(60)[:30].tolist()
    expected = replace_labels(
        embed(dataset.texts),
        dataset.labels,
        {row: told[row] for row in rows},
        label_names=dataset.label_names,
        weight=0.2,
        seed=4,
    )
    replacement = found.replacement
    assert (replacement.old, replacement.new) == (expected.old, expected.new)
    assert (replacement.judged, replacement.proxy) == (expected.judged, expected.proxy)
    known = [value for value in expected.confidence if value is not None]
    assert [v for v in replacement.confidence if v is not None] == pytest.approx(known, abs=1e-5)
    assert replacement.inspected == 30
    # Nothing was changed by looking.
    assert list_versions(real_db, made.run_id) == []
    assert judgements_of(real_db, made.run_id) == []


def test_all_are_relabelled_and_errors_are_simulated(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    dataset = load_dataset(real_db, run_key(made.run_id))
    right = tuple(made.right[key] for key in dataset.ids)
    encoders = FakeEncoders(FakeEncoder(size=SIZE))
    sure, erring = (relabelling(made, 60, error_rate=rate) for rate in (0.0, 0.5))
    for request in (sure, erring):
        assert work_off(home, real_db, made, request, encoders=encoders).state == "done"
    results = [preview_state(real_db, run_key(made.run_id), one).result for one in (sure, erring)]
    both = [result.replacement for result in results if result is not None]
    assert both[0].new == right
    assert all(value is not None for value in both[0].confidence)
    missed = sum(new != label for new, label in zip(both[1].new, right, strict=True))
    assert 15 <= missed <= 45
    assert both[1].confidence == (None,) * 60
    # The second preview asked the oracle that the first had trained, and embedded nothing.
    assert sum(map(len, encoders.made.calls)) == len({*dataset.texts}) + 90


def test_people_teach_without_their_audit_set(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    dataset = load_dataset(real_db, run_key(made.run_id))
    for why, span in (("spread", range(30)), ("audit", range(30, 50))):
        verdicts = [Verdict(dataset.ids[row], made.right[dataset.ids[row]], True) for row in span]
        add_judgements(real_db, made.run_id, verdicts, who="ada", why=why)  # type: ignore[arg-type]
    request = RelabelRequest(n=60, encoder=CHOICE, annotator="people")
    seen = last_number(real_db, made.run_id)
    assert work_off(home, real_db, made, request, seen=seen).state == "done"
    asked = preview_state(real_db, run_key(made.run_id), request, seen=seen)
    assert asked.result is not None
    assert asked.fresh
    replacement = asked.result.replacement
    assert [row for row, label in enumerate(replacement.judged) if label] == list(range(30))
    # One judgement later the preview is there, and said to be older.
    add_judgements(real_db, made.run_id, [Verdict(dataset.ids[55], "joy")], who="ada", why="spread")
    later = preview_state(real_db, run_key(made.run_id), request, seen=seen + 1)
    assert (later.result, later.fresh, later.work) == (asked.result, False, None)
    work_off(home, real_db, made, request, seen=seen + 1)
    again = preview_state(real_db, run_key(made.run_id), request, seen=seen + 1)
    assert again.fresh
    assert again.result != asked.result


@pytest.mark.parametrize(
    ("judged", "message"),
    [(0, "No text was inspected"), (5, "All 5 inspected texts were labelled 'joy'")],
)
def test_too_little_from_people_is_said(
    home: Home, real_db: Database, judged: int, message: str
) -> None:
    made = make_moods(real_db)
    ids = [key for key, label in made.right.items() if label == "joy"][:judged]
    if ids:
        verdicts = [Verdict(key, "joy") for key in ids]
        add_judgements(real_db, made.run_id, verdicts, who="ada", why="bulk")
    request = RelabelRequest(n=60, encoder=CHOICE, annotator="people")
    job = work_off(home, real_db, made, request)
    assert job.state == "failed"
    assert message in job.message
    assert job.remedy
    assert preview_state(real_db, run_key(made.run_id), request).result is None
    assert list_versions(real_db, made.run_id) == []


def test_the_filter_is_learned_from_what_people_said(home: Home, real_db: Database) -> None:
    made = make_moods(real_db, out=16)
    dataset = load_dataset(real_db, run_key(made.run_id))
    # Every second text, once: a copy would be no test for the other.
    rows = [row for row in range(76) if row % 2 == 0]
    verdicts = [
        Verdict(dataset.ids[row], in_scope=made.right[dataset.ids[row]] is not None) for row in rows
    ]
    add_judgements(real_db, made.run_id, verdicts, who="ada", why="bulk")
    request = FilterRequest(n=76, encoder=CHOICE)
    assert work_off(home, real_db, made, request).state == "done"
    found = preview_state(real_db, run_key(made.run_id), request).result
    assert found is not None
    scope = found.scope
    judged = {row: made.right[dataset.ids[row]] is not None for row in rows}
    expected = train_filter(embed(dataset.texts), judged)
    assert dict(scope.judged) == judged
    assert scope.confidence == pytest.approx(expected.confidence, abs=1e-5)
    assert scope.going() == expected.going()
    assert scope.quality(0.4) == expected.quality(0.4)
    assert set(scope.going()) == set(range(60, 76))


def test_what_a_classifier_makes_of_a_filter(home: Home, real_db: Database) -> None:
    made = make_moods(real_db, out=16)
    key = run_key(made.run_id)
    dataset = load_dataset(real_db, key)
    request = EffectRequest(n=76, encoder=CHOICE, reference=made.reference_id, threshold=0.5)
    early = work_off(home, real_db, made, request)
    assert (early.state, early.message) == ("failed", "No filter of these texts was learned.")
    verdicts = [
        Verdict(dataset.ids[row], in_scope=made.right[dataset.ids[row]] is not None)
        for row in range(0, 76, 2)
    ]
    add_judgements(real_db, made.run_id, verdicts, who="ada", why="bulk")
    seen = last_number(real_db, made.run_id)
    work_off(home, real_db, made, FilterRequest(n=76, encoder=CHOICE), seen=seen)
    assert work_off(home, real_db, made, request, seen=seen).state == "done"
    asked = preview_state(real_db, key, request, seen=seen)
    assert asked.fresh
    assert asked.result is not None
    test = load_dataset(real_db, reference_key(made.reference_id, "test"))
    expected = filter_effect(
        embed(dataset.texts),
        dataset.labels,
        np.arange(76) < 60,
        test_vectors=embed(test.texts),
        test_labels=test.labels,
        seed=0,
    )
    assert asked.result == EffectPreview.of(expected, seen=seen, test=test.name)
    assert (expected.n, expected.kept, expected.n_test) == (76, 60, len(test))
    # What was judged since is not in it.
    add_judgements(real_db, made.run_id, verdicts[:1], who="ada", why="bulk")
    assert not preview_state(real_db, key, request, seen=last_number(real_db, made.run_id)).fresh


def test_a_filter_needs_both_kinds(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    verdicts = [Verdict(key, in_scope=True) for key in list(made.right)[:20]]
    add_judgements(real_db, made.run_id, verdicts, who="ada", why="bulk")
    encoders = FakeEncoders()
    job = work_off(home, real_db, made, FilterRequest(n=60, encoder=CHOICE), encoders=encoders)
    assert job.state == "failed"
    assert "All 20 judged texts are in scope" in job.message
    assert encoders.asked == []  # nothing was spent


def test_the_budget_curve_is_kept(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    request = BudgetRequest(
        n=60, encoder=CHOICE, annotator="oracle", reference=made.reference_id, repeats=2
    )
    told: list[Mapping[str, Any]] = []
    assert work_off(home, real_db, made, request, told=told).state == "done"
    found = preview_state(real_db, run_key(made.run_id), request).result
    assert found is not None
    dataset = load_dataset(real_db, run_key(made.run_id))
    right = {row: made.right[key] or "" for row, key in enumerate(dataset.ids)}
    expected = budget_curve(
        embed(dataset.texts), dataset.labels, right, label_names=dataset.label_names, repeats=2
    )
    assert list(found.points) == expected
    assert [point.inspected for point in expected] == [0, 45, 60]
    # 1 + 2 + 2 samples; the first is nothing to wait for.
    sampling = [now for now in told if now["phase"] == "sampling"]
    assert {now["total"] for now in sampling} == {5}
    few = BudgetRequest(n=60, encoder=CHOICE, annotator="people")
    job = work_off(home, real_db, made, few)
    assert job.state == "failed"
    assert "0 texts have a label from people; a curve needs at least 40" in job.message


def test_a_job_ends_early_and_leaves_nothing_half_done(home: Home, real_db: Database) -> None:
    made = make_moods(real_db)
    request = relabelling(made, 60, inspect=30)
    job = request_preview(real_db, run_key(made.run_id), request).job
    encoders = FakeEncoders(FakeEncoder(size=SIZE))

    def stop(context: JobContext) -> None:
        request_cancel(real_db, job.id)
        JobHandlers(home, WorkerTools(home, encoders=encoders)).handlers()["relabel"](context)

    ended = Worker(home, {"relabel": stop}).run_job(job.id)
    assert (ended.state, ended.last_report["phase"]) == ("cancelled", "stopped")
    assert preview_state(real_db, run_key(made.run_id), request).result is None
    assert encoders.asked == []


def test_one_wish_is_one_job(real_db: Database) -> None:
    made = make_moods(real_db)
    key = run_key(made.run_id)
    one = request_preview(real_db, key, relabelling(made, 60, inspect=30))
    assert request_preview(real_db, key, relabelling(made, 60, inspect=30)).job.id == one.job.id
    assert request_preview(real_db, key, relabelling(made, 60, inspect=31)).job.id != one.job.id
    assert preview_state(real_db, key, relabelling(made, 60, inspect=30)).work == one
    kinds = Counter([one.job.kind, request_preview(real_db, key, judging(made, 60)).job.kind])
    assert kinds == {"relabel": 1, "judge": 1}


def test_a_subject_is_the_run_as_generated(real_db: Database) -> None:
    made = make_moods(real_db)
    subject = subject_of(real_db, made.run_id, None)
    assert subject.version is None
    assert [row.sample_id for row in subject.rows] == list(subject.dataset.ids)
    assert tuple(subject.specified) == subject.dataset.labels
