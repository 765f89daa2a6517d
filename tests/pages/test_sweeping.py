"""Sweeps on the Compare page: the dialog that starts one, what it tells, and the list."""

import io
import json
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.conditions import Condition
from core.domain.connections import Connection, Prices
from core.domain.errors import BackendFailed
from core.domain.references import Reference
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import ModelChoice, RunSpec
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.domain.tasks import Label, Task
from core.jobs import claims
from core.jobs.handlers.sweep import start_sweep
from core.jobs.lease import release, take
from core.jobs.queue import Job, State, get_job, list_jobs, status, submit
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.sweeps import (
    SweepRecord,
    add_trial,
    delete_sweep,
    get_sweep,
    list_sweeps,
    set_sweep_job,
    set_trial,
    trials_of,
)
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.cost_estimate import CostEstimate
from core.sweeps.grid.spec import Grid, grid_from_dict
from pages.components.compare.sweeps.dialog import time_words
from tests.pages.evidence import reference, run_of, spec_of
from tests.pages.making import buttons, make_run, table, words
from tests.pages.swept import open_compare, sweep_of
from tests.store.making import TASK, make_spec

REAL = [(f"real {number}", ("pos", "neg")[number % 2]) for number in range(40)]


GRID = """
task = "reviews"
reference = "Real ones"
per_label = 12
repeats = 2
name = "From a file"
[axes]
temperature = [0.25, 1]
suppression = [7.5]
seeding = [4]
model = ["embedded", {backend = "openai", model = "m", base_url = "http://127.0.0.1:1/v1"}]
[condition]
top_p = 0.9
[repair]
inspect = [10]
weight = 0.5
[limits]
conditions = 9
requests = 700
"""


@pytest.fixture
def real(db: Database) -> Reference:
    """A project with a run, a reference and no sweep."""
    run_of(db)
    return reference(db, REAL)


@pytest.fixture
def dialog(app: AppTest, real: Reference) -> AppTest:
    """The page with the dialog open."""
    return open_dialog(app)


def open_dialog(app: AppTest) -> AppTest:
    open_compare(app)
    app.button(key="sweep_new").click().run()
    assert not app.exception
    return app


def metrics(app: AppTest) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def put(app: AppTest, **values: list[str]) -> AppTest:
    """Values of several on their axes."""
    for name, chosen in values.items():
        app.session_state[f"sweep_set_{name}"] = chosen
    return app.run()


def as_stored(grid: Grid) -> dict[str, Any]:
    """A grid as it comes out of the store."""
    told: dict[str, Any] = json.loads(json.dumps(grid.to_dict()))
    return told


def errors(app: AppTest) -> str:
    return "\n".join(one.value for one in app.error).replace("\\", "")


def test_without_a_sweep_the_page_says_what_one_is(app: AppTest, real: Reference) -> None:
    open_compare(app)
    assert "A sweep is a grid of conditions" in words(app)
    assert buttons(app)["sweep_new"]
    assert "Real ones: 40 train" in " ".join(one.label for one in app.expander)


def test_the_dry_run_follows_the_settings(dialog: AppTest) -> None:
    found = metrics(dialog)
    assert (found["Conditions"], found["Runs"], found["Reused"]) == ("16", "16", "0")
    assert found["New texts"] == "3,200"
    assert "No cost" in words(dialog)
    put(dialog, temperature=["0.3", "0.55"], seeding=["0"])
    dialog.number_input(key="sweep_set_repeats").set_value(3).run()
    dialog.number_input(key="sweep_set_per_label").set_value(7).run()
    found = metrics(dialog)
    assert (found["Conditions"], found["Runs"], found["New texts"]) == ("4", "12", "168")
    assert "almost no effect" in words(dialog)
    assert not dialog.exception


def test_what_is_there_is_counted(dialog: AppTest, db: Database) -> None:
    put(dialog, temperature=["0.3"], suppression=["0"], seeding=["0"])
    dialog.number_input(key="sweep_set_per_label").set_value(2).run()
    assert metrics(dialog)["Reused"] == "0"
    spec = RunSpec(TASK, Condition(temperature=0.3), per_label=2)
    rows = [{"text": f"text {number}", "label": ("pos", "neg")[number % 2]} for number in range(4)]
    make_run(db, "done", spec=spec, rows=rows)
    dialog.run()
    found = metrics(dialog)
    assert (found["Runs"], found["Reused"], found["New texts"]) == ("1", "1", "0")


