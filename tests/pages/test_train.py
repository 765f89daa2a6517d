"""The Train page: what it offers, what it queues, and that it shows what is stored."""

import json

import pytest
from streamlit.testing.v1 import AppTest

from core.classification.ladder import Model
from core.classification.settings import TrainingSpec
from core.domain.connections import Connection, Prices
from core.domain.errors import BackendFailed
from core.domain.registries.capabilities import Capabilities
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.jobs import claims
from core.jobs.handlers.train import start_training
from core.jobs.lease import release, take
from core.jobs.queue import Job, get_job, list_jobs, status
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.datasets import reference_key, run_key, version_key
from core.store.interventions.versions import (
    derive,
    list_versions,
    raw_version,
    version_rows,
)
from core.store.references import delete_reference
from core.store.trainings import get_training, list_trainings
from pages.components.train.results import results_json
from pages.components.train.trainings import trainings_of
from tests.pages.evidence import run_of
from tests.pages.making import buttons, markup, table, words
from tests.pages.trained import LEARNED, REAL, attach, finished, open_train, probe_of
from tests.store.making import TASK

HOSTILE = "![x](http://evil.example/a.png) <script>alert(1)</script> $x$ :material/bolt:"


def press(app: AppTest, key: str) -> None:
    app.button(key=key).click()
    app.run()
    assert not app.exception


def trains(db: Database) -> list[Job]:
    """What is queued, in the order in which the worker takes it."""
    return [job for job in reversed(list_jobs(db)) if job.kind == "train"]


def test_an_empty_store_says_so_and_leads_to_generate(app: AppTest, db: Database) -> None:
    open_train(app)
    assert "There are no texts to train on yet." in words(app)
    (link,) = app.get("page_link")
    assert link.proto.label == "Generate texts"
    assert "train_start" not in buttons(app)


def test_without_a_reference_it_says_what_to_attach(app: AppTest, db: Database) -> None:
    run_of(db)
    open_train(app)
    assert "Attach labelled texts of this task" in words(app)
    assert app.get("popover")
    assert "train_start" not in buttons(app)


