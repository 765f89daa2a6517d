"""Annotation without a browser: what each button stores, undo, the table, agreement, history."""

from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.datasets import Dataset
from core.interventions.orders import Order, audit_set
from core.jobs.queue import list_jobs
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.embeddings import add_vectors
from core.store.judgements import Verdict, add_judgements, judgements_of, last_number
from core.store.previews import save_preview
from core.store.runs import RunRecord
from core.texts import text_hash
from pages.components.intervene.annotation_agreement import in_words
from pages.components.intervene.annotation_bulk import verdicts_of
from tests.pages.making import make_run, words

ROWS = [{"text": f"text number {n}", "label": ("pos", "neg")[n % 2]} for n in range(12)]


def page() -> None:
    """All that the page under test is."""
    import streamlit as st

    from core.settings import home_from
    from core.store.database import open_database
    from core.store.runs import list_runs
    from pages.components.intervene.annotation import show_annotation
    from pages.components.office import Office

    home = home_from()
    office = Office(home, open_database(home))
    show_annotation(office, list_runs(office.db)[0].run)
    st.text("drawn to the end")


def chosen_page() -> None:
    """What stands below the texts of a lasso."""
    import streamlit as st

    from core.settings import home_from
    from core.store.database import open_database
    from core.store.datasets import load_dataset, run_key
    from core.store.runs import list_runs
    from pages.components.intervene.annotation_chosen import label_chosen

    db = open_database(home_from())
    datasets = [load_dataset(db, run_key(row.run.id)) for row in list_runs(db)]
    label_chosen(db, datasets, st.session_state["lasso"])


@pytest.fixture
def run(db: Database) -> RunRecord:
    return make_run(db, rows=ROWS)[0]


@pytest.fixture
def texts(db: Database, run: RunRecord) -> Dataset:
    return load_dataset(db, run_key(run.id))


@pytest.fixture
def app(run: RunRecord) -> AppTest:
    test = AppTest.from_function(page, default_timeout=60)
    test.session_state["annotator"] = "Ann"
    return test


