"""The Explore page: what it shows of runs that are measured, and what it queues for the others."""

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.errors import BackendFailed
from core.domain.settings import Home
from core.domain.tasks import Label, Task
from core.jobs import claims
from core.jobs.lease import release, take
from core.jobs.queue import get_job, list_jobs, status
from core.store.database import Database
from core.store.datasets import reference_key, run_key
from core.store.generation.runs import rename_run
from tests.pages.evidence import (
    CHOICE,
    TEXTS,
    explore,
    map_all,
    measure_all,
    reference,
    result_of,
    run_of,
    side_by_side,
    spec_of,
)
from tests.pages.making import make_run, open_run, table, words

POEMS = Task("Poems", "poem", (Label("pos", "joy"), Label("neg", "grief")))


def queued(db: Database) -> list[tuple[str, str]]:
    """Kind and state of all jobs that the page queued, the oldest first."""
    jobs = [job for job in list_jobs(db) if job.kind != "generate"]
    return [(job.kind, job.state) for job in reversed(jobs)]


def test_an_empty_store_says_so_and_leads_to_generate(app: AppTest, db: Database) -> None:
    app.switch_page("pages/explore.py")
    explore(app)
    assert "There are no texts yet." in words(app)
    (link,) = app.get("page_link")
    assert (link.proto.label, link.proto.page) == ("Generate texts", "generate")
    assert not app.dataframe
    assert not [button for button in app.button if button.key == "refit"]
    assert queued(db) == []


def test_a_run_without_usable_texts_is_nothing_to_see(app: AppTest, db: Database) -> None:
    make_run(db, "done", rows=[{"text": "", "outcome": "empty"}])
    explore(app)
    assert "There are no texts yet." in words(app)


def test_the_table_says_what_was_measured(app: AppTest, db: Database) -> None:
    run = run_of(db, name="First")
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    found = result_of(db, run_key(run.id))
    (row,) = side_by_side(app)
    assert row["name"] == "First"
    assert row["n"] == 6
    assert row["remote_clique"] == found["remote_clique"]["value"]
    low, high = found["remote_clique"]["low"], found["remote_clique"]["high"]
    assert row["interval"] == f"{low:.3f} to {high:.3f}"
    assert (row["fluency"], row["fluency_sd"]) == (-1.5, 0.0)
    assert row["exact_duplicates"] == pytest.approx(1 / 6)  # the third text is the first
    assert row["near_duplicates"] == pytest.approx(2 / 6)  # and the second is near it
    assert row["nearest_distance"] == found["nearest_distance"]["value"]
    assert row["vendi_score"] == found["vendi_score"]["value"]
    assert "similarity" not in row
    assert "Encoder fake, mean pooling, cosine distance." in words(app)
    assert queued(db) == []


