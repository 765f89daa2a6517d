"""What an open run says and offers in each of its states."""

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.runs import FinishedRound
from core.domain.settings import Home
from core.jobs.queue import State, get_job, status
from core.store.database import Database
from core.store.generation.rounds import finish_round
from core.store.generation.runs import create_run, delete_run, get_run
from core.store.generation.samples import samples_of
from tests.pages.making import MIXED, buttons, make_run, markup, open_run, table, words
from tests.store.making import make_spec

LIVE = ("queued", "running")
# What the badge says, and which of the two buttons there is.
SHOWN: dict[State, tuple[str, str | None]] = {
    "queued": ("queued", "stop"),
    "running": ("running", "stop"),
    "done": ("done", None),
    "failed": ("failed", "resume"),
    "paused": ("paused", "resume"),
    "cancelled": ("stopped", "resume"),
    "interrupted": ("interrupted", "resume"),
}


@pytest.mark.parametrize("state", SHOWN)
def test_each_state_has_its_badge_and_its_button(app: AppTest, db: Database, state: State) -> None:
    run, _ = make_run(db, state, name=f"My {state} run")
    open_run(app, run)
    badge, button = SHOWN[state]
    assert app.subheader[0].value == f"My {state} run"
    badges = [m.value for m in app.markdown if m.value.startswith(":")]
    assert len([b for b in badges if badge in b]) == 1
    offered = buttons(app)
    assert {"stop", "resume"} & set(offered) == ({button} if button else set())
    # While it goes nothing else starts: one job at a time.
    assert offered["start-primary"] is offered["start-secondary"] is (state not in LIVE)
    assert offered["all_runs"]


def test_failed_says_why_and_what_to_do(app: AppTest, db: Database) -> None:
    run, job = make_run(db, "failed")
    open_run(app, run)
    assert len(app.warning) == 1
    assert f"{job.message} {job.remedy} The texts so far are kept;" in words(app)
    assert "<b>" not in markup(app)
    assert "$stopped$" not in markup(app)


REFUSED = {"text": "I'm sorry, I can't do that.", "outcome": "empty", "finish_reason": "refusal"}


def test_resume_is_not_offered_where_it_asks_for_no_more(app: AppTest, db: Database) -> None:
    run, _ = make_run(db, "failed", rows=[REFUSED])
    asked = {name: 4 * wanted + 100 for name, wanted in run.spec.wanted.items()}
    finish_round(db, run.id, FinishedRound(1, 0, asked, 1.0, 0))
    open_run(app, run)
    assert "resume" not in buttons(app)
    assert "each label was asked for as often as it may be." in words(app)
    assert list(table(app, "note")["note"]) == ["refused by the model"]
    assert "Set aside: 1 refused by the model (1 pos)" in [text.value for text in app.text]


def test_paused_says_why(app: AppTest, db: Database) -> None:
    open_run(app, make_run(db, "paused")[0])
    assert (
        "The disk is full. Free some space. The texts so far are kept; Resume continues"
        in words(app)
    )


@pytest.mark.parametrize("state", ["done", "failed", "paused", "cancelled", "interrupted"])
def test_at_rest_all_samples_are_there(app: AppTest, db: Database, state: State) -> None:
    run, _ = make_run(db, state)
    open_run(app, run)
    samples = table(app, "note")
    assert list(samples["text"]) == [row["text"] for row in MIXED]
    assert list(samples["note"]) == ["", "duplicate", "empty", "truncated", "", ""]
    assert [list(names) for names in samples["label"]] == [["pos"]] * 4 + [["neg"]] * 2
    assert {m.label: m.value for m in app.metric} == {
        "Texts": "4 / 8",
        "Duplicates": "1 · 25%",
        "Set aside": "2",
        "Mean length": "3.0 tokens",
        "Speed": "0 tokens/s",
        "Took": "0 s",
    }


def test_running_shows_the_latest_texts_first_and_what_is_suppressed(
    app: AppTest, db: Database
) -> None:
    run, _ = make_run(db, "running")
    open_run(app, run)
    feed = table(app, "note")
    assert list(feed["text"]) == [row["text"] for row in MIXED][::-1]
    assert app.progress[0].value == 50
    assert app.progress[0].text == "Cycle 1"
    assert {m.label: m.value for m in app.metric}["Texts"] == "4 / 8"


