"""The diversity meter of a run: the score of its texts, the run before, and what goes wrong."""

import json
from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import LiveClique
from core.domain.progress import DiversityProgress
from core.domain.runs import RunSpec
from core.domain.tasks import Label, Task
from core.jobs.queue import State
from core.store.database import Database
from core.store.generation.runs import RunRecord
from pages.components.generate.progress import visible
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders, nothing
from tests.pages.evidence import TEXTS, spec_of
from tests.pages.making import make_run, markup, open_run, words

OTHER = Task("Poems", "poem", (Label("pos", "joy"), Label("neg", "grief")))


def diversity(db: Database, texts: Sequence[str], encoders: FakeEncoders) -> DiversityProgress:
    """What a run of these texts reports."""
    live = LiveClique(db, encoders, EncoderChoice())
    live.add(texts)
    live.catch_up(between=nothing, at_once=True)
    return live.progress()


def run_with(
    db: Database,
    told: DiversityProgress | None,
    *,
    state: State = "done",
    name: str = "This",
    spec: RunSpec | None = None,
) -> RunRecord:
    rows = [{"text": text, "label": label} for text, label in TEXTS]
    return make_run(db, state, name=name, rows=rows, diversity=told, spec=spec)[0]


def meter(app: AppTest, run: RunRecord) -> str:
    """The page of a run with its meter on view; all it says."""
    app.session_state["run_tabs"] = "Balance and tokens"
    open_run(app, run)
    return words(app)


def curves(app: AppTest) -> dict[str, list[float]]:
    """The lines of the meter by name."""
    (figure,) = [
        json.loads(one.proto.spec) for one in app.get("plotly_chart") if "meter" in one.proto.id
    ]
    return {
        line["name"]: line["y"]
        for line in figure["data"]
        if "hovertemplate" in line and line.get("name")
    }


@pytest.mark.parametrize("state", ["running", "done", "interrupted"])
def test_the_score_with_its_interval_and_fluency(app: AppTest, db: Database, state: State) -> None:
    told = diversity(db, [text for text, _ in TEXTS], FakeEncoders())
    said = meter(app, run_with(db, told, state=state))
    assert f"### {told.value:.3f}" in said
    assert f"{told.low:.3f} to {told.high:.3f}" in said
    assert "· fluency -1.5 ± 0.0" in said
    assert "6 texts · fake · cosine distance" in said
    assert "Grey:" not in said
    assert "gibberish" not in said
    assert curves(app)["This"] == pytest.approx([row[1] for row in told.curve])


def test_the_run_before_lies_behind(app: AppTest, db: Database) -> None:
    before = diversity(db, [text for text, _ in TEXTS[2:]], FakeEncoders())
    run_with(db, before, name="Older *run*")
    run_with(db, before, name="Of another task", spec=spec_of(OTHER))
    told = diversity(db, [text for text, _ in TEXTS], FakeEncoders())
    said = meter(app, run_with(db, told, state="running"))
    assert "Grey: Older *run*. 6 texts" in said
    assert "*run*" not in markup(app)
    shown = curves(app)
    assert shown["Older *run*"] == pytest.approx([row[1] for row in before.curve])
    assert "Of another task" not in shown


def test_before_the_second_text(app: AppTest, db: Database) -> None:
    told = diversity(db, ["one alone"], FakeEncoders())
    assert told.value is None
    assert "Available after two texts." in meter(app, run_with(db, told, state="running"))


@pytest.mark.parametrize("state", ["queued", "running"])
def test_before_anything_was_reported(app: AppTest, db: Database, state: State) -> None:
    assert "Available after two texts." in meter(app, run_with(db, None, state=state))


def test_an_encoder_that_cannot_be_had_is_told(app: AppTest, db: Database) -> None:
    failing = FakeEncoders(FakeEncoder(), problem="There is no <b>encoder</b>.")
    told = diversity(db, ["a", "b"], failing)
    said = meter(app, run_with(db, told, state="running"))
    assert "There is no <b>encoder</b>." in said
    assert "<b>" not in markup(app)
    assert "Available after" not in said


def test_gibberish_is_not_praised(app: AppTest, db: Database) -> None:
    told = diversity(db, [text for text, _ in TEXTS], FakeEncoders())
    run = run_with(db, told)
    with db.write() as connection:
        connection.execute(
            "UPDATE jobs SET progress = json_set(progress, '$.fluency', -5.2) WHERE run_id = ?",
            (run.id,),
        )
    assert "fluency -5.2" in meter(app, run)
    assert "much of this may be gibberish" in words(app)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" to", "␣to"),
        ("\n\t", "↵⇥"),
        (",", ","),
        # Parts of characters look alike, so their numbers tell them apart.
        ("\ufffd", "\ufffd #7"),
        ("\ufffd\ufffd", "\ufffd\ufffd #7"),
        (" \ufffd", "␣\ufffd #7"),
    ],
)
def test_a_token_shows_what_it_is(text: str, shown: str) -> None:
    assert visible(text, 7) == shown
