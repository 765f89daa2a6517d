"""The Texts tab: any two points side by side, drawn alike, with what is known of their labels."""

from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from core.analysis.frames.results import points_frame, results_frame, stored_results
from core.domain.runs import Sample
from core.domain.serialization import to_json
from core.interventions.previews import JudgeRequest, OracleOpinion, OracleQuality
from core.interventions.relabelling.label_accuracy import Share
from core.store.database import Database
from core.store.generation.samples import add_samples, samples_of
from core.store.interventions.previews import save_preview
from core.store.interventions.versions import VersionRow, derive, raw_version
from core.store.sweeps import SweepRecord, trials_of
from core.sweeps.assessment.recipe import Recipe
from pages.components.compare.texts import drawn
from tests.pages.evidence import reference
from tests.pages.making import words
from tests.pages.swept import open_compare, sweep_of
from tests.store.making import make_sample

PLAIN = ((0.3, 0.0, 0), (1.3, 7.5, 0))


def tables(app: AppTest) -> list[pd.DataFrame]:
    return [frame.value for frame in app.dataframe if "text" in frame.value]


def point_of(db: Database, sweep: SweepRecord, **wanted: Any) -> str:
    points = points_frame(results_frame(stored_results(db, sweep_ids=[sweep.id])))
    for column, value in wanted.items():
        points = points[points[column] == value]
    return str(points["point"].iloc[0])


def test_at_first_the_least_and_the_most_diverse(app: AppTest, db: Database) -> None:
    recipe = Recipe(reference=None)
    sweep = sweep_of(db, conditions=[(0.7, 0.0, 0), *PLAIN], recipe=recipe, texts=6)
    open_compare(app, "Texts")
    left, right = tables(app)
    assert list(left["text"]) == [f"text {number} of run 1" for number in range(6)]
    assert list(right["text"]) == [f"text {number} of run 2" for number in range(6)]
    assert list(left["label"]) == [["pos"], ["neg"]] * 3
    assert set(left.columns) == {"text", "label"}
    assert "As generated: diversity 0.115" in words(app).replace("**", "")
    assert "label accuracy 96.0%" in words(app).replace("**", "")
    links = [link.proto.query_string for link in app.get("page_link")]
    runs = [trial.run.id for trial in trials_of(db, sweep.id)]
    assert [f"run={run}" in link for run, link in zip(runs[1:], links, strict=True)] == [True] * 2


def test_points_chosen_elsewhere_and_here(app: AppTest, db: Database) -> None:
    sweep = sweep_of(db, conditions=[(0.7, 0.0, 0), *PLAIN], recipe=Recipe(reference=None))
    repaired = point_of(db, sweep, temperature=1.3, inspected="180")
    app.session_state["compare_points"] = [repaired, "gone"]
    open_compare(app, "Texts")
    left, right = tables(app)
    assert left["text"][0] == "text 0 of run 2"
    assert right["text"][0] == "text 0 of run 2"  # the most diverse: the same condition's
    assert "LR with 180 inspected texts: diversity" in words(app)
    app.selectbox(key="compare_texts_right").select_index(0).run()
    assert tables(app)[1]["text"][0] == "text 0 of run 1"
    raw = point_of(db, sweep, temperature=0.3, inspected="0")
    assert app.session_state["compare_points"] == [repaired, raw]
    app.button(key="compare_texts_swap").click().run()
    assert [table["text"][0] for table in tables(app)] == ["text 0 of run 1", "text 0 of run 2"]
    assert not app.exception


def test_a_label_and_other_texts(app: AppTest, db: Database) -> None:
    sweep_of(db, conditions=PLAIN, recipe=Recipe(reference=None), texts=60)
    open_compare(app, "Texts")
    first = [list(table["text"]) for table in tables(app)]
    assert [len(texts) for texts in first] == [10, 10]
    # The same rows on both sides.
    assert [t.split(" of ")[0] for t in first[0]] == [t.split(" of ")[0] for t in first[1]]
    app.button(key="compare_texts_other").click().run()
    assert [list(table["text"]) for table in tables(app)] != first
    app.selectbox(key="compare_texts_label").select("neg").run()
    assert {row[0] for table in tables(app) for row in table["label"]} == {"neg"}
    assert "10 of 30 texts" in words(app)


