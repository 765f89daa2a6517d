"""Every tab of the Explore page: what it draws, of ordinary texts, of few, and of hostile ones."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.tasks import Label, Task
from core.store.database import Database
from core.store.datasets import run_key
from core.store.generation.samples import samples_of
from tests.pages.evidence import (
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
from tests.pages.making import markup, table, words

TABS = ("Map", "Scores", "Timeline", "Why", "All metrics")
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "![image](http://127.0.0.1:9/c.png) <img src=x onerror=alert(1)>",
    "$x^2$ **bold** :red[red]",
    "=cmd()|' /C calc'!A0",
)


def figures(app: AppTest) -> list[dict[str, Any]]:
    """All figures on the page."""
    return [json.loads(element.proto.spec) for element in app.get("plotly_chart")]


def points(figure: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The ids of a map's points, each with the trace that draws it."""
    traces = [trace for trace in figure["data"] if trace.get("customdata")]
    return {one: trace for trace in traces for one in trace["customdata"]}


@pytest.mark.parametrize(
    "texts",
    [
        TEXTS,
        (("one text alone", "pos"),),
        tuple((f"text number {place}", "pos") for place in range(5)),
        (("the same again", "pos"),) * 6,
        tuple((text, label) for text in HOSTILE for label in ("pos", "neg")),
    ],
    ids=["ordinary", "one text", "one label", "row 43, all duplicates", "hostile"],
)
def test_every_tab_draws(app: AppTest, db: Database, texts: tuple[tuple[str, str], ...]) -> None:
    run, other = run_of(db, texts, name="<b>One</b> $x$"), run_of(db, name="Other *run*")
    real = reference(db, texts)
    measure_all(db, run, other, beside=real)
    explore(app)
    app.multiselect(key="explore_runs").set_value([run.id, other.id]).run()
    for mapped, tabs in ((False, ("Map", "Timeline")), (True, TABS)):
        if mapped:
            map_all(db, run, other, beside=real)
        for tab in tabs:
            explore(app, tab)
            drawn = json.dumps(figures(app))
            for mark in ("<script", "<b>", "<img"):
                assert mark not in markup(app)
                assert mark not in drawn
            for mark in ("$x", "![image]", "**bold", ":red["):
                assert mark not in markup(app)
    row = side_by_side(app)[0]
    assert row["name"] == "<b>One</b> $x$"
    if len(texts) == 1:
        assert row["remote_clique"] is None or row["remote_clique"] != row["remote_clique"]
        assert row["interval"] == ""


def test_names_of_labels_and_runs_are_text_in_figures(app: AppTest, db: Database) -> None:
    names = ("<img src=x onerror=alert(1)>", "<script>alert(2)</script>")
    task = Task("<b>T</b>", "review", tuple(Label(name, name) for name in names))
    run = run_of(
        db,
        [("one text", names[0]), ("two texts", names[1]), ("three", names[1])],
        name="<img src=y>",
        spec=spec_of(task),
    )
    measure_all(db, run)
    map_all(db, run, task=task)
    for tab in TABS:
        explore(app, tab)
        said = markup(app) + json.dumps(figures(app))
        assert "<img" not in said
        assert "<script" not in said


