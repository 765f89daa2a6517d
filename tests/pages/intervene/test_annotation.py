"""Annotation one by one, without a browser: what each button stores, orders, undo, others."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.domain.datasets import Dataset
from core.domain.serialization import to_json
from core.domain.texts import text_hash
from core.interventions.annotation_queue import QueueOrder, audit_set
from core.interventions.previews import RelabelPreview
from core.interventions.relabelling.relabel import relabel_all
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.diversity import add_vectors
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of
from core.store.interventions.previews import save_preview
from tests.pages.intervene.annotating import ROWS, drawn, look, page, press, said, shown
from tests.pages.making import make_run, words


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
    assert "Nothing left to undo." in words(app)


def test_the_audit_set_is_the_seeded_one_and_ends(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    drawn(app)
    app.number_input(key="annotation_seed").set_value(7)
    drawn(app)
    order = audit_set(texts, QueueOrder("audit", 90, seed=7))
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
        replacement = relabel_all(
            texts.labels, texts.labels, label_names=texts.label_names, confidence=sure
        )
        preview = RelabelPreview.of(replacement, ids=texts.ids, seen=0, encoder="e")
        save_preview(db, "relabel", texts.key, {"low": low}, to_json(preview))
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


def test_nothing_is_judged_without_a_name(app: AppTest, db: Database, run: RunRecord) -> None:
    drawn(app)
    app.text_input(key="annotator").set_value("  ")
    drawn(app)
    assert "Enter your name to judge texts." in words(app)
    assert not [button for button in app.button if "keep-" in str(button.key)]
    press(app, "annotator_user")
    name = app.text_input(key="annotator").value
    assert name.strip()
    press(app, "keep-")
    assert said(db, run)[0][0] == name


def test_the_name_in_the_address_is_whose_judgements_are_stored(
    db: Database, run: RunRecord
) -> None:
    # As after a restart of the server, when a browser reconnects with its address alone.
    app = AppTest.from_function(page, default_timeout=60)
    app.query_params["annotator"] = "Bob"
    drawn(app)
    press(app, "keep-")
    assert said(db, run)[0][0] == "Bob"


def test_a_run_without_texts(db: Database) -> None:
    make_run(db, rows=[{"text": "", "outcome": "empty"}])
    app = drawn(AppTest.from_function(page, default_timeout=60))
    assert "This run has no texts to judge yet." in words(app)


def test_undo_keeps_to_its_session_and_history_tells_the_others(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    drawn(app)
    press(app, "keep-")
    elsewhere = [Verdict(texts.ids[5], "neg")]
    add_judgements(db, run.id, elsewhere, who="Ann", why="audit", session="another tab")
    press(app, "undo-")
    assert [one.verdict for one in judgements_of(db, run.id)] == elsewhere
    press(app, "undo-")
    assert [one.verdict for one in judgements_of(db, run.id)] == elsewhere
    assert "Nothing left to undo in this session" in words(app)
    press(app, "keep-")
    look(app, "history")
    assert words(app).count("another session") == 1 + 1  # in the sentence above, and on the one
