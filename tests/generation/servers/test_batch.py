"""Files of the Batch API: what is written, and that a run reads its results once, in any order."""

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import ModelChoice, RunSpec, Sample
from core.domain.tasks import Label, Task
from core.generation.servers.batch_requests import (
    BatchRequestId,
    parse_custom_id,
    plan_cycles,
    request_ids,
    write_batch,
)
from core.generation.servers.batch_results import read_batch, run_of
from core.store.database import Database
from core.store.generation.rounds import rounds_of, totals
from core.store.generation.runs import RunRecord, create_run, get_run
from core.store.generation.samples import samples_of
from tests.generation.servers.fake_server import encode

TASK = Task("T", "review", (Label("pos", "a good review"), Label("neg", "a bad review")))
URL = "http://127.0.0.1:9/v1"
CHOICE = ModelChoice(backend="openai", model="m", base_url=URL)
FOUND = Capabilities(
    base_url=URL,
    model="m",
    n="exact",
    usage_of_several="exact",
    canary=Canary(verdict="exact"),
)


class HandTokenizer:
    """The fake server's tokenizer, by hand."""

    name = "fake"
    vocabulary_size = 104
    end_tokens = frozenset({0})
    quote_tokens = frozenset({3})

    def encode(self, text: str) -> list[int]:
        return encode(text)

    def token_text(self, token: int) -> str:
        return str(token)


def make_run(db: Database, *, per_label: int = 5, **knobs: Any) -> RunRecord:
    knobs = {"texts_a_request": 3, **knobs}
    return create_run(
        db, RunSpec(TASK, Condition(**knobs), per_label=per_label, seed=7, model=CHOICE)
    )


def written(db: Database, run: RunRecord, *, found: Capabilities = FOUND, **more: Any) -> list[Any]:
    lines = write_batch(
        run,
        history=samples_of(db, run.id),
        rounds=rounds_of(db, run.id),
        capabilities=found,
        tokenizer=more.pop("tokenizer", None),
        **more,
    ).lines
    assert all("\n" not in line for line in lines)
    return [json.loads(line) for line in lines]


def result(request: Any, *texts: str, usage: bool = True, reason: str = "stop") -> str:
    """A line as the Batch API answers a request; the last text ends for that reason."""
    place = parse_custom_id(request["custom_id"])
    assert place is not None
    texts = texts or tuple(f"text {place.cycle} {place.label_index} {i}" for i in place.indices)
    choices = [
        {"index": i, "message": {"content": text}, "finish_reason": "stop"}
        for i, text in enumerate(texts)
    ]
    choices[-1]["finish_reason"] = reason
    body = {"choices": choices[::-1], "object": "chat.completion"}
    if usage:
        body["usage"] = {"prompt_tokens": 30, "completion_tokens": 4 * len(texts)}
    return json.dumps(
        {
            "id": "batch_req_1",
            "custom_id": request["custom_id"],
            "response": {"status_code": 200, "request_id": "r", "body": body},
            "error": None,
        }
    )


def failed(request: Any, status: int | None = 500) -> str:
    response = None
    if status is not None:
        response = {"status_code": status, "body": {"error": {"message": "it broke"}}}
    error = None if status else {"code": "batch_expired", "message": "This request expired."}
    return json.dumps({"custom_id": request["custom_id"], "response": response, "error": error})


def test_a_file_holds_a_request_for_each_label(db: Database) -> None:
    run = make_run(db, max_tokens=50, temperature=0.9)
    lines = written(db, run)
    assert [line["custom_id"] for line in lines] == [f"{run.id}/1/0/0/3", f"{run.id}/1/1/0/3"]
    assert {(line["method"], line["url"]) for line in lines} == {("POST", "/v1/chat/completions")}
    body = lines[0]["body"]
    assert body == {
        "model": "m",
        "messages": [
            {
                "role": "user",
                "content": "Write a review to cover all following elements\n"
                'Elements: a good review\nReview: "',
            }
        ],
        "max_tokens": 50,
        "temperature": 0.9,
        "top_p": 1.0,
        "frequency_penalty": 0.02,
        "n": 3,
    }


