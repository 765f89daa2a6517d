"""Faults 22 and 23: a stream that closes before its end is marked; a bad chunk costs no text."""

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, Order, body, reset, streamed, well
from tests.faults.serving import Runs

ONE = {"per_label": 1, "size": 1, "targets": [("neg", 0)]}
GOOD = streamed("a good", ' text"')


@pytest.mark.parametrize("prompt", ["A", "chat"])
def test_a_stream_is_read_to_its_end(home: Home, real_db: Database, prompt: str) -> None:
    with Misbehaving([GOOD]) as server, Runs(home, real_db, server, streaming=True) as runs:
        ended = runs.run(**ONE, prompt=prompt)
        assert server.seen[0].body["stream"] is True
    (sample,) = ended.samples
    assert sample.text.startswith("a good text")
    assert (sample.outcome, ended.outcomes) == ("usable", ["ok"])


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        (streamed("what ", "came", done=False, finish=None), "ok"),
        (streamed("what ", "came", b"data: {broken\n\n", " never read"), "bad_json"),
        (streamed("what ", "came", b'data: {"error": {"message": "o"}}\n\n'), "server_error"),
    ],
    ids=["closed", "bad chunk", "error"],
)
@pytest.mark.parametrize("prompt", ["A", "chat"])
def test_what_came_stays_marked_as_truncated(
    home: Home, real_db: Database, order: Order, outcome: str, prompt: str
) -> None:
    with (
        Misbehaving([order], then=GOOD) as server,
        Runs(home, real_db, server, streaming=True) as runs,
    ):
        ended = runs.run(**ONE, prompt=prompt)
    cut, whole = ended.samples
    assert (cut.text, cut.outcome, cut.finish_reason) == ("what came", "truncated", "cut_off")
    assert whole.outcome == "usable"
    assert ended.outcomes == [outcome, "ok"]
    assert (ended.job.state, ended.job.last_report["truncated"]) == ("done", 1)


@pytest.mark.parametrize(
    ("order", "outcome"),
    [
        (streamed(b"data: {broken\n\n"), "bad_json"),
        (body("<html></html>", kind="text/html"), "web_page"),
        (reset, "connection_lost"),
    ],
    ids=["bad chunk", "page", "reset"],
)
def test_where_nothing_came_it_is_asked_again(
    home: Home, real_db: Database, order: Order, outcome: str
) -> None:
    with (
        Misbehaving([order], then=GOOD) as server,
        Runs(home, real_db, server, streaming=True) as runs,
    ):
        ended = runs.run(**ONE)
    assert ended.outcomes == [outcome, "ok"]
    assert len(ended.samples) == 1


def test_a_server_that_does_not_stream_is_understood(home: Home, real_db: Database) -> None:
    with Misbehaving(then=well) as server, Runs(home, real_db, server, streaming=True) as runs:
        ended = runs.run(**ONE)
    assert (ended.outcomes, ended.samples[0].text) == (["ok"], "text 0 0")
