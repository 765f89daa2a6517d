"""Fault 53: a server that streams unasked, appends data, sends no finish reason, answers with
reasoning, a refusal or a tool call only, or wraps its texts: read, and counted by reason."""

import json
from dataclasses import replace

import pytest

from core.domain.registries.finish_reasons import SetAside, set_aside_words
from core.domain.runs import other_models_words
from core.domain.settings import Home
from core.store.database import Database
from core.store.generation.rounds import other_models
from core.store.generation.runs import set_metadata
from core.store.generation.samples import set_aside, stripped_counts
from tests.faults.misbehaving import (
    Exchange,
    Misbehaving,
    Order,
    choices,
    marked,
    streamed,
    well,
)
from tests.faults.serving import Runs, texts

ONE = {"per_label": 1, "size": 1, "targets": [("neg", 0)], "prompt": "chat"}


def appended(exchange: Exchange) -> None:
    told = json.dumps(exchange.answer(exchange.choices()))
    exchange.send(200, f"{told}\n\ndata: [DONE]\n\n", kind="text/event-stream")


@pytest.mark.parametrize(
    ("order", "text"),
    [
        (streamed("a good ", "text"), "a good text"),
        (appended, "text 0 0"),
        (marked(finish_reason=None), "text 0 0"),
    ],
    ids=["stream", "appended", "no finish reason"],
)
def test_it_is_a_whole_text(home: Home, real_db: Database, order: Order, text: str) -> None:
    with Misbehaving([order]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
        assert server.seen[0].body["stream"] is False
    assert (texts(ended.samples), ended.outcomes) == ([text], ["ok"])
    assert ended.samples[0].outcome == "usable"


def instead(finish: str, **message: object) -> Order:
    return choices([{"index": 0, "finish_reason": finish, "message": {"content": None, **message}}])


NOTHING = {
    "refusal": instead("stop", refusal="I can't help with that."),
    "reasoning": instead("length", reasoning_content="Let me think."),
    "tool_calls": instead("tool_calls", tool_calls=[{"id": "c", "type": "function"}]),
    "content_filter": instead("content_filter"),
    "no_choices": choices([]),
}


def test_what_is_no_text_is_told_apart_by_reason_and_label(home: Home, real_db: Database) -> None:
    orders = [*NOTHING.values(), instead("stop", content="I'm sorry, but I can't write that.")]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**{**ONE, "per_label": 4})
    run_id = str(ended.job.run_id)
    assert ended.job.state == "done"
    assert {sample.outcome for sample in ended.samples[:6]} == {"empty"}
    # The refusal in words keeps its words.
    assert ended.samples[5].text == "I'm sorry, but I can't write that."
    found = set_aside(real_db, run_id)
    assert found[0] == SetAside("pos", "refusal", 2)
    assert {row.reason: row.count for row in found} == {**dict.fromkeys(NOTHING, 1), "refusal": 2}
    assert set_aside_words(found).startswith("2 refused by the model (2 pos), ")


def test_a_run_without_a_usable_text_has_failed(home: Home, real_db: Database) -> None:
    with Misbehaving(then=NOTHING["refusal"]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
        again = runs.resume(ended.job)
        assert len(server.seen) == len(ended.samples) == 4
    for job in (ended.job, again.job):
        assert job.state == "failed"
        assert job.message == (
            "None of the 4 answers is a usable text: 4 refused by the model (4 pos)."
        )
        assert job.remedy.endswith("start a new run.")


def test_twenty_answers_without_a_text_are_enough(home: Home, real_db: Database) -> None:
    with Misbehaving(then=NOTHING["reasoning"]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**{**ONE, "per_label": 50, "size": 5})
        assert len(server.seen) == 20  # of 155 that a label may be asked for
    assert ended.job.state == "failed"


WRAPPED = instead("stop", content='Sure! Here is a note:\n\n"Warm bread."<|im_end|>')


def test_wrappings_are_taken_off_and_counted(home: Home, real_db: Database) -> None:
    with Misbehaving([WRAPPED]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**ONE)
    (sample,) = ended.samples
    assert (sample.text, sample.stripped) == ("Warm bread.", "end mark, preamble")
    assert stripped_counts(real_db, sample.run_id) == {"end mark": 1, "preamble": 1}


def test_a_run_begun_before_the_rule_goes_on_without_it(home: Home, real_db: Database) -> None:
    with Misbehaving([well, NOTHING["refusal"]]) as server, Runs(home, real_db, server) as runs:
        server.order(well, *[lambda exchange: exchange.send(401, "{}")])
        ended = runs.run(**{**ONE, "per_label": 2})
        assert ended.job.state == "failed"
        before = runs.backend.for_run(runs.spec(**ONE)).metadata
        set_metadata(real_db, str(ended.job.run_id), replace(before, unwraps=None))
        server.order(WRAPPED)
        resumed = runs.resume(ended.job)
    assert resumed.samples[1].text.startswith("Sure! Here is a note:")
    assert resumed.samples[1].stripped == ""


def answered_by(model: object) -> Order:
    return lambda exchange: exchange.send(
        200, json.dumps(exchange.answer(exchange.choices(), model=model))
    )


def test_an_answer_of_another_model_is_on_record(home: Home, real_db: Database) -> None:
    orders = [answered_by(name) for name in ("m", "m:latest", "other/m", None, 3, "")]
    with Misbehaving(orders) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(**{**ONE, "per_label": 6})
    assert [attempt.other_model for attempt in ended.attempts] == ["", "", "other/m", "", "", ""]
    found = other_models(real_db, str(ended.job.run_id))
    assert other_models_words("m", found) == (
        "The server answered with 'other/m', though 'm' was asked."
    )
