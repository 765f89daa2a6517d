"""Self-BLEU against sacrebleu asked outright, each text against the list of the others."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import sentence_bleu

from core.diversity.measures.lexical import bleu_against_the_others, self_bleu

TEXTS = [
    "I'm so happy that you came to see me today!",
    "I'm so happy that it rains, rains, rains.",
    "The weather is what it is",
    "No",
    "I'm so happy that you came to see me today!",
    "the the the weather",
]
SOME = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "d.", "e"]), min_size=1, max_size=9).map(" ".join),
    min_size=2,
    max_size=8,
)


def asked_outright(texts: list[str]) -> list[float]:
    return [
        sentence_bleu(text, texts[:row] + texts[row + 1 :]).score / 100
        for row, text in enumerate(texts)
    ]


def test_it_is_sacrebleus_score_of_each_against_the_others() -> None:
    assert bleu_against_the_others(TEXTS) == pytest.approx(asked_outright(TEXTS))


@settings(deadline=None)
@given(SOME)
def test_leaving_one_out_at_once_is_leaving_out_each(texts: list[str]) -> None:
    assert bleu_against_the_others(texts) == pytest.approx(asked_outright(texts))


def test_equal_texts_score_1_and_texts_without_a_common_word_0() -> None:
    rng = np.random.default_rng(0)
    assert self_bleu(["one and the same text"] * 3, rng).value == pytest.approx(1)
    apart = self_bleu(["a b c d", "e f g h", "i j k l"], rng)
    assert (apart.value, apart.n, apart.sampled) == (0, 3, False)
    assert self_bleu(["alone"], rng).value is None
    assert self_bleu([], rng).value is None


def test_many_texts_are_sampled_by_the_generator_handed_in() -> None:
    texts = [f"text {n % 50} of {n % 7} with {n} words" for n in range(300)]
    found = self_bleu(texts, np.random.default_rng(1), most=40)
    assert (found.n, found.sampled) == (40, True)
    assert self_bleu(texts, np.random.default_rng(1), most=40) == found
    assert self_bleu(texts, np.random.default_rng(2), most=40).value != found.value
    rows = np.random.default_rng(1).choice(300, 40, replace=False)
    assert found.value == pytest.approx(np.mean(asked_outright([texts[row] for row in rows])))
    # More texts to find one's words in: that is why the sample has a size of its own.
    assert found.value < self_bleu(texts, np.random.default_rng(1)).value  # type: ignore[operator]