def test_start_makes_the_sweep_and_closes(
    dialog: AppTest, db: Database, real: Reference, spawned: list[Home]
) -> None:
    put(dialog, temperature=["1.3", "0.3"], min_p=["0.05"], budgets=["20", "all"])
    dialog.text_input(key="sweep_set_name").set_value("Mine *1*").run()
    dialog.text_input(key="sweep_set_study").set_value("Study").run()
    dialog.segmented_control(key="sweep_set_classifier").set_value("none").run()
    dialog.toggle(key="sweep_set_filter").set_value(True).run()
    dialog.button(key="sweep_start").click().run()
    (sweep,) = list_sweeps(db)
    assert (sweep.name, sweep.study) == ("Mine *1*", "Study")
    wanted = Grid(
        task=TASK,
        name="Mine *1*",
        study="Study",
        axes={"temperature": (0.3, 1.3), "min_p": (0.05,)},
        recipe=Recipe(reference=real.id, budgets=(0, 20, "all"), classifier="none", filter=True),
    )
    assert sweep.grid == as_stored(wanted)
    (job,) = [job for job in list_jobs(db) if job.kind == "sweep"]
    assert (job.state, job.id) == ("queued", sweep.job_id)
    assert spawned
    assert "sweep_start" not in buttons(dialog)
    assert dialog.session_state[f"compare_sweeps-{TASK.key}"] == [sweep.id]
    assert "Sweeps of this project: 1, 1 running" in [one.label for one in dialog.expander]
    assert not dialog.exception


def test_a_double_click_starts_one(dialog: AppTest, db: Database) -> None:
    token = dialog.session_state["sweep_token"]
    dialog.button(key="sweep_start").click().run()
    assert dialog.session_state["sweep_token"] != token
    # The second click of a double one comes with what the first was drawn with.
    grid = grid_from_dict(list_sweeps(db)[0].grid)
    again, _ = start_sweep(db, grid, token=f"sweep {token}")
    assert [again.id] == [one.id for one in list_sweeps(db)]


def test_above_the_cap_it_is_counted_and_refused(dialog: AppTest, db: Database) -> None:
    put(dialog, temperature=[f"{number / 100:g}" for number in range(100)])
    put(dialog, min_p=[f"{number / 100:g}" for number in range(50)])
    assert "they make 20,000 conditions (100 temperature x 2 suppression x 2 seeding" in (
        errors(dialog)
    )
    assert "above the cap of 1,000" in errors(dialog)
    assert "sweep_start" not in buttons(dialog)
    dialog.number_input(key="sweep_set_cap").set_value(20_000).run()
    assert not dialog.error
    assert metrics(dialog)["Conditions"] == "20,000"
    assert metrics(dialog)["Max texts"] == "4,000,000"
    assert list_sweeps(db) == []


@pytest.mark.parametrize(
    ("axis", "typed", "said"),
    [
        ("temperature", "warm", "axes.temperature: 'warm' is not a number."),
        ("temperature", "3", "axes.temperature: 3.0 is above 2."),
        ("temperature", "nan", "axes.temperature: nan is not a number."),
        ("seeding", "1.5", "axes.seeding: '1.5' is not a whole number."),
        ("temperature", "0.70", "axes.temperature: 0.7 is given twice."),
        ("budgets", "many", "repair.inspect: 'many' is not a whole number."),
        ("budgets", "1", "are not all 0, 2 or more, or 'all'."),
    ],
)
def test_a_wrong_value_is_named(dialog: AppTest, axis: str, typed: str, said: str) -> None:
    put(dialog, **{axis: [*dialog.session_state[f"sweep_set_{axis}"], typed]})
    assert said in errors(dialog)
    assert "sweep_start" not in buttons(dialog)
    assert not dialog.exception


def test_an_axis_without_a_value_is_named(dialog: AppTest) -> None:
    put(dialog, suppression=[])
    assert "axes.suppression: it has no value." in errors(dialog)