def test_what_is_known_of_the_labels(app: AppTest, db: Database) -> None:
    real = reference(db, [("real", "pos"), ("other", "neg")])
    recipe = Recipe(reference=real.id)
    sweep = sweep_of(db, conditions=PLAIN, recipe=recipe, texts=4)
    first, second = (trial.run.id for trial in trials_of(db, sweep.id))
    own = [sample.id for sample in samples_of(db, first)]
    again = make_sample(first, 4, text="TEXT 0 of  run 0", label="pos", duplicate_of=own[0])
    shared = make_sample(second, 4, text="text 1 of run 0", label="neg")
    add_samples(db, [again, shared])
    own = [*own, again.id]
    rows = [VersionRow(one, "neg", kept=place != 2) for place, one in enumerate(own)]
    raw = raw_version(db, first).id
    derive(db, raw, "lr", rows, who="me", name="Replaced", spec={}, facts={})
    request = JudgeRequest(n=5, encoder=recipe.encoder, reference=real.id)
    opinion = OracleOpinion(
        ids=tuple(own),
        labels=("pos", "neg", "pos", "neg", "pos"),
        confidence=(1.0,) * 5,
        oracle=OracleQuality(accuracy=Share(0, 0, None), measured_on="nothing"),
        encoder="e",
    )
    save_preview(db, "judge", f"run:{first}", request, to_json(opinion))
    open_compare(app, "Texts")
    left, right = tables(app)
    assert list(left["now"]) == [["neg"]] * 5
    assert list(left["oracle"]) == [["pos"], ["neg"], ["pos"], ["neg"], ["pos"]]
    assert list(left["note"]) == ["", "in both", "removed", "", "repeat"]
    assert list(right["note"]) == ["", "", "", "", "in both"]
    assert "now" not in right
    assert not app.exception


def test_one_of_the_repeats(app: AppTest, db: Database) -> None:
    sweep_of(db, conditions=PLAIN, recipe=Recipe(reference=None), repeats=2)
    open_compare(app, "Texts")
    assert tables(app)[0]["text"][0] == "text 0 of run 0"
    repeat = next(box for box in app.selectbox if box.label == "Repeat")
    assert repeat.options == ["1", "2"]
    repeat.select_index(1).run()
    assert tables(app)[0]["text"][0] == "text 0 of run 1"


def test_hostile_texts_stay_texts(app: AppTest, db: Database) -> None:
    sweep = sweep_of(db, conditions=PLAIN, recipe=Recipe(reference=None), texts=1)
    hostile = "![x](http://127.0.0.1:1/x.png) <script>alert(1)</script> $x$"
    run = trials_of(db, sweep.id)[0].run.id
    made: Sample = make_sample(run, 1, text=hostile, label="pos")
    add_samples(db, [made])
    open_compare(app, "Texts")
    assert hostile in list(tables(app)[0]["text"])
    assert "script" not in words(app)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_drawn(seed: int) -> None:
    texts = pd.DataFrame({"label": ["a", "b"] * 50, "place": range(100)})
    shown, of = drawn(texts, label="a", count=10, seed=seed)
    assert (len(shown), of) == (10, 50)
    assert set(shown["label"]) == {"a"}
    assert list(shown["place"]) == sorted(set(shown["place"]))
    again, _ = drawn(texts, label="a", count=10, seed=seed)
    other, _ = drawn(texts, label="a", count=10, seed=seed + 1)
    assert list(again["place"]) == list(shown["place"]) != list(other["place"])
    assert drawn(texts, label="c", count=10, seed=seed)[1] == 0
    assert list(drawn(texts, label=None, count=200, seed=seed)[0]["place"]) == list(range(100))