def test_queued_knows_its_target_already(app: AppTest, db: Database) -> None:
    run, _ = make_run(db, "queued")
    open_run(app, run)
    assert {m.label: m.value for m in app.metric}["Texts"] == "0 / 8"
    assert app.progress[0].text == "Waiting for the worker."


def test_a_shortfall_is_said_by_label(app: AppTest, db: Database) -> None:
    run, _ = make_run(db, "done", shortfall={"pos": 1, "neg": 3})
    open_run(app, run)
    assert len(app.warning) == 1
    assert "Missing: pos: 1, neg: 3." in words(app)


def test_deleted_is_said_and_can_be_undone(app: AppTest, db: Database) -> None:
    run, _ = make_run(db, "done", name="Gone")
    delete_run(db, run.id)
    app.run()
    assert "Gone" not in [str(n) for d in app.dataframe for n in d.value.get("name", ())]
    app.toggle(key="show_deleted").set_value(True).run()
    runs = table(app, "condition")
    assert list(zip(runs["name"], runs["state"], strict=True)) == [("Gone", "deleted")]
    open_run(app, run)
    assert any("deleted" in m.value for m in app.markdown)
    app.get_by_key("run_menu").click(":material/restore_from_trash: Restore").run()
    assert not app.exception
    assert get_run(db, run.id).deleted_at is None
    assert not any("deleted" in m.value for m in app.markdown)


def test_deleting_a_live_run_stops_it_and_keeps_its_samples(app: AppTest, db: Database) -> None:
    run, job = make_run(db, "running")
    open_run(app, run)
    app.get_by_key("run_menu").click(":material/delete: Delete").run()
    assert not app.exception
    assert get_job(db, job.id).cancel_requested
    assert get_run(db, run.id).deleted_at is not None
    assert len(samples_of(db, run.id)) == len(MIXED)


def test_stop_asks_once(app: AppTest, db: Database) -> None:
    run, job = make_run(db, "running")
    open_run(app, run)
    app.button(key="stop").click().run()
    assert not app.exception
    assert get_job(db, job.id).cancel_requested
    assert app.button(key="stop").label == "Stopping…"
    assert not buttons(app)["stop"]


def test_resume_queues_it_again_and_wants_a_worker(
    app: AppTest, db: Database, spawned: list[Home]
) -> None:
    run, job = make_run(db, "interrupted")
    open_run(app, run)
    # The mark of the spawn when the page was opened is fresh; take it away as time would.
    with db.write() as connection:
        connection.execute("UPDATE lease SET spawned_at = NULL")
    spawned.clear()
    app.button(key="resume").click().run()
    assert not app.exception
    assert status(db, job.id)[1] == "queued"
    assert len(spawned) == 1
    assert "resume" not in buttons(app)


def test_a_run_without_a_job_is_shown(app: AppTest, db: Database) -> None:
    run = create_run(db, make_spec(), name="Imported")
    open_run(app, run)
    assert app.subheader[0].value == "Imported"
    assert "This run has no texts." in words(app)


def test_an_unknown_run_is_said_and_the_way_back_offered(app: AppTest, db: Database) -> None:
    app.query_params["run"] = "<img src=x>"
    app.run()
    assert not app.exception
    assert len(app.error) == 1
    assert "There is no run" in app.error[0].value
    assert "<img" not in markup(app)
    assert buttons(app)["all_runs"]
    app.button(key="all_runs").click().run()
    assert "run" not in app.query_params
    assert not app.error


def test_the_list_says_every_state(app: AppTest, db: Database) -> None:
    order: list[State] = [state for state in SHOWN if state != "running"] + ["running"]
    for state in order:
        make_run(db, state, name=state)
    app.run()
    assert not app.exception
    runs = table(app, "condition")
    assert list(zip(runs["name"], runs["state"], strict=True)) == [
        (state, SHOWN[state][0]) for state in reversed(order)
    ]
    by_name = runs.set_index("name")
    assert by_name.loc["done", "texts"] == 50
    assert by_name.loc["done", "count"] == 4
    assert by_name.loc["done", "duplicates"] == 25
    assert by_name.loc["queued", "count"] == 0