def test_without_a_reference_diversity_alone(app: AppTest, db: Database) -> None:
    run_of(db)
    open_dialog(app)
    assert "Without real texts, only diversity is measured." in words(app)
    assert metrics(app)["Conditions"] == "8"
    assert [box.disabled for box in app.multiselect if box.label == "Seed examples"] == [True]
    app.button(key="sweep_start").click().run()
    (sweep,) = list_sweeps(db)
    assert grid_from_dict(sweep.grid).recipe.reference is None


def test_settings_from_a_file(dialog: AppTest, db: Database, real: Reference) -> None:
    give(dialog, GRID)
    assert not dialog.error
    assert "There is no connection to http://127.0.0.1:1/v1." in words(dialog).replace("\\", "")
    assert not buttons(dialog)["sweep_start"]
    save_connection(db, Connection(base_url="http://127.0.0.1:1/v1"))
    dialog.run()
    assert not dialog.warning
    assert metrics(dialog)["Runs"] == "8"
    assert "Also set by the file: top_p 0.9, LR weight 0.5." in words(dialog)
    dialog.number_input(key="sweep_set_seed").set_value(5).run()
    dialog.button(key="sweep_start").click().run()
    wanted = Grid(
        task=TASK,
        name="From a file",
        per_label=12,
        repeats=2,
        seed=5,
        axes={
            "temperature": (0.25, 1.0),
            "suppression": (7.5,),
            "seeding": (4,),
            "model": (
                ModelChoice(),
                ModelChoice(backend="openai", model="m", base_url="http://127.0.0.1:1/v1"),
            ),
        },
        base=Condition(top_p=0.9),
        recipe=Recipe(reference=real.id, budgets=(0, 10), weight=0.5, seed=5),
        cap=9,
        spend=SpendingLimit(requests=700),
    )
    assert list_sweeps(db)[0].grid == as_stored(wanted)


def give(app: AppTest, text: str | bytes) -> AppTest:
    raw = text.encode() if isinstance(text, str) else text
    app.file_uploader(key="sweep_file").set_value(("grid.toml", raw, "application/toml")).run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            'task = "reviews"\n[axes]\n\ntemperature = [3]\n',
            "grid.toml, line 4, axes.temperature: 3",
        ),
        (
            'task = "reviews"\n[axes]\ntemprature = [1]\n',
            "line 3, axes.temprature: there is no such",
        ),
        ('task = "reviews"\n[axes\n', "grid.toml, line 2: it is not valid TOML"),
        (
            'task = "sst2"\n',
            "line 1, task: it is the task 'SST-2 sentiment', and this project's is",
        ),
        ('task = "my.toml"\n', "line 1, task: there is no task 'my.toml' here."),
        (b"\xff\xfe", "grid.toml is not UTF-8."),
    ],
)
def test_a_file_s_mistakes_are_named(dialog: AppTest, text: str | bytes, said: str) -> None:
    give(dialog, text)
    assert said in errors(dialog)
    assert metrics(dialog)["Conditions"] == "16"  # what was there stays


def test_a_file_with_another_reference_says_so(dialog: AppTest) -> None:
    give(dialog, 'task = "reviews"\nreference = "elsewhere"\nper_label = 3\n')
    (said,) = [one.value for one in dialog.warning]
    assert "names the reference 'elsewhere'; here 'Real ones' is attached" in said.replace("\\", "")
    assert dialog.session_state["sweep_set_per_label"] == 3
    dialog.button(key="sweep_forget").click().run()
    assert dialog.session_state["sweep_set_per_label"] == 100


