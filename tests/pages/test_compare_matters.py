"""What matters and the maps: what is asked of the worker, and what is shown of it."""

import io
import json
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.frames.results import results_frame, stored_results
from core.analysis.regression import PAPER_NOTE, Regression, sentence
from core.analysis.study import Study
from core.domain.serialization import from_json, to_json
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.domain.texts import text_hash
from core.jobs.handlers.conclusions import studied
from core.jobs.queue import list_jobs, submit
from core.jobs.registry import JobHandlers
from core.jobs.worker import Worker
from core.services.sweep.progress import SweepProgress, TrialProgress
from core.store.database import Database
from core.store.diversity import MapFacts, new_map
from core.store.generation.runs import get_run
from core.store.sweeps import SweepRecord, set_sweep_job, trials_of
from core.sweeps.assessment.recipe import Recipe
from pages.components.jobs import sweep_words
from tests.pages.evidence import CHOICE, reference
from tests.pages.making import table, words
from tests.pages.swept import CONDITIONS, open_compare, sweep_of

POEMS = Task("Poems *1*", "poem", (Label("pos", "joy"), Label("neg", "grief")))


def queued(db: Database) -> list[str]:
    return [job.kind for job in list_jobs(db)][::-1]


def work_off(home: Home, db: Database) -> None:
    """What the page asked for is done, as the worker would."""
    for job in list_jobs(db, state="queued"):
        if job.kind == "study":
            Worker(home, JobHandlers(home).handlers()).run_job(job.id)


def concluded(db: Database, *sweeps: SweepRecord) -> Study:
    """What the worker concluded of these sweeps."""
    ids = [sweep.id for sweep in sweeps]
    found = studied(db, ids, results_frame(stored_results(db, sweep_ids=ids)), queue=False)
    assert found.fresh
    assert found.result is not None
    return found.result


def test_the_study_is_asked_once_and_then_shown(app: AppTest, db: Database, home: Home) -> None:
    sweep = sweep_of(db, repeats=2)
    open_compare(app, "What matters")
    app.run()
    assert queued(db) == ["study"]
    assert "Waiting: What matters." in words(app)
    assert not app.get("plotly_chart")
    work_off(home, db)
    open_compare(app, "What matters")
    found = concluded(db, sweep)
    said = words(app)
    labels = [re.sub(r"\\([\W_])", r"\1", expander.label) for expander in app.expander]
    for one in found.card:
        assert sum(f"{one.heading} " in label for label in labels) == 1
    assert sum("holds]" in label for label in labels) == sum(
        one.verdict == "holds" for one in found.card
    )
    for one in found.card:
        assert one.sentence in said
        assert all(words_ in said for words_ in one.missing)
    assert queued(db) == ["study"]


def test_each_specification_and_stage(app: AppTest, db: Database, home: Home) -> None:
    first = sweep_of(db, study="both", repeats=2)
    second = sweep_of(db, study="both", task=POEMS, shift=0.01, repeats=2)
    app.session_state["compare_study"] = True
    open_compare(app, "What matters")
    work_off(home, db)
    open_compare(app, "What matters")
    found = concluded(db, first, second)
    for stage, fits in found.regression.items():
        app.segmented_control(key="matters_stage").set_value(stage).run()
        for scale, fit in fits.items():
            app.segmented_control(key="matters_scale_3").set_value(scale).run()
            assert not app.exception
            if not isinstance(fit, Regression):
                assert f"{fit.refused} {fit.remedy}" in words(app)
                continue
            assert sentence(fit) in words(app)
            rows = table(app, "inflation")
            assert list(rows["value"]) == [one.value for one in fit.coefficients]
            assert list(rows["paper"]) == [0.4797, 0.2260, 0.1980][: len(rows)]
            assert f"R² {fit.r2:.2f}" in words(app)
            assert f"n {fit.n:,} of {fit.runs:,} runs" in words(app)
            assert PAPER_NOTE in words(app)
    fitted = [fit for fits in found.regression.values() for fit in fits.values()]
    assert any(isinstance(fit, Regression) for fit in fitted)
    tasks = next(one.value for one in app.dataframe if "independent" in one.value)  # the first
    assert list(tasks["n"]) == ["2 tasks"] * 3
    assert list(tasks["verdict"]) == ["undecided"] * 3
    assert all(" to " in ends for ends in tasks["independent"])
    assert "claims are tested, each by its own 95% interval" in words(app)
    assert any("undecided] :small[:gray[(0 of " in one.label for one in app.expander)


def test_the_card_task_by_task(app: AppTest, db: Database, home: Home) -> None:
    first = sweep_of(db, study="both")
    second = sweep_of(db, study="both", task=POEMS, conditions=CONDITIONS[:1])
    app.session_state["compare_study"] = True
    open_compare(app, "What matters")
    work_off(home, db)
    open_compare(app, "What matters")
    found = concluded(db, first, second)
    assert found.card[0].sentence in words(app)
    app.segmented_control(key="card_task").set_value("Poems *1*").run()
    own = found.card_by_task["Poems *1*"]
    assert own[0].sentence in words(app)
    assert own[0].sentence != found.card[0].sentence
    assert not app.exception