def drawn(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> tuple[str, str]:
    """The text on view and the label that it was generated for."""
    text, label = [element.value for element in app.text][:2]
    return text, label


def press(app: AppTest, key: str) -> AppTest:
    """Press the one button whose key begins so."""
    (button,) = [one for one in app.button if one.key and one.key.startswith(key)]
    button.click()
    return drawn(app)


def look(app: AppTest, view: str) -> AppTest:
    app.get_by_key("annotation_view").set_value(view)
    return drawn(app)


def said(db: Database, run: RunRecord) -> list[tuple[Any, ...]]:
    return [
        (one.who, one.why, one.verdict.label, one.verdict.in_scope, one.verdict.skipped)
        for one in judgements_of(db, run.id)
    ]


def test_each_button_stores_its_verdict(app: AppTest, db: Database, run: RunRecord) -> None:
    drawn(app)
    assert shown(app)[0].startswith("text number")
    _, first = shown(app)
    press(app, "keep-")
    press(app, "give-0-")
    press(app, "give-1-")
    press(app, "out-")
    press(app, "skip-")
    assert said(db, run) == [
        ("Ann", "audit", first, True, False),
        ("Ann", "audit", "pos", True, False),
        ("Ann", "audit", "neg", True, False),
        ("Ann", "audit", None, False, False),
        ("Ann", "audit", None, None, True),
    ]
    assert len({one.session for one in judgements_of(db, run.id)}) == 1
    (progress,) = app.get("progress")
    assert "**5** of 12 · 4 by Ann in this run, 4 of them today" in progress.proto.text


def test_the_keys_stand_on_the_buttons(app: AppTest) -> None:
    drawn(app)
    keys = {one.key.partition("-")[0]: one.proto.shortcut for one in app.button if one.key}
    assert keys == {
        "give": "2",
        "keep": "space",
        "out": "o",
        "skip": "s",
        "undo": "z",
        "annotation_near_button": "n",
    }
    give = [one.proto.shortcut for one in app.button if one.key and one.key.startswith("give")]
    assert give == ["1", "2"]


def test_undo_brings_text_after_text_back(app: AppTest, db: Database, run: RunRecord) -> None:
    drawn(app)
    texts = []
    for key in ("keep-", "out-", "skip-"):
        texts.append(shown(app)[0])
        press(app, key)
    for text in reversed(texts):
        press(app, "undo-")
        assert shown(app)[0] == text
    assert said(db, run) == []
    press(app, "undo-")
    assert "nothing of yours left to take back" in words(app)


def test_the_audit_set_is_the_seeded_one_and_ends(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    drawn(app)
    app.number_input(key="annotation_seed").set_value(7)
    drawn(app)
    order = audit_set(texts, Order("audit", 90, seed=7))
    for key in order:
        assert shown(app)[0] == texts.texts[texts.ids.index(key)]
        press(app, "keep-")
    assert "This queue is done." in words(app)
    assert [one.verdict.sample_id for one in judgements_of(db, run.id)] == order
    press(app, "undo-end")
    assert shown(app)[0] == texts.texts[texts.ids.index(order[-1])]


def test_another_person_meanwhile(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    drawn(app)
    text, _ = shown(app)
    key = texts.ids[texts.texts.index(text)]
    add_judgements(db, run.id, [Verdict(key, "neg")], who="B*o*b", why="audit")
    press(app, "give-0-")
    assert "B*o*b judged this text meanwhile: 'neg'. Nothing was overwritten." in words(app)
    assert shown(app)[0] == text
    press(app, "give-0-")
    assert [row[0] for row in said(db, run)] == ["B*o*b", "Ann"]
    assert shown(app)[0] != text


def test_the_most_spread_out_and_neighbours_by_stored_vectors(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    drawn(app)
    app.get_by_key("annotation_kind").set_value("spread")
    drawn(app)
    assert "The worker has not embedded all of these texts yet." in words(app)
    angles = [0.1 * n for n in range(12)]
    vectors = {
        text_hash(text): np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)
        for text, angle in zip(texts.texts, angles, strict=True)
    }
    add_vectors(db, "e", vectors)
    drawn(app)
    middle = shown(app)[0]
    assert middle in ("text number 5", "text number 6")
    press(app, "annotation_near_button")
    (near,) = [frame.value for frame in app.dataframe]
    number = int(middle.split()[-1])
    assert set(near["text"][:2]) == {f"text number {number - 1}", f"text number {number + 1}"}
    assert near["distance"].iloc[0] == pytest.approx(1 - np.cos(0.1), abs=1e-6)
    press(app, "keep-")
    assert shown(app)[0] in ("text number 0", "text number 11")
    assert len(app.dataframe) == 1  # neighbours stay from text to text
    assert said(db, run)[0][1] == "spread"


def test_the_most_uncertain_by_the_newest_preview(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    app.session_state["annotation_kind"] = "uncertain"
    drawn(app)
    assert "Nothing is known yet of how certain the labels are." in words(app)
    for low in (3, 8):
        sure = [0.9] * 12
        sure[low] = 0.2
        result = {"ids": list(texts.ids), "confidence": sure}
        save_preview(db, "relabel", texts.key, {"low": low}, result)
    drawn(app)
    assert shown(app)[0] == "text number 8"
    press(app, "keep-")
    assert said(db, run)[0][1] == "uncertain"


def test_a_second_opinion_hides_the_first(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    add_judgements(db, run.id, [Verdict(texts.ids[4], "neg", True)], who="Bob", why="audit")
    app.session_state["annotation_kind"] = "second"
    drawn(app)
    assert shown(app) == ("text number 4", "pos")
    assert "Bob" not in words(app)
    press(app, "keep-")
    assert said(db, run)[1] == ("Ann", "audit", "pos", True, False)
    assert "This queue is done." in words(app)


def test_an_empty_name_is_the_users(app: AppTest, db: Database, run: RunRecord) -> None:
    drawn(app)
    app.text_input(key="annotator").set_value("  ")
    drawn(app)
    press(app, "keep-")
    assert said(db, run)[0][0].strip()


def test_agreement_and_differences(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    look(drawn(app), "agreement")
    assert "Agreement needs two annotators." in words(app)
    by_ann = ("pos", "pos", "neg", "neg")
    one = [Verdict(texts.ids[row], label) for row, label in enumerate(by_ann)]
    add_judgements(db, run.id, one, who="Ann", why="audit")
    add_judgements(db, run.id, [Verdict(texts.ids[9], "neg")], who="Bob", why="audit")
    drawn(app)
    assert "no two of them the same one" in words(app)
    by_bob = ("pos", "neg", "pos", "neg")
    other = [Verdict(texts.ids[row], label) for row, label in enumerate(by_bob)]
    add_judgements(db, run.id, other, who="Bob", why="audit")
    drawn(app)
    pairs, texts_shown = [frame.value for frame in app.dataframe]
    assert pairs.iloc[0].to_dict() == {
        "one": "Ann",
        "other": "Bob",
        "n": 4,
        "same": 0.5,
        "kappa": 0.0,
        "words": "slight",
    }
    assert list(texts_shown["text"]) == ["text number 1", "text number 2"]
    assert list(texts_shown["by Ann"]) == ["pos", "neg"]
    assert list(texts_shown["by Bob"]) == ["neg", "pos"]


@pytest.mark.parametrize(
    ("kappa", "word"),
    [(1.0, "almost perfect"), (0.61, "substantial"), (0.2, "slight"), (-0.1, "worse than chance")],
)
def test_kappa_in_words(kappa: float, word: str) -> None:
    assert in_words(kappa) == word
    assert in_words(None).startswith("undefined")


def test_history_takes_back_one(app: AppTest, db: Database, run: RunRecord, texts: Dataset) -> None:
    drawn(app)
    first = shown(app)[0]
    press(app, "keep-")
    press(app, "out-")
    look(app, "history")
    assert "Your last 2 of 2 judgements in effect." in words(app)
    rows = [one for one in app.button if one.key and one.key.startswith("take-back-")]
    rows[1].click()
    drawn(app)
    assert [row[3] for row in said(db, run)] == [False]
    look(app, "queue")
    assert shown(app)[0] == first


def test_what_edits_of_the_table_say() -> None:
    known: dict[str, tuple[str | None, bool]] = {
        "a": (None, True),
        "b": ("pos", True),
        "c": (None, False),
        "d": ("pos", True),
        "e": ("pos", True),
    }
    edits = {
        0: {"label": "neg"},
        1: {"in_scope": False},
        2: {"label": "neg"},
        3: {"label": "pos"},
        4: {"label": None},
    }
    assert verdicts_of(edits, list(known), known) == [
        Verdict("a", "neg", True),
        Verdict("b", None, False),
        Verdict("c", "neg", True),
        Verdict("e", None, True),
    ]


def test_the_table_lists_what_is_asked_for(app: AppTest, db: Database, run: RunRecord) -> None:
    drawn(app)
    press(app, "keep-")
    look(app, "bulk")
    assert "11 texts, all on screen." in words(app)
    app.text_input(key="bulk_search").set_value("NUMBER 1")
    app.selectbox(key="bulk_label").set_value("neg")
    app.get_by_key("bulk_which").set_value("All")
    drawn(app)
    (table,) = [frame.value for frame in app.dataframe]
    assert list(table["text"]) == ["text number 1", "text number 11"]
    assert list(table["specified"]) == ["neg", "neg"]
    (save,) = [one for one in app.button if one.key == "bulk_save"]
    assert (save.label, save.disabled) == ("Save 0 changes", True)


def test_the_lasso_labels_across_runs_and_takes_back(db: Database) -> None:
    runs = [make_run(db, rows=ROWS)[0] for _ in range(2)]
    ids = [load_dataset(db, run_key(run.id)).ids for run in runs]
    app = AppTest.from_function(chosen_page, default_timeout=60)
    app.session_state["annotator"] = "Ann"
    app.session_state["lasso"] = [ids[0][1], ids[0][2], ids[1][3], "reference text"]
    drawn(app)
    app.selectbox(key="chosen_label").set_value("neg")
    drawn(app)
    press(app, "chosen_save")
    assert "3 judged “neg” by Ann." in words(app)
    assert said(db, runs[0]) == [("Ann", "lasso", "neg", True, False)] * 2
    assert said(db, runs[1]) == [("Ann", "lasso", "neg", True, False)]
    press(app, "chosen_undo")
    assert said(db, runs[0]) == said(db, runs[1]) == []
    press(app, "chosen_out")
    assert said(db, runs[1]) == [("Ann", "lasso", None, False, False)]


def test_a_lasso_is_stored_whole_or_not_at_all(db: Database) -> None:
    run = make_run(db, rows=ROWS)[0]
    ids = load_dataset(db, run_key(run.id)).ids
    app = AppTest.from_function(chosen_page, default_timeout=60)
    app.session_state["annotator"] = "Ann"
    app.session_state["lasso"] = list(ids[:3])
    drawn(app)
    add_judgements(db, run.id, [Verdict(ids[1], "pos")], who="Bob", why="audit")
    press(app, "chosen_out")
    assert "Bob judged this text meanwhile: 'pos'" in words(app)
    assert [row[0] for row in said(db, run)] == ["Bob"]
    press(app, "chosen_out")
    assert [row[0] for row in said(db, run)] == ["Bob", "Ann", "Ann", "Ann"]
    assert last_number(db, run.id) == 4


def test_a_run_without_texts(db: Database) -> None:
    make_run(db, rows=[{"text": "", "outcome": "empty"}])
    app = drawn(AppTest.from_function(page, default_timeout=60))
    assert "This run has no texts to judge yet." in words(app)


def test_the_language_model_is_asked_once(app: AppTest, db: Database, run: RunRecord) -> None:
    look(drawn(app), "agreement")
    (ask,) = [one for one in app.button if one.key == "ask_llm"]
    assert ask.disabled
    look(app, "queue")
    press(app, "keep-")
    press(app, "keep-")
    look(app, "agreement")
    press(app, "ask_llm")
    (job,) = [one for one in list_jobs(db) if one.kind == "llm_judge"]
    assert job.spec["run"] == run.id
    assert sorted(job.spec["texts"]) == sorted(
        one.verdict.sample_id for one in judgements_of(db, run.id)
    )
    (ask,) = [one for one in app.button if one.key == "ask_llm"]
    assert ask.disabled
    assert "The worker is at it." in words(app)