def test_near_duplicates_follow_the_slider(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    distances = result_of(db, run_key(run.id))["texts"]["nearest_earlier"]
    assert distances == pytest.approx([None, 0.091, 0.0, 0.199, 1.150, 0.812], abs=5e-4)
    for threshold, near in ((0.0, 1), (0.1, 2), (0.5, 3)):
        app.slider(key="near_threshold").set_value(threshold).run()
        assert not app.exception
        (row,) = side_by_side(app)
        assert row["near_duplicates"] == pytest.approx(near / len(TEXTS))


def test_runs_side_by_side_in_the_order_chosen(app: AppTest, db: Database) -> None:
    one, two = run_of(db, name="One"), run_of(db, TEXTS[3:], name="Two")
    measure_all(db, one, two)
    map_all(db, one, two)
    explore(app)
    assert [row["name"] for row in side_by_side(app)] == ["Two"]  # the newest alone at first
    app.multiselect(key="explore_runs").set_value([one.id, two.id]).run()
    assert not app.exception
    rows = side_by_side(app)
    assert [(row["name"], row["n"]) for row in rows] == [("One", 6), ("Two", 3)]
    assert "The sizes differ" in words(app)
    assert queued(db) == []


def test_of_two_names_alike_each_run_keeps_its_own(app: AppTest, db: Database) -> None:
    old = run_of(db, name="Reviews, T 1")
    new = run_of(db, TEXTS[3:], name="Reviews, T 1")
    measure_all(db, old, new)
    map_all(db, old, new)
    explore(app)
    assert app.multiselect(key="explore_runs").options == ["T 1 (2)", "T 1"]
    assert [row["name"] for row in side_by_side(app)] == ["T 1 (2)"]
    app.multiselect(key="explore_runs").set_value([old.id]).run()
    assert [row["name"] for row in side_by_side(app)] == ["T 1"]
    rename_run(db, old.id, "Other", expected_revision=1)
    app.run()
    assert [row["name"] for row in side_by_side(app)] == ["Other"]


def test_no_run_chosen_is_said(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    app.multiselect(key="explore_runs").set_value([]).run()
    assert not app.exception
    assert "Choose at least one run." in words(app)
    assert "Choose a run and an encoder in the sidebar." in words(app)
    assert not app.get("page_link")
    app.multiselect(key="explore_runs").set_value([run.id]).run()
    assert len(side_by_side(app)) == 1


def test_what_is_missing_is_queued_once(app: AppTest, db: Database, spawned: list[Home]) -> None:
    run = run_of(db)
    explore(app)
    app.run()
    app.run()
    assert queued(db) == [("measure", "queued"), ("project", "queued")]
    measuring, projecting = reversed([job for job in list_jobs(db) if job.kind != "generate"])
    assert measuring.spec["dataset"] == run_key(run.id)
    assert projecting.spec["datasets"] == [run_key(run.id)]
    assert projecting.spec["task_key"] == run.spec.task.key
    (row,) = side_by_side(app)
    assert (row["interval"], row["n"]) == ("not measured", 6)
    assert "Waiting: Measures, Map." in words(app)
    assert "These texts have not been embedded yet." in words(app)
    assert spawned


def test_a_run_that_goes_on_is_said_and_not_measured(app: AppTest, db: Database) -> None:
    make_run(db, "running", name="At work")
    explore(app)
    assert "Still generating: At work." in words(app)
    assert queued(db) == []
    (row,) = side_by_side(app)
    assert (row["name"], row["n"], row["interval"]) == ("At work", 4, "not measured")
    for tab in ("Scores", "Timeline", "Why", "All metrics"):
        explore(app, tab)


def test_a_job_that_failed_is_told_and_tried_again(app: AppTest, db: Database) -> None:
    run = run_of(db)
    map_all(db, run)
    explore(app)
    (job,) = [job for job in list_jobs(db) if job.kind == "measure"]
    take(db, "w", 1, seconds=600)
    assert claims.claim(db, "w", job_id=job.id)
    claims.settle(
        db, job.id, "w", "failed", BackendFailed("The encoder <b>broke</b>.", "Try *another*.")
    )
    release(db, "w")
    app.run()
    assert "Measures: The encoder <b>broke</b>. Try *another*." in words(app)
    assert queued(db) == [("measure", "failed")]
    app.button(key=f"again-{job.id}").click().run()
    assert not app.exception
    assert status(db, job.id)[1] == "queued"
    assert (get_job(db, job.id).message, queued(db)) == ("", [("measure", "queued")])
    assert "broke" not in words(app)


def test_a_running_job_says_how_far_it_is(app: AppTest, db: Database) -> None:
    map_all(db, run_of(db))
    explore(app)
    (job,) = [job for job in list_jobs(db) if job.kind == "measure"]
    take(db, "w", 1, seconds=600)
    assert claims.claim(db, "w", job_id=job.id)
    told = {"phase": "embedding", "done": 3, "total": 6, "seconds_left": 90}
    claims.report(db, job.id, "w", told)
    app.run()
    (progress,) = app.progress
    assert progress.value == 50
    assert progress.text.startswith("Measures: embedding texts, 3 of 6, ")


def test_beside_a_reference_there_is_similarity_and_a_row(app: AppTest, db: Database) -> None:
    run = run_of(db, name="Mine")
    real = reference(
        db, (("a fine film", "pos"), ("nothing works here", "neg"), ("so dull", "neg"))
    )
    measure_all(db, run, beside=real)
    map_all(db, run, beside=real)
    explore(app)
    mine, theirs = side_by_side(app)
    found = result_of(db, run_key(run.id), beside=real)
    own = result_of(db, reference_key(real.id, "train"))
    assert mine["similarity"] == found["similarity"]["value"]
    assert (theirs["name"], theirs["n"]) == ("Real ones (train)", 3)
    assert theirs["remote_clique"] == own["remote_clique"]["value"]
    assert queued(db) == []
    app.toggle(key="explore_real").set_value(False).run()
    assert not app.exception


def test_the_address_opens_its_run_once(app: AppTest, db: Database) -> None:
    one, two = run_of(db, name="One"), run_of(db, name="Two")
    poem = run_of(db, name="Three", spec=spec_of(POEMS))
    measure_all(db, one, two, poem)
    app.switch_page("pages/explore.py")
    open_run(app, one)
    assert [row["name"] for row in side_by_side(app)] == ["One"]
    app.multiselect(key="explore_runs").set_value([two.id]).run()
    assert [row["name"] for row in side_by_side(app)] == ["Two"]
    open_run(app, poem)
    assert [row["name"] for row in side_by_side(app)] == ["Three"]
    assert app.selectbox(key="explore_task").value == POEMS.key


def test_another_task_brings_its_own_runs(app: AppTest, db: Database) -> None:
    run_of(db, name="Review")
    run_of(db, name="Poem", spec=spec_of(POEMS))
    explore(app)
    assert [row["name"] for row in side_by_side(app)] == ["Poem"]
    app.selectbox(key="explore_task").set_value(spec_of().task.key).run()
    assert not app.exception
    assert app.multiselect(key="explore_runs").options == ["Review"]
    assert [row["name"] for row in side_by_side(app)] == ["Review"]


def test_the_map_is_refitted_on_what_is_on_view(app: AppTest, db: Database) -> None:
    one, two = run_of(db, name="One"), run_of(db, name="Two")
    measure_all(db, one, two)
    map_all(db, one, two)
    explore(app)
    app.multiselect(key="explore_runs").set_value([one.id]).run()
    assert queued(db) == []
    app.button(key="refit").click().run()
    assert not app.exception
    (job,) = [job for job in list_jobs(db) if job.kind == "project"]
    assert job.spec["refit"] is True
    assert job.spec["datasets"] == [run_key(one.id)]
    assert job.spec["encoder"] == CHOICE.to_dict()
    # It is followed until it is there.
    assert "Waiting: Map." in words(app)
    assert take(db, "w", 1, seconds=600)
    assert claims.claim(db, "w", job_id=job.id)
    claims.settle(db, job.id, "w", "done")
    release(db, "w")
    explore(app)
    assert "for the worker" not in words(app)
    # A later press is a wish of its own.
    app.button(key="refit").click().run()
    assert queued(db) == [("project", "done"), ("project", "queued")]


def test_another_encoder_is_another_measurement(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    app.get_by_key("encoder_kind").set_value("Hugging Face").run()
    assert "Enter a model id or folder." in words(app)
    assert queued(db) == []
    app.text_input(key="encoder_id").input("org/encoder").run()
    assert not app.exception
    assert queued(db) == [("measure", "queued"), ("project", "queued")]
    assert list_jobs(db)[0].spec["encoder"]["model"] == "org/encoder"
    assert table(app, "interval")["interval"].tolist() == ["not measured"]


def test_jobs_that_came_to_one_end_are_told_once(app: AppTest, db: Database) -> None:
    run_of(db)
    explore(app)
    error = BackendFailed("The encoder is gone.", "Get it back.")
    assert take(db, "w", 1, seconds=600)
    for job in list_jobs(db):
        if job.state == "queued" and claims.claim(db, "w", job_id=job.id):
            claims.settle(db, job.id, "w", "failed", error)
    release(db, "w")
    explore(app)
    (told,) = [warning.value for warning in app.warning if "The encoder is gone" in warning.value]
    assert told.startswith("Measures, Map: ")
    (again,) = [button for button in app.button if button.label == "Try again"]
    again.click().run()
    assert {state for kind, state in queued(db) if kind in ("measure", "project")} == {"queued"}