def test_settings_are_taken_along(
    app: AppTest, db: Database, real: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: dict[str, Callable[[], io.BytesIO]] = {}

    def keep(_: str, data: Any, file_name: str, **__: Any) -> bool:
        files[file_name] = data
        return False

    monkeypatch.setattr("streamlit.download_button", keep)
    open_dialog(app)
    put(app, temperature=["0.3"])
    written = files["grid.toml"]().getvalue().decode()
    told = tomllib.loads(written)
    assert (told["task"], told["reference"]) == ("Reviews", real.id)
    assert told["axes"]["temperature"] == [0.3]
    assert written.startswith("# Save the task under this name first")


def test_runs_that_are_there_are_measured(dialog: AppTest, db: Database, real: Reference) -> None:
    second = run_of(db, name="Second")
    poems = Task("Poems", "poem", (Label("a", "joy"), Label("c", "grief")))
    run_of(db, [("x", "a")], name="Elsewhere", spec=spec_of(poems))
    make_run(db, "running", name="Going")
    dialog.selectbox(key="compare_task").select(TASK.key).run()
    dialog.segmented_control(key="sweep_mode").set_value("there").run()
    assert metrics(dialog)["Runs"] == "2"
    assert metrics(dialog)["Already measured"] == "0"
    assert metrics(dialog)["Texts"] == "12"
    runs = next(box for box in dialog.multiselect if box.label == "Runs")
    runs.set_value([second.id]).run()
    dialog.button(key="sweep_assess").click().run()
    (sweep,) = list_sweeps(db)
    recipe = Recipe(reference=real.id)
    assert dict(sweep.grid) == {"runs": [second.id], "recipe": to_json(recipe)}
    assert sweep.name == "Reviews, 1 run"
    assert sweep.job_id is not None
    assert get_job(db, sweep.job_id).state == "queued"
    assert "sweep_assess" not in buttons(dialog)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (None, None, "unknown"),
        (0.0, 0.0, "none"),
        (0.1, 0.9, "under 1 min"),
        (0.3, 1.2, "1 to 2 min"),
        (20.4, 61.0, "20 to 61 min"),
        (90.0, 240.0, "1.5 to 4.0 h"),
    ],
)
def test_the_time_in_words(low: float | None, high: float | None, said: str) -> None:
    takes = CostEstimate(1, 1, 0, 0, 1, 1, 1, low, high, None, "", ())
    assert time_words(takes) == said


# Models behind servers

SERVER = "http://127.0.0.1:1/v1"


def served(db: Database, model: str, **found: Any) -> ModelChoice:
    """A model of the one saved connection, tested with what was found."""
    save_connection(
        db, Connection(base_url=SERVER, model="good", prices=Prices(tokens_in=1, tokens_out=2))
    )
    if found:
        told = Capabilities(
            base_url=SERVER,
            model=model,
            models=("good", "poor", "new"),
            tokenizer="server",
            **{"n": "exact", "usage": "exact", **found},
        )
        save_capabilities(db, told)
    return ModelChoice(backend="openai", model=model, base_url=SERVER)


EXACT = {"canary": Canary(verdict="exact"), "usage_of_several": "exact"}
DEAD = {"canary": Canary(verdict="ignored", why="It does nothing.")}


def at(*models: str) -> list[str]:
    return [f"{model} at {SERVER}" for model in models]


def small(app: AppTest, *models: str) -> AppTest:
    """Two conditions of these models, two texts a label."""
    put(app, models=list(models), temperature=["0.3"], suppression=["0", "7.5"], seeding=["0"])
    return app.number_input(key="sweep_set_per_label").set_value(2).run()


def test_models_of_connections_are_offered_and_swept_with_a_cap(
    dialog: AppTest, db: Database
) -> None:
    model = served(db, "good", **EXACT)
    dialog.run()
    (box,) = [one for one in dialog.multiselect if one.label == "Language models"]
    assert box.options == [
        "embedded",
        *(f"{one} at 127.0.0.1:1" for one in ("good", "poor", "new")),
    ]
    small(dialog, "embedded", *at("good"))
    assert "Logit suppression is exact." in words(dialog)
    found = metrics(dialog)
    # Two conditions of each model; of the server's a request for either label.
    assert (found["Conditions"], found["New texts"], found["Requests"]) == ("4", "16", "4")
    assert found["Cost"].endswith(" USD")
    assert "No cost" not in words(dialog)
    dialog.number_input(key="sweep_cap-money").set_value(0.5).run()
    dialog.number_input(key="sweep_cap-requests").set_value(9).run()
    folded = [one.proto.popover.label.replace("\\", "") for one in dialog.get("popover")]
    assert "Cap: 0.5 USD, 9 requests" in folded
    dialog.button(key="sweep_start").click().run()
    grid = grid_from_dict(list_sweeps(db)[0].grid)
    assert grid.models == (ModelChoice(), model)
    assert grid.spend == SpendingLimit(money=0.5, requests=9)
    assert grid.base.suppression.method == "logit_bias"
    assert not dialog.exception


