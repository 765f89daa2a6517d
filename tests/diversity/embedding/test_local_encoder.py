"""Vectors against a plain transformers loop, and memory that runs out."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MPNetConfig, MPNetModel

from core.diversity.embedding import loading
from core.diversity.embedding.encoder import EncoderChoice
from core.diversity.embedding.loading import load_encoder
from core.diversity.measures.remote_clique import unit_vectors
from core.domain.errors import BackendFailed
from core.models.embedded import find_encoder_folder
from tests.diversity.tiny_bert import (
    TEXTS,
    WORDS,
    choice_of,
    loaded,
    lowest_cosine,
    plainly,
    tiny_bert,
    tiny_encoder,
    tiny_tokenizer,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SENTENCES = [
    "",
    "   ",
    "A cat sat on the mat.",
    "A kitten was sitting on the rug.",
    "Interest rates rose by half a point in March.",
    "why is my card not working abroad",
    "\u202ereversed\u202c <b>bold</b> \U0001f600 \ufffd",
    "word " * 400,
    *(" ".join(["and then it rained"] * times) for times in range(1, 12)),
]


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_vectors_are_those_of_a_plain_loop(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, pooling: Any
) -> None:
    encoder = loaded(tiny_folder, monkeypatch, pooling=pooling)
    vectors = encoder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), encoder.size) == (9, 16)
    np.testing.assert_allclose(
        vectors, plainly(tiny_folder, TEXTS, most=48, pooling=pooling), atol=1e-5, rtol=1e-4
    )
    assert encoder.embed([]).shape == (0, 16)


def test_poolings_differ_and_so_do_their_fingerprints(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mean, cls = (loaded(tiny_folder, monkeypatch, pooling=pooling) for pooling in ("mean", "cls"))
    assert mean.fingerprint != cls.fingerprint
    assert not np.allclose(mean.embed(TEXTS), cls.embed(TEXTS), atol=0.01)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join), max_size=20))
def test_a_text_has_one_vector_whatever_it_is_batched_with(texts: list[str]) -> None:
    encoder = tiny_encoder(batch_tokens=100)
    vectors = encoder.embed(texts)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(encoder.embed([text])[0], vector, atol=1e-5, rtol=1e-4)


def test_bfloat16_gives_the_same_directions_in_float32(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = loaded(tiny_folder, monkeypatch, dtype="bfloat16")
    vectors = narrow.embed(TEXTS)
    assert narrow.facts["dtype"] == "bfloat16"
    assert vectors.dtype == np.float32
    assert lowest_cosine(vectors, plainly(tiny_folder, TEXTS, most=48)) > 0.999
    assert narrow.fingerprint != loaded(tiny_folder, monkeypatch).fingerprint


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_the_half_precision_of_other_devices_works(
    tiny_folder: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    def fail(*_: Any) -> bool:
        raise AssertionError("measured")

    monkeypatch.setattr(loading, "half_precision_pays", fail)
    monkeypatch.setattr(loading, "half_precision", lambda device: dtype)
    encoder = load_encoder(choice_of(tiny_folder), models=Path("/dev/null/none"))
    assert encoder.facts["dtype"] == dtype
    vectors = encoder.embed(TEXTS)
    assert vectors.dtype == np.float32
    assert lowest_cosine(vectors, plainly(tiny_folder, TEXTS, most=48)) > 0.999


def test_an_encoder_that_mixes_number_types_in_its_attention_works_in_half_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # MPNet adds a bias of position, in float32, to products of linear layers.
    config = MPNetConfig(
        vocab_size=len(WORDS) + 4,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=66,
        pad_token_id=0,
    )
    MPNetModel(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    encoder = loaded(tmp_path, monkeypatch, dtype="bfloat16")
    texts = [text for text in TEXTS if text.strip()]
    assert lowest_cosine(encoder.embed(texts), plainly(tmp_path, texts, most=48)) > 0.999


def test_a_text_without_any_token_has_a_vector_too() -> None:
    encoder = tiny_encoder(tokenizer=tiny_tokenizer(framed=False))
    vectors = encoder.embed(["", "  ", "good"])
    assert np.isfinite(vectors).all()
    assert (vectors[0] == vectors[1]).all()
    assert np.linalg.norm(vectors, axis=1).min() > 0


def test_numbers_that_are_not_finite_are_told() -> None:
    model = tiny_bert()
    encoder = tiny_encoder(model)
    model.embeddings.word_embeddings.weight.data[5] = float("nan")
    with pytest.raises(BackendFailed, match="not finite in float32"):
        encoder.embed(["film"])
    assert np.isfinite(encoder.embed(["good"])).all()


def test_others_are_let_in_between_batches_and_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    encoder = tiny_encoder(batch_tokens=10)
    encoder.embed(["good bad"] * 6, between=lambda: calls.append(1))  # 4 tokens each, 2 a batch
    assert len(calls) == 1 + 3
    monkeypatch.setattr("core.diversity.embedding.local_encoder._CHARACTERS", 8)
    calls.clear()
    vectors = encoder.embed(["good bad"] * 5 + ["bad"], between=lambda: calls.append(1))
    assert len(calls) == 6 + 3  # each text is a part of its own, the last one too
    assert (vectors[:4] == vectors[0]).all()
    np.testing.assert_allclose(vectors[5], encoder.embed(["bad"])[0], atol=1e-5)


class Small:
    """A model on a device that holds so many tokens; records the batches that it was given."""

    device = torch.device("cpu")

    def __init__(self, tokens: int, error: Callable[[], Exception]) -> None:
        self.tokens, self.error = tokens, error
        self.shapes: list[tuple[int, ...]] = []
        self._model = tiny_bert()

    def __call__(self, input_ids: Any, attention_mask: Any) -> Any:
        self.shapes.append(tuple(input_ids.shape))
        if input_ids.numel() > self.tokens:
            raise self.error()
        return self._model(input_ids=input_ids, attention_mask=attention_mask)


NO_MEMORY: list[Callable[[], Exception]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    lambda: RuntimeError("MPS backend out of memory (MPS allocated: 8 GB)"),
    lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
    MemoryError,
]


@pytest.mark.parametrize("error", NO_MEMORY, ids=["cuda", "mps", "cpu", "python"])
def test_a_batch_that_is_too_large_is_halved_and_it_goes_on(
    error: Callable[[], Exception],
) -> None:
    small = Small(12, error)
    encoder = tiny_encoder(small, batch_tokens=100)
    texts = ["good bad"] * 9 + ["bad"]
    small.shapes.clear()
    vectors = encoder.embed(texts)
    # 10 texts of 4 tokens; halves of 5, then of 2 and 3, which fit
    assert small.shapes == [(10, 4), (5, 4), (2, 4), (3, 4), (5, 4), (2, 4), (3, 4)]
    np.testing.assert_allclose(vectors, tiny_encoder().embed(texts), atol=1e-5)
    assert encoder.facts["halved"] == 3
    assert encoder.facts["batch_tokens"] == 8
    small.shapes.clear()
    encoder.embed(texts)
    assert max(rows * tokens for rows, tokens in small.shapes) <= 8


def test_where_one_text_is_too_much_it_is_told() -> None:
    small = Small(3, NO_MEMORY[0])
    encoder = tiny_encoder(small)
    with pytest.raises(BackendFailed, match="memory does not do for the encoder and a single"):
        encoder.embed(["good bad", "good bad"])


def test_another_failure_is_no_lack_of_memory() -> None:
    small = Small(3, lambda: RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        tiny_encoder(small).embed(["good bad", "good bad"])
    assert small.shapes[1:] == [(2, 4)]


@pytest.mark.model
def test_the_embedded_encoder_agrees_with_a_plain_loop(
    model_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = plainly(find_encoder_folder(), SENTENCES, most=256)
    for dtype, close in (("float32", 0.999999), ("bfloat16", 0.999)):
        monkeypatch.setattr(loading, "remembered_dtype", lambda *_, dtype=dtype, **__: dtype)
        encoder = load_encoder(EncoderChoice(device="cpu"), models=model_cache)
        assert encoder.fingerprint == f"sha256:53aa51172d142c89 mean 256 {dtype}"
        assert (encoder.size, encoder.facts["model"]) == (384, "all-MiniLM-L6-v2")
        vectors = encoder.embed(SENTENCES)
        assert lowest_cosine(vectors, exact) > close
        alone = np.concatenate([encoder.embed([text]) for text in SENTENCES])
        assert lowest_cosine(vectors, alone) > 0.9999
    unit = unit_vectors(vectors)
    assert unit[2] @ unit[3] > 0.5 > 0.2 > unit[2] @ unit[4]