def test_the_map_has_every_text_by_its_id(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    (figure,) = figures(app)
    ids = [sample.id for sample in samples_of(db, run.id)]
    drawn = points(figure)
    assert sorted(drawn) == sorted(ids)
    assert {drawn[one]["name"] for one in ids[:4]} == {"pos"}
    assert {drawn[one]["name"] for one in ids[4:]} == {"neg"}
    assert "6 texts on the task's map (UMAP)." in words(app)
    app.get_by_key("explore_colour").set_value("duplicate").run()
    drawn = points(figures(app)[0])
    assert [drawn[one]["name"] for one in ids] == ["new", "near", "exact", "new", "new", "new"]
    app.slider(key="near_threshold").set_value(0.3).run()
    drawn = points(figures(app)[0])
    assert [drawn[one]["name"] for one in ids] == ["new", "near", "exact", "near", "new", "new"]


def test_without_a_map_two_axes_stand_in(app: AppTest, db: Database) -> None:
    measure_all(db, run_of(db))
    explore(app)
    assert "6 texts on their first two principal components (PCA). UMAP follows" in words(app)
    assert len(points(figures(app)[0])) == 6


def test_a_search_lists_what_it_found(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    app.text_input(key="explore_search").input("DULL").run()
    assert not app.exception
    assert "1 texts match the search." in words(app)
    assert list(table(app, "mean_distance")["text"]) == ["a dull film"]
    app.text_input(key="explore_search").input("[").run()  # words, no pattern
    assert not app.exception
    assert "0 texts match the search." in words(app)


def test_one_text_chosen_shows_its_nearest(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app)
    ids = [sample.id for sample in samples_of(db, run.id)]
    app.session_state["explore_selected"] = [ids[0]]
    explore(app)
    near = table(app, "distance")
    assert list(near["text"])[:4] == [TEXTS[place][0] for place in (0, 2, 1, 3)]
    assert list(near["distance"])[:4] == pytest.approx([0, 0, 0.091, 0.222], abs=5e-4)
    app.session_state["explore_selected"] = ids[3:5]
    explore(app)
    assert "2 texts selected" in words(app)
    chosen = table(app, "mean_distance")
    assert list(chosen["text"]) == [TEXTS[3][0], TEXTS[4][0]]
    app.button(key="clear_map").click().run()
    assert not app.exception
    assert "Draw a lasso" in words(app)


def test_the_replay_shows_what_had_arrived(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app, "Timeline")
    (slider,) = [one for one in app.slider if one.label == "Texts generated"]
    assert (slider.min, slider.max, slider.value) == (1, 6, 6)
    app.session_state["explore_tabs"] = "Timeline"
    slider.set_value(2).run()
    assert not app.exception
    assert list(table(app, "mean_distance")["text"]) == [TEXTS[1][0], TEXTS[0][0]]
    moment = figures(app)[-1]
    drawn = points(moment)
    ids = [sample.id for sample in samples_of(db, run.id)]
    assert [drawn[one]["name"] for one in ids] == ["pos", "pos", *["not yet generated"] * 4]


def test_why_ranks_texts_and_takes_the_score_apart(app: AppTest, db: Database) -> None:
    run, other = run_of(db, name="One"), run_of(db, TEXTS[3:], name="Other")
    measure_all(db, run, other)
    map_all(db, run, other)
    explore(app)
    app.multiselect(key="explore_runs").set_value([run.id, other.id]).run()
    explore(app, "Why")
    found = result_of(db, run_key(run.id))
    (parts,) = [frame.value for frame in app.dataframe if "within" in frame.value]
    assert parts["score"].tolist() == pytest.approx([found["remote_clique"]["value"]], abs=1e-6)
    assert parts["duplicates"].tolist() == pytest.approx([2 / 6])
    most, least = [f.value for f in app.dataframe if "mean_distance" in f.value]
    assert list(most["mean_distance"]) == sorted(found["texts"]["mean_distance"], reverse=True)
    assert most["text"].iloc[0] == "nothing works here"
    assert least["mean_distance"].is_monotonic_increasing
    pairs = table(app, "first")
    assert pairs["distance"].iloc[0] == pytest.approx(0.091, abs=5e-4)
    openings = table(app, "opening")
    assert openings.iloc[0].tolist() == ["a fine", pytest.approx(4 / 6)]
    app.selectbox(key="why_other").set_value("Other")
    app.session_state["explore_tabs"] = "Why"
    app.run()
    assert not app.exception
    assert "less diverse than Other" in words(app)


def test_all_measures_are_those_of_the_measurement(app: AppTest, db: Database) -> None:
    run = run_of(db)
    measure_all(db, run)
    map_all(db, run)
    explore(app, "All metrics")
    found = result_of(db, run_key(run.id))
    shown = table(app, "meaning").set_index("metric")["run-0"]
    assert shown["Remote-Clique"] == found["remote_clique"]["value"]
    assert shown["Vendi score"] == found["vendi_score"]["value"]
    app.selectbox(key="measures_of").set_value("neg")
    app.session_state["explore_tabs"] = "All metrics"
    app.run()
    shown = table(app, "meaning").set_index("metric")["run-0"]
    assert shown["Remote-Clique"] == found["remote_clique"]["per_label"]["neg"]["value"]
