"""Annotation in a table and by a lasso, agreement, history, the judging model."""

import pytest
from streamlit.testing.v1 import AppTest

from core.classification.llm.cost_estimate import asking_ahead
from core.domain.connections import Connection, Prices
from core.domain.datasets import Dataset
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelChoice
from core.jobs.queue import get_job, list_jobs
from core.store.connections import save_capabilities, save_connection
from core.store.database import Database
from core.store.datasets import load_dataset, run_key
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import Verdict, add_judgements, judgements_of, last_number
from pages.components.intervene.annotation.agreement import kappa_words
from pages.components.intervene.annotation.table import verdicts_of
from tests.pages.intervene.annotating import (
    ROWS,
    chosen_page,
    drawn,
    look,
    page,
    press,
    said,
    shown,
)
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
    assert "no two of them the same text" in words(app)
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
def test_kappa_kappa_words(kappa: float, word: str) -> None:
    assert kappa_words(kappa) == word
    assert kappa_words(None).startswith("undefined")


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
    assert "11 texts, all shown." in words(app)
    app.text_input(key="bulk_search").set_value("NUMBER 1")
    app.selectbox(key="bulk_label").set_value("neg")
    app.get_by_key("bulk_which").set_value("All")
    drawn(app)
    (table,) = [frame.value for frame in app.dataframe]
    assert list(table["text"]) == ["text number 1", "text number 11"]
    assert list(table["specified"]) == ["neg", "neg"]
    (save,) = [one for one in app.button if one.key == "bulk_save"]
    assert (save.label, save.disabled) == ("Save 0 changes", True)


def test_the_table_knows_what_was_judged_elsewhere(
    app: AppTest, db: Database, run: RunRecord
) -> None:
    look(drawn(app), "bulk")
    assert "12 texts, all shown." in words(app)
    look(app, "queue")
    press(app, "keep-")
    look(app, "bulk")
    assert "11 texts, all shown." in words(app)


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
    assert "3 texts judged “neg” by Ann." in words(app)
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
    assert "Asking embedded." in words(app)


def test_a_servers_model_is_asked_with_its_cost_and_cap_before(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    url = "http://127.0.0.1:8080/v1"
    prices = Prices(tokens_in=1000.0, tokens_out=1000.0, currency="EUR")
    save_connection(db, Connection(base_url=url, name="Lab", model="big", prices=prices))
    save_capabilities(db, Capabilities(base_url=url, model="big", usage="exact"))
    verdicts = [Verdict(key, "pos") for key in texts.ids[:3]]
    add_judgements(db, run.id, verdicts, who="Ann", why="audit")
    look(drawn(app), "agreement")
    assert "embedded labels the 3 texts" in words(app)
    app.get_by_key("judge_where").set_value(url)
    drawn(app)
    ahead = asking_ahead(
        texts.texts[:3], run.spec.task, (), found=None, prices=Prices(tokens_in=1e3, tokens_out=1e3)
    )
    assert (ahead.requests, ahead.tokens_out) == (3, 24)
    told = words(app)
    assert f"3 requests; at most {ahead.tokens_in} tokens in and 24 out, at most 0." in told
    assert "big at 127.0.0.1:8080" in told
    assert "are sent to the server" in told
    app.get_by_key("judge-cap-requests").set_value(2)
    drawn(app)
    (ask,) = [one for one in app.button if one.key == "ask_llm"]
    assert ask.disabled
    assert "does not reach for 3 texts" in words(app)
    app.get_by_key("judge-cap-requests").set_value(3)
    press(drawn(app), "ask_llm")
    (job,) = [one for one in list_jobs(db) if one.kind == "llm_judge"]
    assert job.spec["model"] == ModelChoice("openai", "big", base_url=url).to_dict()
    assert job.spec["cap"] == {"money": None, "tokens": None, "requests": 3}
    press(app, "ask_llm_stop")
    assert get_job(db, job.id).state == "cancelled"
    assert "big at 127.0.0.1:8080: Stopped." in words(app)
    press(app, "ask_llm")  # the same again: it is resumed
    assert get_job(db, job.id).state == "queued"


def test_a_judges_labels_are_taken_back_and_brought_back(
    app: AppTest, db: Database, run: RunRecord, texts: Dataset
) -> None:
    verdicts = [Verdict(key, "neg") for key in texts.ids[:3]]
    add_judgements(db, run.id, verdicts, who="llm:big at x.org", why="judge")
    add_judgements(db, run.id, verdicts[:2], who="Ann", why="audit")
    look(drawn(app), "agreement")
    assert "**llm:big at x.org** labelled 3 texts" in words(app)
    press(app, "judge_back-0")
    assert [one.who for one in judgements_of(db, run.id)] == ["Ann", "Ann"]
    assert "Retracted: 3 labels by llm:big at x.org." in words(app)
    press(app, "judge_again")
    assert [one.verdict for one in judgements_of(db, run.id) if one.why == "judge"] == verdicts
    assert last_number(db, run.id) == 3 + 2 + 3 + 3  # said, said, taken back, said again
