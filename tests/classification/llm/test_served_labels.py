"""A served model asked for labels: what is sent, what is read, and what can't be."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from core.classification.evaluation.evaluation import evaluate
from core.classification.llm.llm import batch_calibrated
from core.classification.llm.served_labels import (
    ServedLabels,
    prompts_of,
    read_label,
    shares_of,
    signs_of,
)
from core.classification.results import NOT_PARSED, Prediction, result_of
from core.classification.settings import TrainingSpec, spec_from_dict
from core.classification.tools import StoreTools
from core.domain.connections import Connection
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import Attempt, Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.spending import SpendingLimit, SpendingLimitReached, SpendingTracker
from core.domain.tasks import Label, Task
from core.generation.servers.backend import ServedBackend
from tests.faults.misbehaving import Exchange, Misbehaving
from tests.generation.servers.fake_tokenizer import FakeTokenizer

TASK = Task(
    name="films",
    text_type="movie review",
    labels=(Label("good", "positive sentiment"), Label("bad", "negative sentiment")),
)


def backend_of(server: Misbehaving, **known: Any) -> ServedBackend:
    return ServedBackend(
        Connection(base_url=server.base_url, requests_at_once=2),
        "m",
        tokenizer=known.pop("tokens", None),
        capabilities=Capabilities(base_url=server.base_url, model="m", **known),
    )


def asked_text(exchange: Exchange) -> str:
    """The text asked about: what the last turn quotes."""
    return re.findall('"(.*)"', exchange.body["messages"][-1]["content"])[-1]


def saying(answer: Callable[[str], str], **odds: Any) -> Callable[[Exchange], None]:
    def send(exchange: Exchange) -> None:
        said = {"index": 0, "finish_reason": "stop"}
        said |= {"message": {"content": answer(asked_text(exchange))}}
        if exchange.body.get("logprobs"):
            listed = [
                {"token": token, "logprob": math.log(share)}
                for token, share in odds[asked_text(exchange)]
            ]
            said |= {"logprobs": {"content": [{"token": "A", "top_logprobs": listed}]}}
        exchange.send(200, json.dumps(exchange.answer([said])))

    return send


def test_the_prompt_letters_the_phrases_and_shows_examples_as_turns() -> None:
    (prompt,) = prompts_of(['one\n"two"'], TASK, [Example("fine", "good"), Example("poor", "bad")])
    assert [(turn.role, turn.content) for turn in prompt.messages] == [
        (
            "user",
            "Choose what describes each movie review:\nA. positive sentiment\n"
            'B. negative sentiment\nAnswer with the letter alone.\n\nMovie review: "fine"',
        ),
        ("assistant", "A"),
        ("user", 'Movie review: "poor"'),
        ("assistant", "B"),
        ("user", "Movie review: \"one 'two'\""),
    ]
    many = Task("m", "text", tuple(Label(f"l{n}", f"phrase {n}") for n in range(27)))
    assert signs_of(many)[-1] == "27"
    assert "Answer with the number alone." in prompts_of(["x"], many, [])[0].messages[0].content
    assert read_label("12", many) == 11


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        ("A", 0),
        (" B.", 1),
        ("(A)", 0),
        ("**B**", 1),
        ("Positive  sentiment.", 0),
        ("bad", 1),
        ("B. negative sentiment", 1),
        ("B) bad", 1),
        ("A. negative sentiment", None),  # it contradicts itself
        ("a", None),  # an article as like as not
        ("A or B", None),
        ("A review", None),
        ("The answer is A", None),
        ("not positive sentiment", None),
        ("C", None),
        ("", None),
    ],
)
def test_an_answer_is_read_strictly(answer: str, place: int | None) -> None:
    assert read_label(answer, TASK) == place


def test_odds_of_a_letter_are_summed_over_its_spellings() -> None:
    odds = [("A", 0.4), (" A", 0.1), ("\u2581B", 0.2), ("The", 0.2), ("b", 0.05)]
    shares = shares_of([(token, math.log(share)) for token, share in odds], ["A", "B", "C"])
    assert shares.tolist() == pytest.approx([0.5, 0.2, 0.0])


def test_the_likeliest_tokens_are_scored_and_calibrated() -> None:
    odds = {
        "one": [("A", 0.8), ("B", 0.1)],
        "two": [("A", 0.6), ("B", 0.3)],
        "three": [("Well", 0.9)],
    }
    with Misbehaving(then=saying(lambda _: "A", **odds)) as server:
        backend = backend_of(server, top_logprobs="exact", most_logprobs=5)
        model = ServedLabels(backend)
        shares = model.probabilities(["one", "two", "three"], TASK, [])
        backend.close()
        bodies = [exchange.body for exchange in server.seen]
    keys = ("logprobs", "top_logprobs", "temperature", "max_tokens")
    assert [[body[key] for key in keys] for body in bodies] == [[True, 5, 0, 1]] * 3
    # Beside 0.8 / 0.9 a 0.6 / 0.9 is the other label's, once the leaning to A is out.
    wanted = batch_calibrated(np.array([[8 / 9, 1 / 9], [6 / 9, 3 / 9]]))
    assert shares[:2] == pytest.approx(wanted)
    assert shares.argmax(axis=1)[:2].tolist() == [0, 1]
    assert shares[2].tolist() == [0, 0]
    facts = model.facts
    assert (facts["scores"], facts["calibration"]) == ("likeliest tokens", "batch")
    assert (facts["not_parsed"], facts["mass"]) == (1, pytest.approx(0.6))


def test_answers_are_read_where_there_are_no_odds() -> None:
    said = {"one": "A", "two": "Negative sentiment", "three": "I like it"}
    sent: list[Attempt] = []
    with Misbehaving(then=saying(said.__getitem__)) as server:
        backend = backend_of(server)
        tracker = SpendingTracker(SpendingLimit(requests=3), prices=backend.connection.prices)
        model = ServedLabels(backend, record=sent.append, tracker=tracker)
        shares = model.probabilities(list(said), TASK, [])
        with pytest.raises(SpendingLimitReached, match="3 requests"):
            model.probabilities(["one"], TASK, [])
        backend.close()
        bodies = [exchange.body for exchange in server.seen]
    assert shares.tolist() == [[1, 0], [0, 1], [0, 0]]
    facts = model.facts
    assert (facts["scores"], facts["calibration"]) == ("answers", "none")
    assert (facts["not_parsed"], facts["mass"]) == (1, None)
    assert len(bodies) == len(sent) == tracker.spent.requests == 3
    assert not any("logit_bias" in body or "logprobs" in body for body in bodies)


def test_a_bias_that_works_forces_a_letter() -> None:
    with Misbehaving(then=saying(lambda _: "B")) as server:
        known = {"logit_bias": "exact", "canary": Canary(verdict="exact"), "tokenizer": "fake"}
        tokens = FakeTokenizer()
        backend = backend_of(server, tokens=tokens, **known)
        model = ServedLabels(backend)
        forced = model.way_for(TASK) == "forced answers"
        shares = model.probabilities(["one"], TASK, [])
        backend.close()
        body = server.seen[0].body
    ids = [tokens.encode(sign) for sign in "AB"]
    assert forced == all(len(one) == 1 for one in ids)
    assert forced
    assert body["logit_bias"] == {str(one[0]): 100.0 for one in ids}
    assert (body["max_tokens"], shares.tolist()) == (1, [[0, 1]])


def test_what_can_not_be_read_is_shown_and_counts_as_wrong() -> None:
    names, ids, texts = ("good", "bad"), ("1", "2", "3"), ("x", "y", "z")
    test = Dataset("t", "t", names, ids, texts, ("good",) * 3, (None,) * 3)
    spec = TrainingSpec("llm", test="t", task=TASK)
    shares = np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    read = [Prediction(0, shares, (), {"scores": "answers"})]
    result = to_json(result_of(spec, None, test, read))
    assert result["label_names"] == ["good", "bad", NOT_PARSED]
    assert result["confusion"]["counts"] == [[1, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert result["accuracy"]["mean"] == pytest.approx(1 / 3)
    assert result["calibration"] is None
    assert result["warnings"] == [
        "Answers of the language model that name no label: 1. They count as wrong."
    ]
    read = [Prediction(0, shares[[0, 2, 2]], (), {"scores": "likeliest tokens"})]
    told = result_of(spec, None, test, read)
    assert told.label_names == ("good", "bad")
    assert (
        told.calibration
        == evaluate(
            test.labels,
            [["good", "bad", "bad"]],
            ("good", "bad"),
            probabilities=[shares[[0, 2, 2]]],
        ).calibration
    )


def test_a_spec_names_a_server_and_old_ones_are_as_they_were(tmp_path: Any) -> None:
    local = TrainingSpec("llm", test="t", task=TASK)
    assert "language_server" not in local.to_dict()
    served = TrainingSpec(
        "llm", test="t", task=TASK, language_model="m", language_server="http://h/v1"
    )
    read = spec_from_dict(json.loads(json.dumps(served.to_dict())))
    assert read.language_choice == served.language_choice
    choice = ModelChoice(backend="openai", model="m", base_url="http://h/v1")
    assert served.language_choice == choice
    with pytest.raises(BadInput, match="no address of http"):
        TrainingSpec("llm", test="t", task=TASK, language_server="ftp://h")
    tools = StoreTools(None, None, tmp_path)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="can't be asked for labels here"):
        tools.label_model(choice)
