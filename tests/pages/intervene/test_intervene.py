"""The Intervene page: what it asks of the worker, what it shows of the answer, and the way back."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.settings import Home
from core.jobs.queue import list_jobs
from core.jobs.registry import JobHandlers
from core.jobs.tools import WorkerTools
from core.jobs.worker import Worker
from core.store.database import Database
from core.store.datasets import load_dataset, run_key, version_key
from core.store.generation.samples import add_samples
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of
from core.store.interventions.versions import (
    derive,
    head,
    list_versions,
    moves_of,
    raw_version,
    version_rows,
)
from core.store.references import delete_reference
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders
from tests.interventions.runs import Made, make_moods
from tests.pages.making import ROOT, buttons, words
from tests.store.making import make_sample

EACH = 40  # of three labels: 120 texts, every fourth under a wrong label


def work_off(home: Home, db: Database) -> list[str]:
    """Do all that is queued; the kinds of the jobs, the oldest first."""
    tools = WorkerTools(home, encoders=FakeEncoders(FakeEncoder(size=64)))
    handlers = JobHandlers(home, tools).handlers()
    done = []
    for job in reversed(list_jobs(db, state="queued")):
        Worker(home, handlers).run_job(job.id)
        done.append(job.kind)
    return done


def draw(app: AppTest, tab: str = "") -> AppTest:
    app.switch_page("pages/intervene.py")
    if tab:
        app.session_state["intervene_tabs"] = tab
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click()
    return run(app)


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def frame(app: AppTest, column: str) -> Any:
    (found,) = [one.value for one in app.dataframe if column in one.value]
    return found


@pytest.fixture
def made(db: Database) -> Made:
    return make_moods(db, each=EACH)


def test_an_empty_store_leads_to_generate(app: AppTest, db: Database) -> None:
    draw(app)
    assert "There are no texts to repair yet." in words(app)
    (link,) = app.get("page_link")
    assert link.proto.label == "Generate texts"
    assert list_jobs(db) == []


def test_the_oracle_is_asked_once_and_its_accuracy_is_shown(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    draw(app, "Label accuracy")
    run(app)
    assert metrics(app)["Label accuracy (oracle)"] == "–"
    assert "The oracle is not trained yet." in words(app)
    assert work_off(home, db) == ["judge"]
    run(app)
    # Every fourth text bears a wrong label, and these texts are easy.
    assert metrics(app)["Label accuracy (oracle)"] == "75.0%"
    assert metrics(app)["Label accuracy (audit set)"] == "–"
    assert (
        "Oracle accuracy: 100.0% (84.0% to 100.0%) for texts with these labels, 100.0% for the"
        in (words(app))
    )
    table = frame(app, "oracle")
    assert table["label"].tolist() == ["all labels", "joy", "grief", "calm"]
    assert table["oracle_n"].tolist()[0] == 120
    assert table["oracle"][0] == "75.0% (66.6% to 81.9%)"
    # The texts of another label by the oracle's word stand below, with both labels.
    texts = frame(app, "judged_label")
    assert len(texts) == 30
    assert [made.right[key] for key in texts.index] == [label[0] for label in texts["judged_label"]]
    assert list_jobs(db, state="queued") == []


def test_without_a_reference_people_do_it_all(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    delete_reference(db, made.reference_id)
    draw(app, "Label replacement")
    assert "Attach a reference to let an oracle stand in for people." in words(app)
    assert "Nobody has labelled a text of this version yet" in words(app)
    assert not buttons(app)["lr_preview"]
    # The vectors are made anyway: annotation and versions need them.
    assert work_off(home, db) == ["measure"]
    add_judgements(
        db,
        made.run_id,
        [Verdict(key, label, True) for key, label in list(made.right.items())[:60]],
        who="ada",
        why="spread",
    )
    run(app)
    assert metrics(app)["Judged so far"] == "60"
    press(app, "lr_preview")
    assert work_off(home, db) == ["relabel"]
    run(app)
    assert metrics(app)["Inspected"] == "60"
    assert metrics(app)["Changed labels"] == "30"
    assert "By the oracle, whose own accuracy" not in words(app)
    press(app, "lr_accept")
    now = head(db, made.run_id)
    assert now is not None
    rows = version_rows(db, now.id)
    assert [row.label for row in rows] == [made.right[row.sample_id] for row in rows]
    assert {row.who for row in rows if row.human_label} == {"ada"}
    # People's judgements are events of their own; accepting made none.
    assert {one.who for one in judgements_of(db, made.run_id)} == {"ada"}


def test_labels_are_previewed_accepted_undone_and_redone(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    draw(app, "Label replacement")
    work_off(home, db)
    run(app)
    assert buttons(app)["lr_preview"]
    press(app, "lr_preview")
    assert list_versions(db, made.run_id) == []
    assert work_off(home, db) == ["relabel"]
    run(app)
    assert metrics(app)["Inspected"] == "90"
    assert metrics(app)["Label accuracy"] == "100.0%"
    assert not buttons(app)["lr_preview"]  # it is what is on view
    changes = frame(app, "proxy")
    assert len(changes) == 30
    assert [new[0] for new in changes["new"]] == [made.right[key] for key in changes.index]
    # Inspected texts have no confidence and stand last; the least certain comes first.
    known = changes["confidence"].dropna().astype(float).tolist()
    assert known == sorted(known)
    assert changes["judged"].tolist() == [False] * len(known) + [True] * (30 - len(known))
    assert "Accept all 30 changes" in words(app)

    # Another session finds the preview, with its settings.
    other = draw(AppTest.from_file(str(ROOT / "app.py"), default_timeout=120), "Label replacement")
    assert metrics(other)["Changed labels"] == "30"

    press(app, "lr_accept")
    now = head(db, made.run_id)
    assert now is not None
    labels = load_dataset(db, version_key(now.id)).labels
    assert labels == tuple(made.right.values())
    assert now.spec["inspect"] == 90
    # Measured on the 30 texts that the oracle did not label itself, of which 24 were right.
    assert now.facts["label_accuracy"] == {"before": 0.8, "after": 1.0, "n": 30}
    assert metrics(app)["Labels replaced"] == "30"
    assert metrics(app)["Label accuracy (oracle)"] == "100.0%"
    assert "30 labels changed. Undo to revert." in words(app)
    oracle = [one for one in judgements_of(db, made.run_id) if one.who == "oracle"]
    assert len(oracle) == 90

    # The other session still looks at the preview of what was before; its click changes nothing.
    press(other, "lr_accept")
    assert metrics(other)["Labels replaced"] == "30"
    assert len(list_versions(db, made.run_id)) == 2

    press(app, "version_undo")
    assert metrics(app)["Labels replaced"] == "0"
    assert not buttons(app)["version_undo"]
    press(app, "version_redo")
    assert metrics(app)["Labels replaced"] == "30"
    assert [move.action for move in moves_of(db, made.run_id)] == ["derive", "undo", "redo"]


def test_the_threshold_decides_what_is_accepted(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    draw(app, "Label replacement")
    work_off(home, db)
    run(app)
    press(app, "lr_preview")
    work_off(home, db)
    run(app)
    changes = frame(app, "proxy")
    bound = round(float(changes["confidence"].dropna().median()), 2)
    above = changes["confidence"] >= bound
    top = round(float(changes["confidence"][above].dropna().median()), 2)
    app.slider(key="lr_band").set_value((bound, top))
    run(app)
    left = frame(app, "proxy")
    sure = changes["confidence"].isna() | (above & (changes["confidence"] <= top))
    assert sorted(left.index) == sorted(changes.index[sure])
    assert 0 < len(left) < 30
    assert f"Accept {len(left)} of 30 changes" in words(app)
    press(app, "lr_accept")
    now = head(db, made.run_id)
    assert now is not None
    assert (now.facts["changed"], now.facts["proposed"]) == (len(left), 30)
    assert now.spec["confidence"] == [bound, top]


def test_a_refusal_explains_itself_and_changes_nothing(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    joyful = [key for key, label in made.right.items() if label == "joy"][:12]
    verdicts = [Verdict(key, "joy", True) for key in joyful]
    add_judgements(db, made.run_id, verdicts, who="ada", why="bulk")
    app.session_state["intervene_annotator"] = "people"
    draw(app, "Label replacement")
    work_off(home, db)
    run(app)
    press(app, "lr_preview")
    work_off(home, db)
    run(app)
    assert "All 12 inspected texts were labelled 'joy'" in words(app)
    assert "Inspect texts of other labels, too." in words(app)
    assert list_versions(db, made.run_id) == []
    app.query_params["intervene_tabs"] = "Out-of-scope filtering"
    run(app)
    assert "All 12 judged texts are in scope" in words(app)
    assert not buttons(app)["oosf_learn"]
    app.query_params["intervene_tabs"] = "Budget"
    run(app)
    assert "12 texts have a label from people; a curve needs at least 40" in words(app)
    assert not buttons(app)["budget_draw"]


def test_what_is_out_of_scope_is_removed_and_comes_back(
    app: AppTest, home: Home, db: Database
) -> None:
    made = make_moods(db, each=EACH, out=16)
    verdicts = [
        Verdict(key, in_scope=label is not None)
        for place, (key, label) in enumerate(made.right.items())
        if place % 2 == 0
    ]
    add_judgements(db, made.run_id, verdicts, who="ada", why="bulk")
    draw(app, "Out-of-scope filtering")
    work_off(home, db)
    run(app)
    assert (metrics(app)["Judged in scope"], metrics(app)["Judged out of scope"]) == ("60", "8")
    press(app, "oosf_learn")
    assert work_off(home, db) == ["filter"]
    run(app)
    assert (metrics(app)["Precision"], metrics(app)["Recall"]) == ("100%", "100%")
    counts = frame(app, "removed")
    assert counts.set_index("label")["removed"].to_dict() == {"joy": 0, "grief": 0, "calm": 16}
    assert "The paper found no consistent gain" in words(app)
    assert "Remote-Clique" in words(app)
    texts = frame(app, "judged")
    assert len(texts) == 16
    assert texts["judged"].tolist() == [False] * 8 + [True] * 8
    # At the boundary first.
    assert texts["confidence"].tolist()[:8] == sorted(texts["confidence"].tolist()[:8])[::-1]
    press(app, "oosf_effect")
    assert not buttons(app)["oosf_effect"]
    assert work_off(home, db) == ["filter_effect"]
    run(app)
    assert "oosf_effect" not in buttons(app)
    assert "Kept texts against all:" in words(app)
    assert "120 texts" in words(app)
    assert set(metrics(app)) >= {"All texts", "Kept texts", "Random subset"}
    app.slider(key="oosf_threshold").set_value(0.0)
    run(app)
    assert buttons(app)["oosf_effect"]  # another threshold, another question
    assert "Remove 8 texts" in words(app)  # the judged ones
    app.slider(key="oosf_threshold").set_value(0.5)
    run(app)
    press(app, "oosf_remove")
    assert metrics(app)["Texts"] == "120"
    now = head(db, made.run_id)
    assert now is not None
    assert set(load_dataset(db, version_key(now.id)).ids) == {
        key for key, label in made.right.items() if label is not None
    }
    press(app, "version_undo")
    assert metrics(app)["Texts"] == "136"


def test_the_budget_curve_says_where_it_flattens(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    draw(app, "Budget")
    work_off(home, db)
    run(app)
    press(app, "budget_draw")
    assert work_off(home, db) == ["budget"]
    run(app)
    numbers = frame(app, "repeats")
    assert numbers["inspected"].tolist() == [0, 45, 90, 120]
    assert numbers["mean"].tolist()[0] == "75.0%"
    assert "It flattens at about 45 inspected texts" in words(app)
    assert "Measured by the oracle on all 120 texts; its own accuracy: 100.0%" in words(app)


def test_versions_are_listed_chosen_compared_and_edited(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    raw = raw_version(db, made.run_id)
    rows = version_rows(db, raw.id)
    hostile = "![x](http://x.example/a.png) <b>"
    first, second = (
        derive(db, raw.id, "manual", rows, who=hostile, name=name, spec={}, facts={})
        for name in (hostile, "Second")
    )
    draw(app, "Versions")
    work_off(home, db)
    run(app)
    table = frame(app, "replaced")
    assert [name.strip("\u2003└ ") for name in table["name"]] == ["Raw", hostile, "Second"]
    assert table["active"].tolist() == ["", "", "●"]
    assert table["accuracy"].tolist() == ["75.0%"] * 3
    stand = app.selectbox(key=f"versions_stand_{second.id}")
    stand.set_value(first.id)
    run(app)
    press(app, "versions_choose")
    now = head(db, made.run_id)
    assert now is not None
    assert now.id == first.id
    assert "x.example" not in "".join(one.value for one in app.markdown if "](" in one.value)


def test_texts_are_listed_for_edits_by_hand(app: AppTest, db: Database, made: Made) -> None:
    draw(app, "Manual edits")
    assert len(frame(app, "label")) == 120
    assert not buttons(app)["edit_set"]
    app.text_input(key="edit_search").set_value(load_dataset(db, run_key(made.run_id)).texts[0])
    run(app)
    assert len(frame(app, "label")) == 1


def test_a_version_behind_its_run_says_so(app: AppTest, db: Database, made: Made) -> None:
    raw = raw_version(db, made.run_id)
    derive(db, raw.id, "manual", version_rows(db, raw.id), who="ada", spec={}, facts={})
    add_samples(db, [make_sample(made.run_id, 120, text="a new one", label="joy")])
    draw(app, "Versions")
    assert "The run has generated 1 text since this version was made" in words(app)
    assert metrics(app)["Texts"] == "120"


def test_the_settings_of_a_run_are_found_again_after_a_reload(
    app: AppTest, home: Home, db: Database, made: Made
) -> None:
    draw(app, "Label replacement")
    work_off(home, db)
    run(app)
    app.number_input(key="lr_seed").set_value(7)
    app.slider(key="lr_weight").set_value(0.5)
    run(app)
    press(app, "lr_preview")
    (job,) = list_jobs(db, state="queued")
    assert job.spec["request"]["seed"] == 7
    work_off(home, db)
    other = draw(AppTest.from_file(str(ROOT / "app.py"), default_timeout=120), "Label replacement")
    assert other.number_input(key="lr_seed").value == 7
    assert other.slider(key="lr_weight").value == 0.5
    assert metrics(other)["Inspected"] == "90"
    assert load_dataset(db, run_key(made.run_id)).labels != tuple(made.right.values())
