"""The Compare page: frontier, paper, knobs and table of made-up sweeps."""

import csv
import io
import json
from dataclasses import replace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.frames.paper import paper_conditions
from core.analysis.frames.results import points_frame, results_frame, stored_results
from core.domain.tasks import preset
from core.store.database import Database
from core.store.generation.runs import create_run
from core.store.generation.samples import add_samples
from core.store.sweeps import SweepRecord, list_sweeps
from pages.components.compare.comparison import Choice, Comparison, basis, names_of, stages_of
from pages.components.compare.frontier import at_place
from pages.components.compare.knobs import cell_of
from pages.components.compare.paper import nearest_to_paper
from pages.components.compare.point import CONDITION, PAIR, STAGE, clicked_mark
from pages.components.compare.table import json_of, sheet_of, table_of
from tests.pages.evidence import run_of
from tests.pages.making import markup, table, words
from tests.pages.swept import CONDITIONS, open_compare, spec_of, sweep_of, values_of
from tests.store.making import TASK, make_sample

HOSTILE = "=cmd() ![x](http://evil.example/a.png) <script>alert(1)</script> $x$"
SST2 = preset("sst2")


def points_of(db: Database, *sweeps: SweepRecord) -> pd.DataFrame:
    ids = [one.id for one in sweeps] or None
    return points_frame(results_frame(stored_results(db, sweep_ids=ids)))


def chosen(app: AppTest, points: pd.DataFrame, temperature: float, strength: float) -> str:
    """Choose a condition by the list; its key."""
    rows = points[(points["temperature"] == temperature) & (points["suppression"] == strength)]
    key = str(rows["condition"].iloc[0])
    app.selectbox(key=CONDITION).set_value(key)
    app.run()
    assert not app.exception
    return key


def links(app: AppTest) -> list[tuple[str, str]]:
    """Label and query of each link that leads to a run."""
    protos = [link.proto for link in app.get("page_link")]
    return [(one.label, one.query_string) for one in protos if one.query_string]


def test_without_any_text_it_leads_home(app: AppTest, db: Database) -> None:
    open_compare(app)
    assert "There is nothing to compare yet." in words(app)
    assert not app.get("plotly_chart")


def test_without_a_sweep_there_is_no_figure(app: AppTest, db: Database) -> None:
    run_of(db)
    open_compare(app)
    assert not app.get("plotly_chart")


def test_frontier_names_size_encoder_and_what_is_chosen(app: AppTest, db: Database) -> None:
    sweep_of(db, repeats=2)
    open_compare(app)
    said = words(app)
    assert "8 conditions, 2 runs each, n = 200 texts per run." in said
    assert "by MiniLM, mean pooling, cosine distance" in said
    assert "of a linear probe" in said
    assert not links(app)
    points = points_of(db)
    chosen(app, points, 1.3, 7.5)
    numbers = table(app, "measure")
    # The mean of two repeats that lie 0.004 apart.
    wanted = values_of((1.3, 7.5, 0))
    assert list(numbers["value"]) == [
        f"{wanted['diversity'] + 0.002:.3f}",
        f"{wanted['similarity'] + 0.002:.3f}",
        f"{100 * wanted['label_accuracy'] + 0.2:.1f}%",
        f"{100 * wanted['model_accuracy'] + 0.2:.1f}%",
    ]
    assert "change" not in numbers  # as generated nothing has changed
    assert list(table(app, "seed")["seed"]) == [0, 1]
    assert [label for label, _ in links(app)] == ["Open run", "Explore", "Intervene"]


def test_links_lead_to_the_run_that_is_chosen(app: AppTest, db: Database) -> None:
    sweep = sweep_of(db, repeats=2)
    open_compare(app)
    chosen(app, points_of(db), 0.3, 0.0)
    results = results_frame(stored_results(db, sweep_ids=[sweep.id]))
    own = results[(results["temperature"] == 0.3) & (results["suppression"] == 0)]
    first, second = dict.fromkeys(own["run_id"])
    assert [query for _, query in links(app)] == [f"run={first}"] * 3
    app.selectbox(key="compare_run").set_value(second)
    app.run()
    assert [query for _, query in links(app)] == [f"run={second}"] * 3


def test_a_repair_tells_what_it_changed(app: AppTest, db: Database) -> None:
    sweep_of(db)
    open_compare(app)
    chosen(app, points_of(db), 1.3, 7.5)
    app.selectbox(key=STAGE).set_value("all")
    app.run()
    raw, repaired = values_of((1.3, 7.5, 0)), values_of((1.3, 7.5, 0), "all")
    gain = repaired["label_accuracy"] - raw["label_accuracy"]
    change = table(app, "measure").set_index("measure")["change"]
    assert change["Label accuracy"] == f"+{100 * gain:.1f} points"
    assert change["Diversity"] == "+0.000"