def test_a_cap_that_can_not_be_kept_over_a_sweep_says_why(dialog: AppTest, db: Database) -> None:
    served(db, "good", **EXACT | {"usage": "ignored"})
    small(dialog, *at("good"))
    dialog.number_input(key="sweep_cap-tokens").set_value(5).run()
    assert "does not report the tokens" in errors(dialog)
    assert not buttons(dialog)["sweep_start"]
    dialog.number_input(key="sweep_cap-tokens").set_value(None).run()
    assert buttons(dialog)["sweep_start"]


def test_a_model_that_was_never_tested_says_so(dialog: AppTest, db: Database) -> None:
    served(db, "good")
    small(dialog, *at("good"))
    assert "Not tested yet: the sweep tests it before its first run." in words(dialog)
    # One text a request, as it is not known to write several: two of each of two labels, twice.
    assert metrics(dialog)["Requests"] == "8"
    dialog.number_input(key="sweep_cap-money").set_value(1.0).run()
    assert "Test the connection first" in errors(dialog)


def test_where_logit_bias_does_not_work_what_stands_in_is_chosen(
    dialog: AppTest, db: Database
) -> None:
    served(db, "good", **EXACT)
    served(db, "poor", **DEAD, frequency_penalty="ignored")
    small(dialog, *at("good", "poor"))
    assert "approximations are offered" in words(dialog)
    assert "Choose an approximation" in words(dialog)
    assert not buttons(dialog)["sweep_start"]
    (pills,) = [one for one in dialog.button_group if one.label == "Instead of logit bias"]
    assert pills.options == ["avoid these words (approximate)"]
    pills.set_value("avoid_words").run()
    dialog.button(key="sweep_start").click().run()
    grid = grid_from_dict(list_sweeps(db)[0].grid)
    assert grid.base.suppression.method == "avoid_words"
    assert not dialog.exception


def test_without_suppression_nothing_has_to_stand_in(dialog: AppTest, db: Database) -> None:
    served(db, "poor", **DEAD)
    small(dialog, *at("poor"))
    put(dialog, suppression=["0"])
    assert "Instead of logit bias" not in words(dialog)
    assert buttons(dialog)["sweep_start"]


def test_values_that_a_server_refuses_are_told_before(dialog: AppTest, db: Database) -> None:
    served(db, "good", **EXACT | {"min_p": "refused"})
    small(dialog, *at("good"))
    assert "Runs would fail" not in words(dialog)
    put(dialog, min_p=["0", "0.1"])
    assert "Runs would fail: " in words(dialog)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("m at http://127.0.0.1:1/v1?x=1", "axes.model: The base URL holds a query"),
        ("m at http://me:secret@127.0.0.1:1/v1", "axes.model: The base URL holds a name"),
    ],
)
def test_a_typed_server_is_checked(dialog: AppTest, typed: str, said: str) -> None:
    put(dialog, models=[typed])
    assert said in errors(dialog)
    assert not dialog.exception


# The list


def started(db: Database, state: str = "queued", **progress: Any) -> SweepRecord:
    """A sweep whose job reads so."""
    grid = Grid(
        task=TASK,
        name="Kept",
        axes={"temperature": (0.3,), "suppression": (0.0, 7.5), "seeding": (0,)},
    )
    sweep, job = start_sweep(db, grid)
    if state == "queued":
        return sweep
    owner = f"worker of {sweep.id}"
    assert take(db, owner, 1, seconds=600)
    assert claims.claim(db, owner, job_id=job.id)
    claims.report(db, job.id, owner, {"phase": "running", "total": 2, "done": 0, **progress})
    if state == "done":
        claims.settle(db, job.id, owner, "done")
    if state == "failed":
        claims.settle(
            db, job.id, owner, "failed", BackendFailed("The encoder *broke*.", "Try again.")
        )
    if state != "running":
        release(db, owner)
    return get_sweep(db, sweep.id)


