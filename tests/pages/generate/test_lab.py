"""The knob lab with a worker that answers at once."""

from collections.abc import Mapping
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.errors import NoAnswer
from core.domain.next_token import Change, ListedToken, NextToken, Walk, WalkedToken
from core.domain.serialization import to_json
from core.store.database import Database
from core.store.tasks import save_task
from tests.pages.making import make_run, table, words

TOKENS = (
    ListedToken(5, text=" the", before=0.5, after=0.1, bias=-7.5, share=0.012),
    ListedToken(9, text=" a", before=0.3, after=0.6, bias=0.0, share=None),
)
NEXT_TOKEN = NextToken(
    change=Change(
        tokens=TOKENS,
        moved=0.4,
        suppressed_before=0.5,
        suppressed_after=0.1,
        bits_before=1.5,
        bits_after=1.25,
        possible=17,
    ),
    suppressed=1,
    prompt='Write: "',
    prompt_tokens=31,
)
WALK = Walk((WalkedToken(" the", 0.5, 0.25, 2, 0.0, ((" a", 0.6), (" the", 0.25))),), True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """The questions by kind, with the seconds that they may take."""
    questions: list[tuple[str, float]] = []

    def answer(_: Database, kind: str, question: Mapping[str, Any], *, timeout: float) -> Any:
        questions.append((kind, timeout))
        if question.get("prefix") == "busy":
            raise NoAnswer("The worker is busy.", "Wait.")
        return to_json(NEXT_TOKEN if kind == "next_token" else WALK)

    monkeypatch.setattr("pages.components.generate.lab.ask", answer)
    return questions


def test_the_next_token_and_a_walk(
    app: AppTest, db: Database, asked: list[tuple[str, float]]
) -> None:
    run, _ = make_run(db)
    app.session_state["lab"] = True
    app.session_state["task"] = f"saved-{save_task(db, run.spec.task).id}"
    app.query_params["run"] = run.id
    app.run()
    assert not app.exception
    values = {metric.label: metric.value for metric in app.metric}
    assert values["Probability moved"] == "40.0%"
    assert values["Mass of 1 suppressed tokens"] == "50.0% → 10.0%"
    assert (values["Entropy"], values["Possible tokens"]) == ("1.5 → 1.2 bits", "17")
    assert list(table(app, "share")["text"]) == ["·the", "·a"]
    app.run()
    assert asked == [("next_token", 60.0), ("next_token", 3.0)]  # first the model is loaded
    app.text_input(key="lab_prefix").set_value("busy").run()
    assert "The worker is busy. Wait." in words(app)
    app.get_by_key("lab_view").set_value("Step by step")
    app.run()
    assert not app.exception
    walked = table(app, "others")
    assert list(walked["others"][0]) == ["·a 60%", "·the 25%"]
    assert "1 token, with the prompt" in words(app)
    app.run()
    assert [kind for kind, _ in asked].count("walk") == 1  # kept while the text is the same