def test_two_points_are_remembered_and_their_texts_opened(app: AppTest, db: Database) -> None:
    sweep_of(db)
    open_compare(app)
    points = points_of(db)
    first = chosen(app, points, 0.3, 0.0)
    app.button(key="compare_first").click()
    app.run()
    assert app.session_state[PAIR] == [f"{first}-0"]
    second = chosen(app, points, 0.9, 7.5)
    app.button(key="compare_second").click()
    app.run()
    assert not app.exception
    assert app.session_state[PAIR] == [f"{first}-0", f"{second}-0"]
    assert app.session_state["compare_tabs"] == "Texts"


def test_advice_that_nothing_reaches_says_what_comes_nearest(app: AppTest, db: Database) -> None:
    sweep_of(db)
    open_compare(app)
    assert len(app.success) == 1
    app.number_input(key="advice_model_accuracy").set_value(99.0)
    app.number_input(key="advice_inspected").set_value(180)
    app.run()
    assert not app.success
    (warning,) = app.warning
    assert "Nothing reaches the target" in warning.value
    # Of those that 180 inspected texts allow, the widest gains most.
    best = max(
        values_of(knobs, budget)["model_accuracy"]
        for knobs in CONDITIONS
        for budget in ("0", "90", "180")
    )
    assert f"it lacks {99 - 100 * best:.1f} points of model accuracy" in words(app)
    app.button(key="advice_show").click()
    app.run()
    assert app.session_state[STAGE] == "180"


def test_unlike_points_are_never_on_one_axis_unsaid(app: AppTest, db: Database) -> None:
    one = sweep_of(db)
    two = sweep_of(db, n=400, encoder="BERT, cls", name="Another")
    for tab in ("Frontier", "The paper", "Knobs", "Table"):
        open_compare(app, tab)
        assert not app.warning
        app.session_state[f"compare_sweeps-{TASK.key}"] = [one.id, two.id]
        app.run()
        assert not app.exception
        said = words(app)
        assert "2 encoders (BERT, cls; MiniLM, mean pooling)" in said
        assert "from 200 to 400 texts" in said
        app.session_state[f"compare_sweeps-{TASK.key}"] = [one.id]


def test_advice_is_of_points_that_were_measured_alike(app: AppTest, db: Database) -> None:
    one = sweep_of(db)
    two = sweep_of(db, conditions=CONDITIONS[:2], encoder="BERT, cls", name="Another")
    open_compare(app)
    app.session_state[f"compare_sweeps-{TASK.key}"] = [one.id, two.id]
    app.run()
    assert app.selectbox(key="advice_way").value == "MiniLM, mean pooling, linear probe"
    assert " of 32 points " in words(app)
    app.selectbox(key="advice_way").set_value("BERT, cls, linear probe")
    app.run()
    assert " of 8 points " in words(app)


def test_a_study_of_two_tasks_shows_one_or_all(app: AppTest, db: Database) -> None:
    sweep_of(db, task=SST2, study="both", shift=-0.02)
    sweep_of(db, study="both")
    open_compare(app)
    app.selectbox(key="compare_task").set_value(TASK.key)
    app.run()
    app.toggle(key="compare_study").set_value(True)
    app.run()
    assert not app.exception
    part = app.selectbox(key="compare_part")
    assert part.value == TASK.key
    assert part.options == ["Reviews", "SST-2 sentiment", "All tasks"]
    assert "8 conditions" in words(app)
    part.set_value("all")
    app.run()
    assert "16 conditions" in words(app)
    assert "No rings" in words(app)
    assert app.selectbox(key="compare_colour-tasks").value == "task"
    assert "A recommendation is for one task" in words(app)
    for tab in ("The paper", "Knobs", "Table"):
        app.session_state["compare_tabs"] = tab
        app.run()
        assert not app.exception
        assert "16 conditions" in words(app)


def test_a_task_of_its_own_is_set_against_the_mean_of_eight(app: AppTest, db: Database) -> None:
    sweep_of(db)
    open_compare(app, "The paper")
    assert "Reviews is not among the paper's eight tasks" in words(app)
    assert "Read off the paper's figures" in words(app)
    average = paper_conditions("average")
    rows = table(app, "model_accuracy_paper")
    wanted = average[(average["temperature"] == 0.3) & (average["seeding"] == 0)]
    wanted = wanted[wanted["suppression"] == 0]["model_accuracy"].iloc[0]
    assert rows["model_accuracy_paper"].iloc[0] == pytest.approx(100 * wanted)
    assert len(app.get("plotly_chart")) == 2


