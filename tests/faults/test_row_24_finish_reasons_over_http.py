"""Fault 24 over HTTP: finish_reason length or content_filter: recorded, not mixed in silently."""

import pytest

from core.domain.settings import Home
from core.store.database import Database
from tests.faults.misbehaving import Misbehaving, marked
from tests.faults.serving import Runs


@pytest.mark.parametrize("reason", ["length", "content_filter", "odd one"])
@pytest.mark.parametrize("prompt", ["A", "chat"])
def test_it_is_stored_with_its_reason_and_made_up_for(
    home: Home, real_db: Database, reason: str, prompt: str
) -> None:
    with Misbehaving([marked(finish_reason=reason)]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run(prompt=prompt)
    cut = [sample for sample in ended.samples if sample.outcome != "usable"]
    assert [(s.finish_reason, s.outcome) for s in cut] == [(reason, "truncated")]
    assert (ended.job.state, ended.job.last_report["accepted"]) == ("done", 4)


def test_a_text_behind_its_closing_quote_is_cut_and_complete(home: Home, real_db: Database) -> None:
    """Some servers ignore `stop`."""
    order = marked(text=' Good film." And then\nsome more', finish_reason="length")
    with Misbehaving([order]) as server, Runs(home, real_db, server) as runs:
        ended = runs.run()
        assert server.seen[0].body["stop"] == ['"']
    assert (ended.samples[0].text, ended.samples[0].outcome) == ("Good film.", "usable")
