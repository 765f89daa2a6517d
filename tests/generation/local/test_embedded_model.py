"""The embedded model itself, in a small run: sane texts, true fluency, knobs that work."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.domain.conditions import Condition, Suppression
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice, Sample
from core.generation.backends import Request
from core.generation.local.backend import LocalBackend, ModelCache
from core.generation.local.loading import converted_embedded
from core.generation.prompts import Prompt, build_prompt
from tests.generation.making import TASK, follow, make_spec

pytestmark = pytest.mark.model

SPEC = make_spec(
    per_label=12,
    size=6,
    max_tokens=20,
    temperature=0.9,
    suppression=Suppression(strength=7.5),
)


def models() -> Path:
    return Path(os.environ["WIDESET_MODELS"])


@pytest.fixture(scope="module")
def backend(model_cache: Path) -> LocalBackend:
    return ModelCache(model_cache).backend(ModelChoice(device="cpu"))


class Recording:
    """The backend; notes each request."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self.requests: list[Sequence[Request]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def complete(self, requests: Sequence[Request], *args: Any, **kwargs: Any) -> Any:
        self.requests.append(requests)
        return self._backend.complete(requests, *args, **kwargs)


Run = tuple[list[Sample], list[Sequence[Request]]]


@pytest.fixture(scope="module")
def run(backend: LocalBackend) -> Run:
    """Two labels, two cycles of six texts each; the second one with suppression."""
    recording = Recording(backend)
    samples: list[Sample] = []
    for current, arrived in follow(SPEC, backend=recording).loop.rounds(between_steps=lambda: None):
        samples.extend(arrived)
        if current.cycle == 2 and not arrived:
            break
    return samples, recording.requests


def request(prompt: Prompt, *, count: int = 3, number: int = 0) -> Request:
    return Request(prompt, tuple(range(count)), (), (1, 2, 1, number))


def texts(backend: LocalBackend, requests: Sequence[Request], condition: Condition) -> list[str]:
    found = {
        (done.request, done.index): done.text
        for batch in backend.complete(requests, condition, between_steps=lambda: None)
        for done in batch
    }
    return [found[key] for key in sorted(found)]


def test_texts_are_sane(run: Run) -> None:
    samples, _ = run
    first = [s for s in samples if s.cycle == 1]
    assert {(s.label, s.index) for s in first} == {
        (label, n) for label in ("pos", "neg") for n in range(6)
    }
    assert all('"' not in s.text and "<|" not in s.text for s in samples)
    assert all(
        (s.outcome == "truncated") == (s.finish_reason == "length") for s in samples if s.text
    )
    assert any(s.outcome == "usable" for s in first)
    # English words, more than a random model would ever hit
    words = [word for s in first for word in s.text.lower().split()]
    assert len({"the", "a", "i", "and", "was", "is", "of", "to"} & set(words)) >= 3


def test_fluency_is_what_the_untouched_model_gives(run: Run, backend: LocalBackend) -> None:
    samples, requests = run
    folder = converted_embedded(models())
    kind = getattr(torch, backend.metadata.dtype)
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=kind).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tolerance = 0.02 if kind == torch.float32 else 0.3
    compared = 0
    # of both cycles; the second one decoded under biases
    for sample in [s for s in samples if s.index in (0, 5)]:
        place = TASK.label_names.index(sample.label)
        asked = next(
            r for r in requests[sample.cycle - 1] if r.entropy[-2:] == (sample.cycle, place)
        )
        assert bool(asked.biases) == (sample.cycle == 2)
        prompt = tokenizer(asked.prompt.text)["input_ids"]
        with torch.inference_mode():
            logits = plain(torch.tensor([prompt + list(sample.token_ids)])).logits[0]
        scores = logits.float().log_softmax(-1)
        own = [
            float(scores[len(prompt) - 1 + n, token]) for n, token in enumerate(sample.token_ids)
        ]
        assert sample.fluency is not None
        if sample.finish_reason == "length":
            assert sample.fluency == pytest.approx(sum(own) / len(own), abs=tolerance)
            compared += 1
            continue
        # which closing token it was is not kept: it must be one that there is
        n = len(own) + 1
        closing = sample.fluency * n - sum(own)
        gaps = (scores[-1][sorted(backend.exempt_tokens)] - closing).abs()
        assert gaps.min() < tolerance * n
        compared += 1
    assert compared == 8


def share(samples: Sequence[Sample], tokens: set[int]) -> float:
    every = [token for sample in samples for token in sample.token_ids]
    return sum(token in tokens for token in every) / len(every)


def test_suppression_makes_the_suppressed_tokens_rare(run: Run) -> None:
    samples, requests = run
    full = {token for token, bias in requests[1][0].biases if bias == -7.5}
    before = share([s for s in samples if s.cycle == 1], full)
    after = share([s for s in samples if s.cycle == 2], full)
    assert len(full) >= 5
    assert before > 0.2
    assert after < before / 3


def test_the_same_seed_writes_the_same_texts(run: Run, backend: LocalBackend) -> None:
    samples, _ = run
    first = [(s.id, s.text, s.token_ids) for s in samples if s.cycle == 1]
    again: list[Sample] = []
    for current, arrived in follow(SPEC, backend=backend).loop.rounds(between_steps=lambda: None):
        assert current.cycle == 1
        again.extend(arrived)
        if not arrived:
            break
    assert [(s.id, s.text, s.token_ids) for s in again] == first


def test_greedy_texts_are_one(backend: LocalBackend) -> None:
    prompt = build_prompt(TASK, label="pos", form="A")
    greedy = Condition(temperature=0, max_tokens=8)
    assert len(set(texts(backend, [request(prompt, number=n) for n in (0, 1)], greedy))) == 1


def test_a_chat_is_answered(backend: LocalBackend) -> None:
    prompt = build_prompt(TASK, label="pos", form="chat")
    found = texts(backend, [request(prompt)], Condition(max_tokens=16))
    assert sum(any(char.isalpha() for char in text) for text in found) >= 2
    assert all("<|" not in text and '"' not in text for text in found)


def test_a_prompt_longer_than_the_context_is_refused_before_a_step(backend: LocalBackend) -> None:
    steps: list[int] = []
    prompt = Prompt(text="word " * 9000)
    with pytest.raises(
        BadInput, match=r"A prompt of \d+ tokens and 4 new ones pass the model's 8192"
    ):
        list(
            backend.complete(
                [request(prompt)], Condition(max_tokens=4), between_steps=lambda: steps.append(1)
            )
        )
    assert steps == []


def test_the_metadata_names_the_model(backend: LocalBackend) -> None:
    metadata = backend.metadata
    assert metadata.model == "SmolLM2-135M-Instruct"
    assert (metadata.fingerprint or "").startswith("sha256:")
    assert metadata.engine == "shared prefix"
    assert metadata.dtype in ("float32", "bfloat16")