def test_a_task_of_the_papers_is_set_against_its_own(app: AppTest, db: Database) -> None:
    sweep_of(db, task=SST2, conditions=[(0.7, 7.5, 18)], budgets=("0",))
    open_compare(app, "The paper")
    assert "not among the paper's eight" not in words(app)
    own = paper_conditions("SST2")
    wanted = own[(own["temperature"] == 0.7) & (own["suppression"] > 0) & (own["seeding"] > 0)]
    rows = table(app, "diversity_paper")
    assert rows["diversity_paper"].tolist() == pytest.approx(wanted["diversity"].tolist())
    # Without the corner there is nothing to change against.
    assert app.get("button_group")[0].value == "Values"
    assert len(app.get("plotly_chart")) == 1  # nothing was repaired


def test_hostile_names_are_shown_as_text(app: AppTest, db: Database) -> None:
    sweep_of(
        db,
        conditions=CONDITIONS[:2],
        names=[HOSTILE],
        name=HOSTILE,
        model="![m](http://evil.example/m.png)",
        encoder="<b>e</b> ![e](http://evil.example/e.png)",
    )
    for tab in ("Frontier", "The paper", "Knobs", "Table"):
        open_compare(app, tab)
        chosen(app, points_of(db), 0.3, 0.0)
        told = markup(app)
        assert "![" not in told
        assert "<script" not in told
        assert "<b>" not in told
    assert HOSTILE in words(app)


def test_the_table_shows_what_differs_and_all_on_request(app: AppTest, db: Database) -> None:
    sweep_of(db, filtered=True)
    open_compare(app, "Table")
    shown = table(app, "repair")
    assert len(shown) == 8 * 8
    assert list(shown)[:3] == ["temperature", "suppression", "repair"]
    assert shown["repair"].iloc[1] == "OOSF"
    app.multiselect(key="table_stages").set_value(["0"])
    app.toggle(key="table_parameters").set_value(True)
    app.run()
    shown = table(app, "repair")
    assert shown["repair"].unique().tolist() == ["None"]
    assert {"min_p", "model", "encoder", "classifier", "task"} < set(shown)
    raw = [values_of(knobs)["label_accuracy"] for knobs in CONDITIONS]
    assert shown["label_accuracy"].tolist() == pytest.approx([100 * one for one in raw])


def test_downloads_are_safe_and_whole(db: Database) -> None:
    sweep_of(db, conditions=CONDITIONS[:2], names=[HOSTILE], metrics=("diversity",))
    results = results_frame(stored_results(db))
    points = points_frame(results)
    rows = list(csv.DictReader(io.StringIO(sheet_of(results).getvalue().decode("utf-8-sig"))))
    assert len(rows) == 8
    assert rows[0]["run_name"] == "'" + HOSTILE
    assert rows[0]["model_accuracy"] == ""
    assert float(rows[0]["diversity"]) == results["diversity"].iloc[0]
    sweeps = tuple(list_sweeps(db))
    choice = Choice(TASK, (), sweeps, sweeps, "diversity", "label_accuracy", "")
    seen = Comparison(choice, results, points, ("Unlike.",), frozenset(), ())
    told = json.loads(json_of(seen).getvalue())
    assert told["notes"] == ["Unlike."]
    assert [row["point"] for row in told["points"]] == points["point"].tolist()
    assert told["results"][0]["run_name"] == HOSTILE
    assert told["results"][0]["model_accuracy"] is None
    assert told["sweeps"][0]["grid"]["recipe"]["classifier"] == "probe"


def test_a_click_tells_a_key_or_none() -> None:
    for data, key in (("a", "a"), (["a"], "a"), (None, ""), ([], "")):
        assert clicked_mark({"customdata": data}).key == key
    assert clicked_mark({}).key == ""


def test_a_click_on_an_arrows_start_is_meant_for_the_mark(db: Database) -> None:
    sweep_of(db)
    points = points_of(db)
    row = points[points["inspected"] == "0"].iloc[3]
    place = {"x": row["diversity"], "y": row["label_accuracy"]}
    assert at_place(points, "diversity", "label_accuracy", clicked_mark(place)) == row["point"]
    assert at_place(points, "diversity", "label_accuracy", clicked_mark({"x": 0.5, "y": 0.5})) == ""


