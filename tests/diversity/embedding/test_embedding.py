"""Embedding: the store is asked first, and nothing is embedded twice."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.diversity.embedding import encoder as encoder_module
from core.diversity.embedding.encoder import embedded
from core.diversity.measures.remote_clique import Vectors
from core.domain.errors import BackendFailed
from core.domain.texts import text_hash
from core.store.database import Database
from core.store.diversity import known_vectors
from tests.diversity.fake_encoder import FakeEncoder, nothing


@pytest.fixture
def two_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "AT_ONCE", 2)


def test_each_different_text_is_embedded_once(db: Database) -> None:
    encoder = FakeEncoder()
    texts = ["b b", "a", "b b", "c", "a", ""]
    vectors = embedded(db, encoder, texts)
    assert encoder.calls == [["b b", "a", "c", ""]]
    assert vectors.dtype == np.float32
    assert (vectors == FakeEncoder().embed(texts)).all()
    again = embedded(db, encoder, ["d", "c", "B B"])
    assert encoder.calls[1:] == [["d", "B B"]]  # by exact characters
    assert (again == FakeEncoder().embed(["d", "c", "B B"])).all()
    assert (embedded(db, FakeEncoder(), texts) == vectors).all()
    assert len(encoder.calls) == 2


def test_another_encoder_has_its_own_vectors(db: Database) -> None:
    small, large = FakeEncoder(size=4), FakeEncoder(size=8)
    assert embedded(db, small, ["a", "b"]).shape == (2, 4)
    assert embedded(db, large, ["a", "b"]).shape == (2, 8)
    assert small.calls == large.calls == [["a", "b"]]


def test_no_text_is_no_vector(db: Database) -> None:
    encoder = FakeEncoder(size=4)
    assert embedded(db, encoder, []).shape == (0, 4)
    assert encoder.calls == []


@pytest.mark.usefixtures("two_at_once")
def test_progress_counts_texts_as_they_are_stored(db: Database) -> None:
    encoder = FakeEncoder()
    embedded(db, encoder, ["a", "b"])
    told: list[tuple[int, int]] = []
    between: list[int] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))

    texts = ["a", "c", "d", "e", "c", "c", "a"]
    embedded(db, encoder, texts, progress=progress, between=lambda: between.append(1))
    # a twice is known; c three times and d; then e
    assert told == [(2, 7), (6, 7), (7, 7)]
    assert encoder.calls[1:] == [["c", "d"], ["e"]]
    assert len(between) == 2


@pytest.mark.usefixtures("two_at_once")
def test_what_was_stored_before_a_failure_stays(db: Database) -> None:
    class Failing(FakeEncoder):
        def embed(self, texts: Sequence[str], *, between: Callable[[], None] = nothing) -> Vectors:
            if "e" in texts:
                raise BackendFailed("The memory does not do.")
            return super().embed(texts, between=between)

    failing = Failing()
    with pytest.raises(BackendFailed):
        embedded(db, failing, ["a", "b", "c", "d", "e", "f"])
    keys = [text_hash(text) for text in "abcdef"]
    assert set(known_vectors(db, failing.fingerprint, keys)) == set(keys[:4])
    encoder = FakeEncoder()
    embedded(db, encoder, list("abcdef"))
    assert encoder.calls == [["e", "f"]]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(texts=st.lists(st.text(alphabet="ab \u202e\U0001f600", max_size=3), max_size=12))
@pytest.mark.usefixtures("two_at_once")
def test_vectors_are_the_encoders_whatever_is_known(db: Database, texts: list[str]) -> None:
    encoder = FakeEncoder(size=3)
    vectors = embedded(db, encoder, texts)
    assert (vectors == FakeEncoder(size=3).embed(texts)).all()
    sent = [text for call in encoder.calls for text in call]
    assert len(sent) == len(set(sent))
    assert embedded(db, encoder, texts[::-1]).tolist() == vectors[::-1].tolist()
    assert [text for call in encoder.calls for text in call] == sent
