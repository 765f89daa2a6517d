"""Remote-Clique while texts arrive: what is told equals what a measure of all texts would say."""

import numpy as np
import pytest

from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.measures.live import MAX_POINTS, LiveClique
from core.diversity.measures.remote_clique import CliqueSum
from core.store.database import Database
from tests.diversity.fake_encoder import FakeEncoder, FakeEncoders, nothing
from tests.store.making import clock, db, home

__all__ = ["clock", "db", "home"]

TEXTS = [f"{colour} {thing} {n}" for n in range(40) for colour in ("red", "blue") for thing in "ab"]


def follow(db: Database, encoders: FakeEncoders) -> LiveClique:
    return LiveClique(db, encoders, EncoderChoice(), timer=lambda: 0.0)


def expected(texts: list[str]) -> CliqueSum:
    total = CliqueSum(16)
    total.add(FakeEncoder().embed(texts))
    return total


def test_the_score_is_that_of_all_texts_so_far(db: Database) -> None:
    live = follow(db, FakeEncoders())
    for start in range(0, len(TEXTS), 7):
        live.add(TEXTS[start : start + 7])
        live.catch_up(between=nothing, at_once=True)
        told = live.progress()
        whole = expected(TEXTS[: start + 7]).estimate()
        assert told.n == whole.n
        assert told.value == pytest.approx(whole.value, abs=1e-6)
        assert (told.low, told.high) == pytest.approx((whole.low, whole.high), abs=1e-5)
    assert (told.encoder, told.fingerprint, told.problem) == ("fake", "fake-16", None)


def test_each_point_of_the_curve_is_the_score_at_its_number(db: Database) -> None:
    live = follow(db, FakeEncoders())
    live.add(TEXTS[:30])
    live.catch_up(between=nothing)
    curve = live.progress().curve
    assert [row[0] for row in curve] == list(range(2, 31))
    for n, value, low, high in curve:
        whole = expected(TEXTS[:n]).estimate()
        assert value == pytest.approx(whole.value, abs=1e-6)
        if n > 2:
            assert (low, high) == pytest.approx((whole.low, whole.high), abs=1e-5)


def test_a_long_curve_is_thinned_and_ends_at_the_score(db: Database) -> None:
    live = follow(db, FakeEncoders())
    texts = [f"w{n % 97} v{n % 89}" for n in range(1000)]
    live.add(texts)
    live.catch_up(between=nothing)
    told = live.progress()
    numbers = [row[0] for row in told.curve]
    assert MAX_POINTS / 2 <= len(numbers) <= MAX_POINTS + 1
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == told.n == 1000
    assert np.diff(numbers).max() <= 2 * 16
    assert told.curve[-1][1] == told.value


def test_texts_wait_for_a_second_to_pass_but_for_the_end(db: Database) -> None:
    encoders, seconds = FakeEncoders(), [0.0]
    live = LiveClique(db, encoders, EncoderChoice(), timer=lambda: seconds[0])
    for text, now in (("a b", 0.0), ("c d", 0.5), ("e f", 0.9), ("g h", 1.1)):
        seconds[0] = now
        live.add([text])
        live.catch_up(between=nothing)
    assert encoders.made.calls == [["a b"], ["c d", "e f", "g h"]]
    live.add(["i j"])
    live.catch_up(between=nothing)
    assert live.progress().n == 4
    live.catch_up(between=nothing, at_once=True)
    assert live.progress().n == 5
    assert len(encoders.asked) == 1


def test_what_interrupts_the_embedding_loses_no_text(db: Database) -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    live = follow(db, FakeEncoders())
    live.add(TEXTS[:10])
    with pytest.raises(Stopped):
        live.catch_up(between=stop)
    assert live.progress().n == 0
    live.catch_up(between=nothing, at_once=True)
    assert live.progress().value == pytest.approx(expected(TEXTS[:10]).value, abs=1e-6)


def test_an_encoder_that_is_not_to_be_had_is_told_once(db: Database) -> None:
    encoders = FakeEncoders(problem="The encoder 'x' could not be loaded.")
    live = follow(db, encoders)
    for _ in range(3):
        live.add(["a b"])
        live.catch_up(between=nothing, at_once=True)
    told = live.progress()
    assert told.problem == "The encoder 'x' could not be loaded. Use the embedded one."
    assert (told.n, told.value, told.curve, told.encoder) == (0, None, (), None)
    assert len(encoders.asked) == 1


def test_an_encoder_that_was_prepared_is_not_loaded_again(db: Database) -> None:
    encoders = FakeEncoders()
    live = follow(db, encoders)
    live.prepare()
    loaded = list(encoders.asked)
    assert len(loaded) == 1
    live.add(TEXTS[:3])
    live.catch_up(between=nothing, at_once=True)
    assert encoders.asked == loaded
    assert live.progress().n == 3
