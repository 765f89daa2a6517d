"""A run of 2,000 texts against a server that fails a tenth of its requests at random."""

import random
import time

from core.domain.settings import Home
from core.domain.spending import SpendingLimit
from core.store.database import Database
from core.store.generation.rounds import rounds_of, totals
from core.store.generation.samples import samples_of
from tests.faults.misbehaving import Exchange, Misbehaving, body, error, reset, well
from tests.faults.serving import Runs

KNOWN = {"n": "exact", "usage": "exact", "usage_of_several": "exact"}
FAULTS = (error(500), error(503), error(429), error(429, headers={"Retry-After": "1"}), reset)


def test_it_ends_with_exactly_2000_texts_each_counted_once(home: Home, real_db: Database) -> None:
    drawn = random.Random(11)
    faults = [*FAULTS, body("<html>"), body('{"choices": [')]
    failed: list[int] = []

    def unsteady(exchange: Exchange) -> None:
        if drawn.random() < 0.1:
            failed.append(exchange.number)
            return drawn.choice(faults)(exchange)
        return well(exchange)

    began = time.monotonic()
    with (
        Misbehaving(then=unsteady) as server,
        Runs(home, real_db, server, at_once=8, known=KNOWN) as runs,
    ):
        ended = runs.run(per_label=1000, size=10)
        asked = len(server.seen)
        written = {
            f"text {exchange.number} {index}"
            for exchange in server.seen
            if exchange.number not in failed
            for index in range(exchange.body["n"])
        }
    assert ended.job.state == "done"
    assert len(failed) > 10
    texts = [sample.text for sample in ended.samples]
    assert len(texts) == len(set(texts)) == 2000
    assert set(texts) == written  # whatever the server wrote, and nothing twice
    assert len({(s.cycle, s.label, s.index) for s in ended.samples}) == 2000

    # Every request is on record, as often as it was sent.
    known = totals(real_db, str(ended.job.run_id))
    assert known.requests == asked == len(ended.attempts)
    assert known.outcomes["ok"] == asked - len(failed) == 200
    assert known.known_tokens == (10 * 200, 5 * 2000)
    assert ended.job.last_report["spending"]["requests"] == asked
    assert sum(sum(r.requested.values()) for r in rounds_of(real_db, str(ended.job.run_id))) == 2000
    assert time.monotonic() - began < 60  # seconds of work; its waits take no time


def test_a_cap_stops_it_cleanly_and_a_higher_one_finishes_it(home: Home, real_db: Database) -> None:
    with (
        Misbehaving() as server,
        Runs(home, real_db, server, at_once=8, known=KNOWN) as runs,
    ):
        ended = runs.run(per_label=20, size=5, cap=SpendingLimit(requests=5))
        assert len(server.seen) == 5
        assert ended.job.state == "paused"
        assert "cap of 5 requests" in ended.job.message
        assert len(ended.samples) == 25
        from core.jobs.queue import resume

        resume(real_db, ended.job.id, cap=SpendingLimit(requests=8))
        done = runs.resume(ended.job)
    assert (done.job.state, len(done.samples)) == ("done", 40)
    assert len(samples_of(real_db, str(done.job.run_id))) == 40
