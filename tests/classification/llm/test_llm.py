"""Asking a language model: the prompt, the calibration, the scores."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.classification.llm.llm import ScoredLabels, batch_calibrated, prompt_around, shuffled
from core.classification.llm.phrase_scorer import PhraseScorer, joined_phrases
from core.domain.errors import BackendFailed, BadInput
from core.domain.runs import Example
from core.domain.tasks import Label, Task
from tests.generation.local.tiny import (
    tiny_gpt2,
    tiny_hybrid,
    tiny_llama,
    tiny_mamba,
    tiny_mistral,
    tiny_tokenizer,
)

TASK = Task("Reviews", "movie review", (Label("pos", "a good review"), Label("neg", "a bad one")))
TEXTS = ("the film was good.", "bad", "a good review of the film was bad, so it was")
PHRASES = (" a good review", " bad", " Elements")


class FakeScorer:
    """Gives back what it was made with, and keeps what it was asked."""

    def __init__(self, scores: Sequence[Sequence[float]]) -> None:
        self.scores = scores
        self.asked: list[dict[str, Any]] = []

    @property
    def facts(self) -> dict[str, Any]:
        return {"model": "fake"}

    def score(
        self,
        texts: Sequence[str],
        phrases: Sequence[str],
        *,
        before: str,
        after: str,
        between: Callable[[], None],
    ) -> np.ndarray:
        between()
        self.asked.append({"texts": texts, "phrases": phrases, "before": before, "after": after})
        return np.log(np.array(self.scores))


def test_the_prompt_word_for_word() -> None:
    examples = (Example('so "good"\nit was', "pos"), Example("dull", "neg"))
    before, after = prompt_around(TASK, examples)
    assert before + "TEXT" + after == (
        "Choose what describes each movie review: a good review, a bad one.\n\n"
        "Movie review: \"so 'good' it was\"\nElements of the movie review: a good review\n\n"
        'Movie review: "dull"\nElements of the movie review: a bad one\n\n'
        'Movie review: "TEXT"\nElements of the movie review:'
    )
    zero, _ = prompt_around(TASK, ())
    assert zero == (
        'Choose what describes each movie review: a good review, a bad one.\n\nMovie review: "'
    )


def test_calibration_by_hand() -> None:
    # Means are 0.75 and 0.25: 0.6/0.75 = 0.8 against 0.4/0.25 = 1.6.
    calibrated = batch_calibrated(np.array([[0.9, 0.1], [0.6, 0.4]]))
    np.testing.assert_allclose(calibrated, [[1.2 / 1.6, 0.4 / 1.6], [0.8 / 2.4, 1.6 / 2.4]])


def test_labels_are_scored_by_their_phrases_and_calibrated() -> None:
    scorer = FakeScorer([[0.9, 0.1], [0.6, 0.4]])
    calls: list[int] = []
    model = ScoredLabels(scorer)
    shares = model.probabilities(["one\ntwo", 'say "x"'], TASK, (), between=lambda: calls.append(1))
    np.testing.assert_allclose(shares[1], [0.8 / 2.4, 1.6 / 2.4])
    assert scorer.asked[0]["texts"] == ["one two", "say 'x'"]
    assert scorer.asked[0]["phrases"] == [" a good review", " a bad one"]
    assert calls == [1]
    assert model.facts == {"model": "fake", "calibration": "batch"}


def test_a_single_text_and_an_uncalibrated_model_are_left_as_they_are() -> None:
    alone = ScoredLabels(FakeScorer([[0.9, 0.1]])).probabilities(["one"], TASK, ())
    np.testing.assert_allclose(alone, [[0.9, 0.1]])
    plain = ScoredLabels(FakeScorer([[0.9, 0.1], [0.6, 0.4]]), calibrated=False)
    np.testing.assert_allclose(plain.probabilities(["a", "b"], TASK, ())[1], [0.6, 0.4])
    assert plain.facts["calibration"] == "none"


def test_examples_are_shuffled_by_the_generator() -> None:
    examples = [Example(str(number), "pos") for number in range(9)]
    first = shuffled(examples, rng=np.random.default_rng(0))
    assert first == shuffled(examples, rng=np.random.default_rng(0))
    assert sorted(e.text for e in first) == [e.text for e in examples] != [e.text for e in first]


def scorer_of(model: Any) -> PhraseScorer:
    return PhraseScorer(model, tiny_tokenizer(), {"dtype": "float32"})


def naively(model: Any, texts: Sequence[str], before: str, after: str) -> np.ndarray:
    """Text by text, phrase by phrase, token by token, with transformers alone."""
    tokenizer = tiny_tokenizer()

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    rows = []
    for text in texts:
        row = []
        for phrase in PHRASES:
            prompt, asked = ids(before) + ids(text) + ids(after), ids(phrase)
            total = 0.0
            for place, token in enumerate(asked):
                with torch.inference_mode():
                    logits = model(torch.tensor([prompt + asked[:place]])).logits[0, -1]
                total += float(logits.log_softmax(-1)[token])
            row.append(total / len(asked))
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    "make", [tiny_llama, lambda: tiny_mistral(None), tiny_gpt2, tiny_hybrid, tiny_mamba]
)
@pytest.mark.parametrize("at_once", [1, 2, 16])
def test_scores_are_a_naive_loops(make: Callable[[], Any], at_once: int) -> None:
    model = make()
    scorer = scorer_of(model)
    scorer._portion.size = at_once
    before, after = 'Movie review: "', '"\nElements:'
    found = scorer.score(TEXTS, PHRASES, before=before, after=after)
    np.testing.assert_allclose(found, naively(model, TEXTS, before, after), atol=2e-4)
    again = scorer.score(TEXTS[::-1], PHRASES, before=before, after=after)
    np.testing.assert_allclose(again, found[::-1], atol=2e-4)


def test_a_model_with_a_window_is_asked_plainly() -> None:
    model = tiny_mistral(4)
    found = scorer_of(model).score(TEXTS, PHRASES, before="the film was good", after=":")
    wanted = naively(model, TEXTS, "the film was good", ":")
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_memory_that_runs_out_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_llama()
    scorer = scorer_of(model)
    own = scorer._side_by_side

    def small(known: int, cache: Any, rows: Sequence[Any], phrases: Any) -> Any:
        if len(rows) > 2:
            raise RuntimeError("out of memory")
        return own(known, cache, rows, phrases)

    monkeypatch.setattr(scorer, "_side_by_side", small)
    found = scorer.score(TEXTS, PHRASES, before="a", after=":")
    np.testing.assert_allclose(found, naively(model, TEXTS, "a", ":"), atol=2e-4)
    assert scorer._portion.size == 2


def test_memory_that_lacks_for_one_text_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = scorer_of(tiny_llama())

    def full(*_: Any) -> Any:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(scorer, "_side_by_side_is_right", lambda *_: True)
    monkeypatch.setattr(scorer, "_side_by_side", full)
    with pytest.raises(BackendFailed, match="a single text"):
        scorer.score(TEXTS, PHRASES, before="a", after=":")


def test_a_text_that_leaves_no_room_is_cut_and_a_prompt_that_does_is_refused() -> None:
    model = tiny_gpt2()  # 128 places
    long = "good " * 300
    found = scorer_of(model).score([long], PHRASES, before="a", after=":")
    assert np.isfinite(found).all()
    with pytest.raises(BadInput, match=r"takes \d+ of the model's 128 tokens.*shorter examples"):
        scorer_of(model).score(["x"], PHRASES, before=long, after=":")


def test_phrases_side_by_side() -> None:
    tokens = joined_phrases([[5, 6], [7], [8, 9]])
    assert tokens.ids == (5, 6, 7, 8, 9)
    assert tokens.owners == (0, 0, 1, 2, 2)
    assert tokens.places == (0, 1, 0, 0, 1)


@pytest.mark.model
def test_the_embedded_model_tells_films_apart(model_cache: Path) -> None:
    from core.classification.llm.phrase_scorer import load_scorer
    from core.domain.runs import ModelChoice

    task = Task(
        "Reviews",
        "movie review",
        (Label("pos", "positive sentiment"), Label("neg", "negative sentiment")),
    )
    good = ["a wonderful film that i loved", "superb acting and a moving story", "what a joy"]
    bad = ["a dreadful waste of time", "boring, clumsy and far too long", "i hated every minute"]
    scorer = load_scorer(ModelChoice(device="cpu"), models=model_cache)
    shares = ScoredLabels(scorer).probabilities([*good, *bad], task, ())
    assert [row.argmax() for row in shares] == [0, 0, 0, 1, 1, 1]
    assert scorer.facts["model"] == "embedded"
