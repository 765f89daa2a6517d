"""The table of a run at rest: what is shown is what is downloaded."""

import io
import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.files.exports import unguarded_cell
from core.store.database import Database
from core.store.generation.samples import samples_of
from tests.pages.making import MIXED, make_run, open_run, table, words

Downloads = dict[str, Callable[[], Any]]


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Downloads:
    """What the download buttons of the last drawing would fetch, by format."""
    found: Downloads = {}
    real = st.download_button

    def noted(label: str, data: Callable[[], Any], **options: Any) -> bool:
        found[str(options["key"]).removeprefix("download-")] = data
        return real(label, data, **options)

    monkeypatch.setattr(st, "download_button", noted)
    return found


def content(data: Any) -> bytes:
    made: bytes = data().getvalue()
    return made


def exported(downloads: Downloads) -> dict[str, pd.DataFrame]:
    """The downloads read back, all values as text but in Parquet."""
    lines = content(downloads["jsonl"]).decode("utf-8").splitlines()
    return {
        "csv": pd.read_csv(
            io.BytesIO(content(downloads["csv"])),
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
        ),
        "jsonl": pd.DataFrame([json.loads(line) for line in lines]),
        "parquet": pd.read_parquet(io.BytesIO(content(downloads["parquet"]))),
    }


def choose(app: AppTest, run_id: str, what: dict[str, Any]) -> None:
    if "search" in what:
        app.text_input(key="search").set_value(what["search"])
    if "kinds" in what:
        app.get_by_key("kinds").set_value(what["kinds"])
    if "labels" in what:
        app.multiselect(key=f"labels-{run_id}").set_value(what["labels"])
    app.run()
    assert not app.exception


@pytest.mark.parametrize(
    ("chosen", "places"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"search": "FILM"}, [0, 1, 4]),
        ({"search": "film", "kinds": ["new"]}, [0, 4]),
        ({"kinds": ["duplicate", "truncated"]}, [1, 3]),
        ({"kinds": ["empty"]}, [2]),
        ({"labels": ["neg"]}, [4, 5]),
        ({"labels": ["pos", "neg"], "search": "fine"}, [0, 1]),
        ({"search": "=cmd()|'"}, [5]),  # no pattern, just what it says
    ],
)
def test_downloads_hold_exactly_what_is_shown(
    app: AppTest, db: Database, downloads: Downloads, chosen: dict[str, Any], places: list[int]
) -> None:
    run, _ = make_run(db)
    open_run(app, run)
    choose(app, run.id, chosen)
    samples = [samples_of(db, run.id)[place] for place in places]
    assert list(table(app, "note")["text"]) == [sample.text for sample in samples]
    assert f"{len(places)} of 6 rows" in words(app)
    for form, frame in exported(downloads).items():
        assert list(frame["id"]) == [sample.id for sample in samples], form
        texts = [unguarded_cell(text) for text in frame["text"]] if form == "csv" else frame["text"]
        assert list(texts) == [sample.text for sample in samples], form
        assert list(frame["label"]) == [sample.label for sample in samples], form
    assert {button.label for button in app.get("download_button")} == {"CSV", "JSONL", "Parquet"}


@pytest.mark.parametrize(
    "chosen", [{"search": "zzz"}, {"kinds": []}, {"search": "film", "kinds": ["empty"]}]
)
def test_nothing_fits(app: AppTest, db: Database, chosen: dict[str, Any]) -> None:
    run, _ = make_run(db)
    open_run(app, run)
    choose(app, run.id, chosen)
    assert "No row matches." in words(app)
    assert "0 of 6 rows" in words(app)
    assert not app.get("download_button")


def test_one_sample(app: AppTest, db: Database, downloads: Downloads) -> None:
    run, _ = make_run(db, rows=MIXED[:1])
    open_run(app, run)
    assert list(table(app, "note")["text"]) == ["a fine film"]
    assert len(exported(downloads)["jsonl"]) == 1


def test_all_duplicates(app: AppTest, db: Database) -> None:
    rows = [{"text": "the same", "duplicate_of": "first" if n else None} for n in range(30)]
    run, _ = make_run(db, rows=rows)
    open_run(app, run)
    assert list(table(app, "note")["note"]) == [""] + ["duplicate"] * 29
    assert {m.label: m.value for m in app.metric}["Duplicates"] == "29 · 97%"


def test_only_texts_set_aside(app: AppTest, db: Database) -> None:
    run, _ = make_run(db, rows=[{"text": "", "outcome": "empty"}] * 3)
    open_run(app, run)
    shown = {m.label: m.value for m in app.metric}
    assert (shown["Texts"], shown["Duplicates"], shown["Set aside"]) == ("0 / 8", "0", "3")
    assert shown["Mean length"] == "–"


def test_another_run_has_its_own_rows(app: AppTest, db: Database) -> None:
    one, _ = make_run(db, rows=[{"text": "of the first"}])
    two, _ = make_run(db, rows=[{"text": "of the second"}])
    open_run(app, one)
    assert list(table(app, "note")["text"]) == ["of the first"]
    open_run(app, two)
    assert list(table(app, "note")["text"]) == ["of the second"]


@pytest.mark.parametrize("tab", ["Balance and tokens", "Settings"])
def test_the_other_tabs(app: AppTest, db: Database, tab: str) -> None:
    run, _ = make_run(db)
    app.session_state["run_tabs"] = tab
    open_run(app, run)
    if tab == "Settings":
        knobs = next(f.value for f in app.dataframe if "default" in f.value).set_index("setting")
        assert knobs.loc["Temperature", "value"] == "0.9"
        assert knobs.loc["Temperature", "default"] == "0.7"
        assert json.loads(app.code[0].value)["id"] == run.id
    else:
        assert len(app.get("plotly_chart")) == 1
        assert "Suppression is off for this run." in words(app)