def test_a_cell_of_several_conditions_knows_them(db: Database) -> None:
    seeds = [(0.3, 0.0, 0), (0.3, 0.0, 18), (0.7, 0.0, 0), (0.7, 7.5, 0), (0.7, 7.5, 18)]
    sweep_of(db, conditions=seeds, budgets=("0",))
    points = points_of(db)
    axes = ("temperature", "suppression")

    def found(facet: str | None, **place: int) -> list[tuple[float, float, float]]:
        rows = cell_of(points, "diversity", (*axes, facet), clicked_mark(place))
        return list(rows[[*axes, "seeding"]].itertuples(index=False, name=None))

    assert found(None, x=0, y=0, curve_number=1) == [(0.3, 0, 0), (0.3, 0, 18)]
    assert found(None, x=1, y=1, curve_number=1) == [(0.7, 7.5, 0), (0.7, 7.5, 18)]
    assert found("seeding", x=1, y=1, curve_number=3) == [(0.7, 7.5, 18)]


def test_conditions_are_told_apart(db: Database) -> None:
    one = sweep_of(db, conditions=CONDITIONS[:1])
    two = sweep_of(db, conditions=CONDITIONS[:1], encoder="BERT, cls")
    alone = names_of(points_of(db, one))
    assert list(alone.values()) == ["T 0.3"]
    both = names_of(points_of(db, one, two))
    assert list(both.values()) == [
        "T 0.3 · MiniLM, mean pooling",
        "T 0.3 · BERT, cls",
    ]


def test_of_a_large_grid_those_nearest_to_the_paper_are_shown(app: AppTest, db: Database) -> None:
    strengths, seeds = (0.0, 2.0, 7.0, 10.0), (0, 6, 16)
    grid = [(0.7, strength, number) for strength in strengths for number in seeds]
    sweep_of(db, conditions=grid, budgets=("0",))
    near = nearest_to_paper(points_of(db))[["suppression", "seeding"]]
    assert near.to_numpy().tolist() == [[0, 0], [0, 16], [7, 0], [7, 16]]
    open_compare(app, "The paper")
    assert "only those nearest to the paper's" in words(app)
    assert "Ours: 4 conditions" in words(app)
    app.toggle(key="paper_all").set_value(True)
    app.run()
    assert "Ours: 12 conditions" in words(app)


def test_stages_begin_with_none_and_end_with_all(db: Database) -> None:
    sweep_of(db, conditions=CONDITIONS[:1], budgets=("all", "180", "0", "90"), filtered=True)
    assert list(stages_of(points_of(db))) == [
        "0",
        "90",
        "180",
        "all",
        "0-filtered",
        "90-filtered",
        "180-filtered",
        "all-filtered",
    ]


def test_the_basis_counts_what_there_is(db: Database) -> None:
    one = sweep_of(db, conditions=CONDITIONS[:1], metrics=("diversity",), classifier="none")
    said = basis(points_of(db, one)).replace("\\", "")
    assert said == (
        "1 condition, 1 run each, n = 200 texts per run. Diversity and similarity by MiniLM, mean "
        "pooling, cosine distance."
    )
    two = sweep_of(db, conditions=CONDITIONS[1:2], n=300, repeats=2)
    said = basis(points_of(db, one, two)).replace("\\", "")
    assert said.startswith("2 conditions, 1 to 2 runs each, n = 200 to 300 texts per run.")


def test_a_row_of_the_table_has_its_interval_in_words(db: Database) -> None:
    sweep_of(db, conditions=[(0.7, 7.5, 0)], budgets=("0", "90"))
    points = points_of(db)
    points.loc[1, "diversity_low"] = float("nan")
    frame = table_of(points, columns=[], metrics=["diversity"])
    value = values_of((0.7, 7.5, 0))["diversity"]
    assert frame["diversity_interval"].tolist() == [f"{value - 0.02:.3f} to {value + 0.02:.3f}", ""]
    assert frame["repair"].tolist() == ["None", "LR with 90 inspected texts"]
    assert frame[["n", "repeats"]].to_numpy().tolist() == [[200, 1], [200, 1]]


def test_a_project_with_a_sweep_is_what_it_begins_with(app: AppTest, db: Database) -> None:
    sweep_of(db, name="Swept")
    other = replace(TASK, name="Newer", text_type="tweet")
    run = create_run(db, replace(spec_of((0.3, 0.0, 0)), task=other, seed_examples=()))
    add_samples(db, [make_sample(run.id, 0)])
    open_compare(app)
    assert not app.exception
    assert app.selectbox(key="compare_task").value == TASK.key