def test_start_queues_a_job_for_each_row_cheap_ones_first(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    open_train(app)
    assert buttons(app)["train_start"]
    press(app, "train_start")
    found = list_trainings(db)[::-1]
    assert [one.name for one in found] == [
        "Majority class",
        "Run · MiniLM probe",
        "Real data · MiniLM probe",
    ]
    assert [job.spec["training"] for job in trains(db)] == [one.id for one in found]
    (raw,) = list_versions(db, run.id)
    first, second, third = (one.spec for one in found)
    assert first["kind"] == "majority"
    assert second["train"] == version_key(raw.id)  # what it was trained on never changes
    assert third["train"] == reference_key(real.id, "train")
    assert {one["test"] for one in (first, second, third)} == {reference_key(real.id, "test")}
    # The reference's 4 texts are the fewest: the run's 6 are cut to them, drawn for each seed.
    assert (second["size"], third["size"]) == (4, None)
    assert second["seeds"] == [0, 1, 2]
    assert not buttons(app)["train_start"]  # all of it is under way


def test_a_second_click_with_the_old_page_queues_nothing_more(app: AppTest, db: Database) -> None:
    run_of(db)
    attach(db)
    open_train(app)
    token = app.session_state["train_token"]
    press(app, "train_start")
    assert app.session_state["train_token"] != token
    app.session_state["train_token"] = token
    # Another row would be new, so the button can be pressed, but the token is spent.
    app.number_input(key="train_seed").set_value(7)
    app.run()
    assert buttons(app)["train_start"]
    before = len(list_trainings(db))
    press(app, "train_start")
    assert len(list_trainings(db)) == before


def test_settings_reach_the_job(app: AppTest, db: Database) -> None:
    run_of(db)
    attach(db)
    open_train(app)
    app.checkbox(key="train_majority").uncheck()
    app.checkbox(key="train_zero-shot").check()
    app.session_state["train_models"] = ["MiniLM fine-tuned"]
    app.number_input(key="train_epochs").set_value(2)
    app.number_input(key="train_repeats").set_value(1)
    app.toggle(key="train_weights").set_value(True)
    app.toggle(key="train_matched").set_value(False)
    app.run()
    press(app, "train_start")
    found = list_trainings(db)[::-1]
    assert [one.name for one in found] == ["LLM zero-shot", "Run · MiniLM", "Real data · MiniLM"]
    assert found[0].spec["task"] == to_json(TASK)
    tuning = found[1].spec["fine_tuning"]
    assert (tuning["max_epochs"], tuning["class_weights"], tuning["learning_rate"]) == (
        2,
        True,
        1e-4,
    )
    assert (found[1].spec["seeds"], found[1].spec["size"]) == ([0], None)


def test_versions_are_offered_and_say_what_they_are(app: AppTest, db: Database) -> None:
    run = run_of(db)
    attach(db)
    raw = raw_version(db, run.id)
    rows = version_rows(db, raw.id)
    version = derive(db, raw.id, "lr", rows, spec={}, facts={}, who="me")
    later = derive(db, version.id, "oosf", rows, spec={}, facts={}, who="me")
    derive(db, later.id, "manual", rows, name="By eye", spec={}, facts={}, who="me")
    open_train(app)
    assert app.multiselect(key="train_sources").options == [
        "Run (6)",
        "Run + LR (6)",
        "Run + LR + OOSF (6)",
        "Run: By eye (6)",
        "Real data (4)",
    ]
    app.multiselect(key="train_sources").set_value([version_key(version.id)])
    app.run()
    press(app, "train_start")
    names = [one.name for one in list_trainings(db)]
    assert "Run + LR · MiniLM probe" in names


def test_what_can_not_be_trained_on_is_refused_before_the_start(app: AppTest, db: Database) -> None:
    run_of(db, [("one", "pos"), ("two", "pos"), ("three", "pos")], name="One sided")
    attach(db)
    open_train(app)
    assert "a classifier needs at least two labels" in words(app)
    press(app, "train_start")
    assert [one.name for one in list_trainings(db)] == ["Real data · MiniLM probe"]


def test_leakage_is_told_before_the_start(app: AppTest, db: Database) -> None:
    run_of(db, [*REAL[:2], ("other", "pos"), ("another", "neg")])
    attach(db)
    open_train(app)
    assert "2 of 4 test texts are training texts, too" in words(app)
    assert table(app, "leak")["leak"].dropna().tolist() == [2, 2, 0]


def test_the_ladder_shows_what_is_stored(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    test, truth = reference_key(real.id, "test"), [label for _, label in REAL]
    wrong = ["pos", "pos", "pos", "neg"]
    good = finished(
        db, probe_of(reference_key(real.id, "train"), test), [truth], name="Real data · probe"
    )
    poor = finished(
        db, probe_of(run_key(run.id), test, seeds=(0, 1)), [truth, wrong], name="Run · probe"
    )
    base = TrainingSpec("majority", test=test, train=run_key(run.id), seeds=(0,))
    finished(db, base, [["pos"] * 4], name="Majority class")
    open_train(app)
    rows = table(app, "accuracy")
    assert rows["model name"].tolist() == ["Majority class", "Run · probe", "Real data · probe"]
    stored = [0.5, 0.875, 1.0]
    assert rows["accuracy"].tolist() == pytest.approx(stored)
    assert rows["macro-F1"].tolist()[1:] == pytest.approx(
        [one.result["macro_f1"]["mean"] for one in (poor, good)]
    )
    assert "seeds" in rows
    assert "base model" not in rows  # what does not differ is left out
    app.toggle(key="train_only_different").set_value(False)
    app.run()
    assert set(table(app, "accuracy")["base model"]) == {"all-MiniLM-L6-v2"}
    (figure,) = app.get("plotly_chart")
    drawn = json.loads(figure.proto.spec)["data"]
    assert [trace["name"] for trace in drawn] == ["majority", "raw", "real"]
    ids = [trace["customdata"] for trace in drawn]
    assert ids[1:] == [[[poor.id]], [[good.id]]]


def test_rows_of_one_size_alone(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    test, truth = reference_key(real.id, "test"), [label for _, label in REAL]
    finished(db, probe_of(run_key(run.id), test), [truth], name="Run · probe")
    spec = probe_of(reference_key(real.id, "train"), test)
    finished(db, spec, [truth], name="Real data · probe")
    base = TrainingSpec("majority", test=test, train=run_key(run.id), seeds=(0,))
    finished(db, base, [["pos"] * 4], name="Majority class")
    open_train(app)
    assert "The training sets differ in size (4 to 6 texts)" in words(app)
    assert app.selectbox(key="train_size").options == [
        "All sizes",
        "4 texts each",
        "6 texts each",
    ]
    app.selectbox(key="train_size").set_value(4)
    app.run()
    assert table(app, "accuracy")["model name"].tolist() == ["Majority class", "Real data · probe"]
    assert "differ in size" not in words(app)


def test_two_rows_are_compared_text_by_text(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    test, truth = reference_key(real.id, "test"), [label for _, label in REAL]
    first = finished(
        db, probe_of(run_key(run.id), test), [["pos", "pos", "neg", "neg"]], name="First"
    )
    second = finished(db, probe_of(reference_key(real.id, "train"), test), [truth], name="Second")
    app.session_state["train_a"], app.session_state["train_b"] = first.id, second.id
    open_train(app, "Compare two")
    said = {metric.label: metric.value for metric in app.metric}
    assert (said["Accuracy of A"], said["Accuracy of B"]) == ("0.500", "1.000")
    assert said["B minus A"] == "+0.500"
    differ = table(app, "a")
    assert differ["text"].tolist() == [REAL[1][0], REAL[2][0]]
    assert differ["a"].map(list).tolist() == [["pos"], ["neg"]]
    assert differ["b"].map(list).tolist() == [["neg"], ["pos"]]
    app.session_state["train_differences"] = "A right, B wrong"
    app.run()
    assert "No such texts." in words(app)


def test_a_row_in_full(app: AppTest, db: Database, home: Home) -> None:
    real = attach(db)
    run = run_of(db)
    test = reference_key(real.id, "test")
    given = ["pos", "pos", "neg", "neg"]
    record = finished(db, probe_of(run_key(run.id), test), [given], name="Run · probe", sure=0.75)
    open_train(app, "Model details")
    said = {metric.label: metric.value for metric in app.metric}
    assert (said["Accuracy"], said["Macro-F1"], said["Trained on"]) == (
        "0.500",
        "0.500",
        "6 texts",
    )
    assert said["Calibration error"] == "0.250"
    by_label = table(app, "support")
    assert by_label["precision"].tolist() == [0.5, 0.5]
    assert by_label["support"].tolist() == [2, 2]
    wrong = table(app, "own")
    assert sorted(wrong["text"]) == sorted([REAL[1][0], REAL[2][0]])
    press(app, "train_remove")
    assert get_training(db, record.id).deleted_at is not None
    assert "train_remove" not in buttons(app)
    press(app, "train_restore")
    assert get_training(db, record.id).deleted_at is None


def test_an_older_test_set_stays_in_sight(app: AppTest, db: Database) -> None:
    run = run_of(db)
    old = attach(db)
    truth = [label for _, label in REAL]
    spec = probe_of(run_key(run.id), reference_key(old.id, "test"))
    finished(db, spec, [truth], name="Run · probe")
    delete_reference(db, old.id)
    open_train(app)
    assert "Attach labelled texts of this task" in words(app)
    assert table(app, "accuracy")["model name"].tolist() == ["Run · probe"]
    assert "tested on Real ones (test), 4 texts, which is no longer attached." in words(app)
    new = attach(db, test=REAL[:2])
    app.run()
    assert table(app, "accuracy")["model name"].tolist() == ["Run · probe"]
    said = "tested on Real ones (test), 4 texts, not on that of the attached reference"
    assert f"{said}, Real ones, 2 texts. Scores on different test sets can't be compared" in words(
        app
    )
    spec = probe_of(run_key(run.id), reference_key(new.id, "test"))
    finished(db, spec, [truth[:2]], name="Run again · probe")
    app.run()
    assert table(app, "accuracy")["model name"].tolist() == ["Run again · probe"]
    assert "can't be compared" not in words(app)
    chosen = app.selectbox(key="train_test")
    assert chosen.options == [
        "Real ones (test), 2 texts, attached",
        "Real ones (test), 4 texts, not attached",
    ]
    chosen.set_value(reference_key(old.id, "test"))
    app.run()
    assert table(app, "accuracy")["model name"].tolist() == ["Run · probe"]
    assert said in words(app)


def test_one_that_failed_is_told_and_tried_again(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    spec = probe_of(run_key(run.id), reference_key(real.id, "test"))
    record, job = start_training(db, spec, task_key=TASK.key, name="Doomed")
    assert take(db, "w", 1, seconds=600)
    assert claims.claim(db, "w", job_id=job.id)
    claims.settle(
        db, job.id, "w", "failed", BackendFailed("The <b>encoder</b> is gone.", "Get it.")
    )
    release(db, "w")
    open_train(app)
    assert "Doomed: The <b>encoder</b> is gone. Get it." in words(app)
    assert "<b>" not in markup(app)
    press(app, f"train-resume-{job.id}")
    assert status(db, job.id)[1] == "queued"
    press(app, "train_cancel_waiting")
    assert get_job(db, job.id).state == "cancelled"
    press(app, f"train-remove-{record.id}")
    assert list_trainings(db) == []


def test_hostile_texts_and_names_stay_texts(app: AppTest, db: Database) -> None:
    run = run_of(db, [(HOSTILE, "pos"), *LEARNED[:2], ("z", "neg")], name=HOSTILE)
    real = attach(db, test=[(HOSTILE, "pos"), ("fine", "neg")])
    test = reference_key(real.id, "test")
    for name in (HOSTILE, "Other"):
        finished(db, probe_of(run_key(run.id), test), [["neg", "pos"]], name=name)
    for tab in ("Results", "Compare two", "Model details", "On generated texts"):
        open_train(app, tab)
        assert "<script>" not in markup(app)
        assert "![x](" not in markup(app)
    assert Model("fine-tuning", HOSTILE).name == HOSTILE


def test_the_worker_is_asked_about_a_text(
    app: AppTest, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_of(db)
    real = attach(db)
    spec = probe_of(run_key(run.id), reference_key(real.id, "test"))
    record = finished(db, spec, [[label for _, label in REAL]], name="Run · probe")
    asked = []

    def ask(_: Database, kind: str, spec: dict[str, str], *, timeout: float) -> dict[str, object]:
        asked.append((kind, spec))
        return {"labels": ["neg", "pos"], "probabilities": [0.75, 0.25]}

    monkeypatch.setattr("pages.components.train.try_it.ask", ask)
    open_train(app, "Try it")
    app.text_input(key="train_try_text").set_value(HOSTILE)
    app.button(key="FormSubmitter:train_try-Classify").click()
    app.run()
    assert asked == [("classify", {"training": record.id, "text": HOSTILE})]
    said = table(app, "predicted")
    assert (said["neg"].tolist(), said["pos"].tolist()) == ([0.75], [0.25])
    assert [text.value for text in app.text] == [HOSTILE]


def test_downloads_hold_the_stored_results(app: AppTest, db: Database) -> None:
    run = run_of(db)
    real = attach(db)
    spec = probe_of(run_key(run.id), reference_key(real.id, "test"))
    record = finished(db, spec, [[label for _, label in REAL]], name="Run · probe")
    (training,) = trainings_of(db, TASK)
    (row,) = json.loads(results_json([training]))
    assert row["result"] == record.result
    assert row["spec"] == record.spec


def test_a_servers_model_is_asked_with_its_cost_and_cap_before(app: AppTest, db: Database) -> None:
    url = "http://127.0.0.1:8080/v1"
    prices = Prices(tokens_in=1000.0, tokens_out=1000.0, currency="EUR")
    save_connection(db, Connection(base_url=url, name="Lab", model="big", prices=prices))
    save_capabilities(db, Capabilities(base_url=url, model="big", usage="exact"))
    run_of(db)
    attach(db)
    open_train(app)
    assert "train_llm_where" not in {one.key for one in app.selectbox}
    app.checkbox(key="train_zero-shot").check()
    app.run()
    app.selectbox(key="train_llm_where").set_value(url)
    app.run()
    assert not app.exception
    said = words(app)
    assert "LLM zero-shot · big at 127.0.0.1:8080" in said
    assert "4 requests; at most" in said
    assert "tokens in and 32 out, at most 0." in said
    app.number_input(key="train_llm-cap-requests").set_value(3)
    app.run()
    assert not buttons(app)["train_start"]
    assert "does not reach for 4 texts" in words(app)
    app.number_input(key="train_llm-cap-requests").set_value(4)
    app.run()
    press(app, "train_start")
    (asked,) = [one for one in list_trainings(db) if one.spec["kind"] == "llm"]
    assert (asked.spec["language_server"], asked.spec["language_model"]) == (url, "big")
    caps = [job.spec.get("cap") for job in trains(db) if job.spec["training"] == asked.id]
    assert caps == [{"money": None, "tokens": None, "requests": 4}]
    others = [job for job in trains(db) if job.spec["training"] != asked.id]
    assert others
    assert all("cap" not in job.spec for job in others)