def test_where_several_texts_a_request_are_unknown_each_has_its_own(db: Database) -> None:
    run = make_run(db)
    lines = written(db, run, found=replace(FOUND, n="unknown"))
    assert [line["custom_id"] for line in lines] == [
        f"{run.id}/1/{label}/{index}/1" for label in (0, 1) for index in range(3)
    ]
    assert all("n" not in line["body"] for line in lines)


def test_several_cycles_reach_the_target_and_no_further(db: Database) -> None:
    run = make_run(db, per_label=7)
    lines = written(db, run, cycles=10)
    assert [line["custom_id"].partition("/")[2] for line in lines] == [
        "1/0/0/3",
        "1/1/0/3",
        "2/0/0/3",
        "2/1/0/3",
        "3/0/0/1",
        "3/1/0/1",
    ]


def test_reading_is_independent_of_order_and_done_once(db: Database) -> None:
    one, other = make_run(db, per_label=6), make_run(db, per_label=6)
    datasets = []
    for number, run in enumerate((one, other)):
        lines = [result(request) for request in written(db, run, cycles=2)]
        random.Random(number).shuffle(lines)
        assert run_of(["", *lines]) == run.id
        read = read_batch(
            db, run.id, ["", *lines, ""], capabilities=FOUND, tokenizer=HandTokenizer()
        )
        assert (read.lines, read.added, read.known, read.errors) == (4, 12, 0, 0)
        assert (read.tokens_in, read.tokens_out, read.cycles) == (120, 48, (1, 2))
        again = read_batch(db, run.id, lines[::-1], capabilities=FOUND, tokenizer=HandTokenizer())
        assert (again.added, again.known, again.cycles) == (0, 12, ())
        found = totals(db, run.id)
        assert (found.requests, found.tokens_in, found.tokens_out) == (4, 120, 48)
        datasets.append([replace(s, id="", run_id="") for s in samples_of(db, run.id)])
    assert datasets[0] == datasets[1]
    first = samples_of(db, one.id)[0]
    assert (first.id, first.text, first.outcome) == (f"{one.id}-1-0-0", "text 1 0 0", "usable")
    assert first.token_ids == tuple(encode("text 1 0 0"))
    assert {done.cycle: done.requested for done in rounds_of(db, one.id)} == {
        1: {"pos": 3, "neg": 3},
        2: {"pos": 3, "neg": 3},
    }
    with pytest.raises(BadInput, match="needs no more texts"):
        written(db, one)


def test_what_failed_is_counted_and_asked_for_again(db: Database) -> None:
    run = make_run(db, per_label=3)
    first, second = written(db, run)
    read = read_batch(
        db,
        run.id,
        [failed(first), result(second, "a", "", "a")],
        capabilities=FOUND,
        tokenizer=None,
    )
    assert (read.added, read.duplicates, read.empty, read.errors) == (2, 1, 1, 1)
    assert read.messages == (f"The server at {URL} failed (500). It says: it broke.",)
    assert [(s.text, s.outcome, bool(s.duplicate_of)) for s in samples_of(db, run.id)] == [
        ("a", "usable", False),
        ("", "empty", False),
        ("a", "usable", True),
    ]
    assert totals(db, run.id).outcomes == {"ok": 1, "server_error": 1}
    # The empty one is made good, too.
    places_ = [line["custom_id"].partition("/")[2] for line in written(db, run)]
    assert places_ == ["2/0/0/3", "2/1/0/1"]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_what_was_cut_off_is_kept_counts_towards_nothing_and_is_made_good(
    db: Database, reason: str
) -> None:
    run = make_run(db, per_label=3)
    first, second = written(db, run)
    lines = [result(first, reason=reason), result(second)]
    read = read_batch(db, run.id, lines, capabilities=FOUND, tokenizer=None)
    assert (read.added, read.truncated, read.empty, read.duplicates) == (5, 1, 0, 0)
    assert [sample.outcome for sample in samples_of(db, run.id)].count("truncated") == 1
    assert read_batch(db, run.id, lines, capabilities=FOUND, tokenizer=None).known == 6
    places_ = [line["custom_id"].partition("/")[2] for line in written(db, run)]
    assert places_ == ["2/0/0/1"]