def test_the_card_is_taken_along(
    app: AppTest, db: Database, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, Any] = {}

    def keep(_: str, data: Any, file_name: str, **__: Any) -> bool:
        files[file_name] = data
        return False

    monkeypatch.setattr("streamlit.download_button", keep)
    sweep = sweep_of(db)
    open_compare(app, "What matters")
    work_off(home, db)
    open_compare(app, "What matters")
    text = files["wideset-card.md"]()
    assert isinstance(text, io.BytesIO)
    written = text.getvalue().decode()
    assert written.startswith("# Reviews: what holds\n")
    assert "- runs: 8 of 8 conditions, 200 texts each" in written
    told = json.loads(files["wideset-card.json"]().getvalue())
    assert told["facts"]["language model"] == "SmolLM2-135M-Instruct"
    assert told["card"] == concluded(db, sweep).to_json()["card"]


def test_a_sweep_under_way_is_not_concluded_yet(app: AppTest, db: Database) -> None:
    sweep = sweep_of(db)
    set_sweep_job(db, sweep.id, submit(db, "sweep", {"sweep": sweep.id}).id)
    open_compare(app, "What matters")
    assert "The sweep is running" in words(app)
    assert queued(db) == ["sweep"]


def test_maps_of_the_conditions_on_one_projection(app: AppTest, db: Database) -> None:
    real = reference(db, [("real one", "pos"), ("real two", "neg")])
    sweep = sweep_of(db, recipe=Recipe(reference=real.id), texts=3)
    texts = [f"text {number} of run {place}" for place in range(8) for number in range(3)]
    open_compare(app, "Maps")
    assert queued(db) == ["project"]
    (job,) = list_jobs(db)
    runs = [trial.run.id for trial in trials_of(db, sweep.id)]
    # In the order of the knobs: suppression, then temperature.
    by_knobs = sorted(runs, key=lambda one: _knobs(db, one))
    assert job.spec["datasets"] == [
        *(f"run:{one}" for one in by_knobs),
        f"reference:{real.id}:train",
    ]
    assert not app.get("plotly_chart")
    _place(db, sweep.task_key, [*texts[:-3], "real one", "real two"])
    open_compare(app, "Maps")
    (figure,) = _figures(app)
    own = [t for t in figure["data"] if t.get("customdata") and t["name"] != "reference"]
    assert [t["name"] for t in own][:4] == [f"T {t} · no suppression" for t in (0.3, 0.7, 0.9, 1.3)]
    assert len(own) == 7  # the last run's texts are not placed
    assert {len(t["x"]) for t in figure["data"] if t["name"] == "reference"} == {2}
    assert "3 texts not placed yet." in words(app)
    app.toggle(key="compare_maps_real").set_value(False).run()
    assert "all" in {t["name"] for t in _figures(app)[0]["data"]}
    app.multiselect[-1].set_value(app.multiselect[-1].value[:1]).run()
    own = [t for t in _figures(app)[0]["data"] if t["name"].startswith("T 0.3 · no suppression")]
    assert len(own) == 1


def _knobs(db: Database, run_id: str) -> tuple[float, float]:
    condition = get_run(db, run_id).spec.condition
    return condition.suppression.strength, condition.temperature


def _place(db: Database, task_key: str, texts: list[str]) -> None:
    places = {text_hash(text): (float(place), 0.0) for place, text in enumerate(texts)}
    facts = MapFacts(choice=CHOICE.to_dict())
    new_map(db, task_key=task_key, encoder="fake", choice=CHOICE, facts=facts, fitted=places)


def _figures(app: AppTest) -> list[Any]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        ({}, "Sweep: starting"),
        ({"phase": "loading", "total": 0}, "Sweep: loading the model"),
        (
            {"phase": "embedding", "done": 0, "total": 16},
            "Sweep: 0 of 16 runs done, embedding texts",
        ),
        (
            {
                "phase": "running",
                "done": 1_000,
                "failed": 2,
                "total": 1_600,
                "running": [
                    to_json(TrialProgress("T *1*", "a", "generating", 40, 200)),
                    to_json(TrialProgress("other", "b", "assessing", 200, 200)),
                ],
                "seconds_left": 200.0,
            },
            "Sweep: 1,000 of 1,600 runs done, 2 failed, now T \\*1\\* and 1 more: generating 40 of "
            "200 texts, 3 min 20 s left",
        ),
        (
            {
                "phase": "running",
                "total": 4,
                "spending": {
                    "requests": 1_200,
                    "money": 0.5,
                    "currency": "EUR",
                    "traffic": {"in_flight": 8, "retrying": 2},
                },
            },
            "Sweep: 0 of 4 runs done · 1,200 requests sent, 8 in flight, 2 waiting for a "
            "retry, 0\\.5 EUR spent",
        ),
        (
            {
                "phase": "running",
                "total": 4,
                "spending": {"requests": 1, "money": None, "traffic": {"in_flight": 0}},
            },
            "Sweep: 0 of 4 runs done · 1 request sent",
        ),
    ],
)
def test_how_far_a_sweep_is(progress: dict[str, Any], said: str) -> None:
    assert sweep_words(from_json(SweepProgress, progress)) == said