def test_a_sweep_under_way_can_be_stopped_and_gone_on_with(app: AppTest, db: Database) -> None:
    run_of(db)
    sweep = started(db)
    open_compare(app)
    assert "Waiting: Sweep." in words(app)
    assert "These sweeps have no results yet" in words(app)
    assert not buttons(app)[f"sweep-delete-{sweep.id}"]
    app.button(key=f"sweep-stop-{sweep.id}").click().run()
    assert get_job(db, str(sweep.job_id)).state == "cancelled"
    app.button(key=f"sweep-resume-{sweep.id}").click().run()
    assert get_job(db, str(sweep.job_id)).state == "queued"
    assert not app.exception


@pytest.mark.parametrize(("every", "drawn"), [(0.0, 2), (3600.0, 1)])
def test_results_of_a_sweep_under_way_are_drawn_as_they_come(
    app: AppTest, db: Database, monkeypatch: pytest.MonkeyPatch, every: float, drawn: int
) -> None:
    sweep = sweep_of(db, conditions=[(0.3, 0.0, 0)])
    job = submit(db, "sweep", {"sweep": sweep.id})
    set_sweep_job(db, sweep.id, job.id)
    assert take(db, "worker", 1, seconds=600)
    assert claims.claim(db, "worker", job_id=job.id)
    claims.report(db, job.id, "worker", {"phase": "running", "total": 3, "done": 1})
    looks: list[str] = []

    def look(store: Database, job_id: str) -> tuple[Job, State]:
        """A second run is measured between the page's drawing and its first look."""
        looks.append(job_id)
        if len(looks) == 1:
            other = sweep_of(db, name="Other", conditions=[(0.9, 0.0, 0)])
            (trial,) = trials_of(db, other.id)
            add_trial(db, sweep.id, 1, trial.run.id, repeat=0, reused=False)
            delete_sweep(db, other.id)
            claims.report(db, job.id, "worker", {"phase": "running", "total": 3, "done": 2})
        return status(store, job_id)

    monkeypatch.setattr("pages.components.jobs.status", look)
    monkeypatch.setattr("pages.components.jobs.RESULTS_EVERY", every)
    open_compare(app)
    assert len(looks) == drawn
    assert f"{drawn} condition" in words(app)
    assert not app.exception


def test_why_runs_failed_and_another_try(app: AppTest, db: Database) -> None:
    run_of(db)
    sweep = started(db, "done", done=1, failed=1)
    broken = create_run(db, make_spec(), name="Broken *run*")
    add_trial(db, sweep.id, 1, broken.id, repeat=0, reused=False)
    set_trial(db, sweep.id, 1, "failed", message="The model said no.", remedy="Try another.")
    open_compare(app)
    rows = table(app, "remedy")
    assert rows.to_dict("records") == [
        {"run": "Broken *run*", "message": "The model said no.", "remedy": "Try another."}
    ]
    assert "1 of 2 runs" in words(app)
    app.button(key=f"sweep-retry-{sweep.id}").click().run()
    again = get_sweep(db, sweep.id)
    assert again.job_id != sweep.job_id
    assert get_job(db, str(again.job_id)).state == "queued"


def test_a_failed_sweep_tells_why(app: AppTest, db: Database) -> None:
    run_of(db)
    sweep = started(db, "failed")
    open_compare(app)
    assert "The encoder *broke*. Try again." in words(app)
    assert buttons(app)[f"sweep-resume-{sweep.id}"]


def test_a_sweep_is_renamed_deleted_and_brought_back(app: AppTest, db: Database) -> None:
    sweep = sweep_of(db, name="First", conditions=[(0.3, 0.0, 0)])
    open_compare(app)
    assert "1 of 1 run" in words(app)
    app.text_input(key=f"sweep-name-{sweep.id}").set_value("Second")
    next(b for b in app.button if b.label == "Save").click().run()
    assert get_sweep(db, sweep.id).name == "Second"
    app.button(key=f"sweep-delete-{sweep.id}").click().run()
    assert list_sweeps(db) == []
    assert "A sweep is a grid of conditions" in words(app)
    app.button(key="sweep_restore").click().run()
    assert [one.id for one in list_sweeps(db)] == [sweep.id]
    assert "sweep_restore" not in buttons(app)