@pytest.mark.parametrize("reported", ["wrong", "ignored", "unknown"])
def test_tokens_of_several_texts_are_known_only_where_all_are_reported(
    db: Database, reported: Any
) -> None:
    run = make_run(db, per_label=4)
    found = replace(FOUND, usage_of_several=reported)
    lines = [result(one) for one in written(db, run)]
    read = read_batch(db, run.id, lines, capabilities=found, tokenizer=None)
    assert (read.tokens_in, read.tokens_out) == (None, None)
    assert totals(db, run.id).known_tokens == (None, None)
    # A request for one text has none to leave out.
    lines = [result(one) for one in written(db, run)]
    read = read_batch(db, run.id, lines, capabilities=found, tokenizer=None)
    assert (read.tokens_in, read.tokens_out) == (60, 8)


def test_an_expired_request_and_one_without_usage(db: Database) -> None:
    run = make_run(db)
    first, second = written(db, run)
    lines = [failed(first, None), result(second, usage=False)]
    read = read_batch(db, run.id, lines, capabilities=FOUND, tokenizer=None)
    assert (read.added, read.errors, read.tokens_in, read.tokens_out) == (3, 1, None, None)
    assert "This request expired." in read.messages[0]


def test_a_late_file_of_a_finished_cycle_still_adds_its_texts(db: Database) -> None:
    run = make_run(db)
    first, second = written(db, run)
    assert read_batch(db, run.id, [result(first)], capabilities=FOUND, tokenizer=None).added == 3
    late = read_batch(db, run.id, [result(second)], capabilities=FOUND, tokenizer=None)
    assert (late.added, late.cycles) == (3, ())
    assert totals(db, run.id).requests == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "Line 2 is no JSON object"),
        ("[1]", "Line 2 is no JSON object"),
        ('{"custom_id": 5}', "Line 2: the custom id '5' is none"),
        ('{"custom_id": "RUN/1/0/00/3"}', "Line 2: the custom id"),
        ('{"custom_id": "RUN/1/0/0/0"}', "Line 2: the custom id"),
        ('{"custom_id": "other1/1/0/0/3"}', "Line 2: 'other1/1/0/0/3' belongs to the run other1"),
        ('{"custom_id": "RUN/1/0/2/1"}', "Line 2: 'RUN/1/0/2/1' stands in line 1 already"),
        ('{"custom_id": "RUN/1/2/0/3"}', "Line 2: 'RUN/1/2/0/3' asks for texts"),
        ('{"custom_id": "RUN/1/1/0/4"}', "Line 2: 'RUN/1/1/0/4' asks for texts"),
        ('{"custom_id": "RUN/3/0/0/1"}', "Line 2: 'RUN/3/0/0/1' asks for texts"),
    ],
)
def test_a_line_that_is_none_of_the_runs_refuses_the_file(
    db: Database, line: str, said: str
) -> None:
    run = make_run(db)  # 5 texts: 3 and 2, so that there is no third cycle
    first = result(written(db, run)[0])
    with pytest.raises(BadInput) as caught:
        read_batch(
            db, run.id, [first, line.replace("RUN", run.id)], capabilities=FOUND, tokenizer=None
        )
    assert caught.value.what.startswith(said.replace("RUN", run.id))
    assert (samples_of(db, run.id), rounds_of(db, run.id)) == ([], [])


def test_a_file_without_results(db: Database) -> None:
    with pytest.raises(BadInput, match="holds no results"):
        run_of(["", " "])


def test_suppression_is_frozen_at_what_is_there_and_says_so(db: Database) -> None:
    suppression = Suppression(strength=7.5, tokens=2)
    run = make_run(db, per_label=9, suppression=suppression)
    assert "logit_bias" not in written(db, run, tokenizer=HandTokenizer())[0]["body"]
    read_batch(
        db,
        run.id,
        [
            result(request, "xxx", "x", "yy")
            for request in written(db, run, tokenizer=HandTokenizer())
        ],
        capabilities=FOUND,
        tokenizer=HandTokenizer(),
    )
    history, rounds = samples_of(db, run.id), rounds_of(db, run.id)
    made = write_batch(
        run, history=history, rounds=rounds, capabilities=FOUND, tokenizer=HandTokenizer(), cycles=2
    )
    biases = [json.loads(line)["body"]["logit_bias"] for line in made.lines]
    # x 8 of 12 tokens, y 4: both beyond the floor of 1 % x -7.5.
    assert biases == [{str(encode("x")[0]): -7.5, str(encode("y")[0]): -7.5}] * 4
    assert any("for the whole file" in note for note in made.notes)
    with pytest.raises(BadInput, match="never guessed"):
        write_batch(run, history=history, rounds=rounds, capabilities=FOUND, tokenizer=None)


def test_approximations_are_sent_under_their_own_names(db: Database) -> None:
    suppression = Suppression(strength=7.5, method="frequency_penalty")
    body = written(db, make_run(db, suppression=suppression))[0]["body"]
    assert body["frequency_penalty"] == pytest.approx(1.02)
    run = make_run(db, per_label=9, suppression=replace(suppression, method="avoid_words"))
    lines = [result(one, "fine film", "dull film", "film") for one in written(db, run)]
    read_batch(db, run.id, lines, capabilities=FOUND, tokenizer=None)
    body = written(db, run)[0]["body"]
    assert "Avoid these words: film, dull, fine.\nWrite" in body["messages"][0]["content"]
    assert body["frequency_penalty"] == 0.02


def test_what_is_stored_of_a_cycle_already_is_not_asked_for_again() -> None:
    spec = RunSpec(TASK, Condition(texts_a_request=5), per_label=5, model=CHOICE)

    def sample(index: int) -> Sample:
        return Sample(
            f"r-1-0-{index}", "r", 1, "pos", index, 0, "t", "stop", "usable", None, (), None, 0.0
        )

    history = [sample(1), sample(3)]
    planned = plan_cycles(spec, history=history, rounds=[], cycles=1)
    assert planned == {1: {"pos": 5, "neg": 5}}
    found = request_ids("r", spec, planned, history=history, several=True)
    assert [(place.label_index, place.first, place.count) for place in found] == [
        (0, 0, 1),
        (0, 2, 1),
        (0, 4, 1),
        (1, 0, 5),
    ]


def test_strict_order_and_too_much_are_refused(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="strict order"):
        written(db, make_run(db, strict_order=True))
    with pytest.raises(BadInput, match="0 cycles"):
        written(db, make_run(db), cycles=0)
    monkeypatch.setattr("core.generation.servers.batch_requests.MAX_REQUESTS", 3)
    with pytest.raises(BadInput, match="4 requests; 3 are taken"):
        written(db, make_run(db), cycles=2)


def test_a_place_and_its_custom_id_are_each_others_inverse(db: Database) -> None:
    place = BatchRequestId("abc", 3, 1, 4, 2)
    assert place.custom_id == "abc/3/1/4/2"
    assert parse_custom_id(place.custom_id) == place
    assert list(place.indices) == [4, 5]
    for wrong in ("abc/0/1/4/2", "abc/3/1/4", "ABC/3/1/4/2", "abc/3/1/4/2\n", "a/3/1/4/-2", None):
        assert parse_custom_id(wrong) is None
    assert get_run(db, make_run(db).id).metadata is None
