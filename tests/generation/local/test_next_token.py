"""The next token: every number by hand, and that it is what the sampler draws from."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.generation.local.engines import ExpandedCacheEngine
from core.generation.local.next_token import change, walk
from core.generation.local.sampling import Knobs
from tests.generation.local.tiny import VOCABULARY, tiny_gpt2

LOGITS = torch.log(torch.tensor([0.5, 0.25, 0.125, 0.125]))


def knobs(
    temperature: float = 1.0, top_p: float = 1.0, min_p: float = 0.0, penalty: float = 0.0
) -> Knobs:
    return Knobs(temperature, top_p, min_p, penalty)


def test_no_knob_moves_nothing() -> None:
    found = change(LOGITS, knobs())
    assert [one.token for one in found.tokens] == [0, 1, 2, 3]
    assert [one.after for one in found.tokens] == pytest.approx([0.5, 0.25, 0.125, 0.125])
    assert found.moved == pytest.approx(0, abs=1e-6)
    assert found.bits_before == pytest.approx(1.75)
    assert found.bits_after == pytest.approx(1.75)
    assert found.possible == 4


def test_suppression_moves_the_mass_it_takes() -> None:
    # exp(-log 4) leaves a quarter of token 0's odds: 1 to 2 to 1 to 1.
    found = change(LOGITS, knobs(), biases={0: -math.log(4)})
    assert [one.after for one in found.tokens] == pytest.approx([0.2, 0.4, 0.2, 0.2])
    assert found.suppressed_before == pytest.approx(0.5)
    assert found.suppressed_after == pytest.approx(0.2)
    assert found.moved == pytest.approx(0.3)
    assert found.tokens[0].bias == pytest.approx(-1.386, abs=1e-3)


def test_temperature_squares_the_odds() -> None:
    found = change(LOGITS, knobs(temperature=0.5))
    assert [one.after for one in found.tokens] == pytest.approx(np.array([16, 4, 1, 1]) / 22)


def test_cuts_leave_fewer() -> None:
    assert change(LOGITS, knobs(top_p=0.6)).possible == 2
    assert change(LOGITS, knobs(min_p=0.3)).possible == 2
    greedy = change(LOGITS, knobs(temperature=0.0))
    assert greedy.possible == 1
    assert greedy.bits_after == 0
    assert greedy.moved == pytest.approx(0.5)


def test_the_penalty_counts_what_the_text_holds() -> None:
    found = change(LOGITS, knobs(penalty=math.log(2)), drawn=[0, 0])
    assert [one.after for one in found.tokens] == pytest.approx([0.2, 0.4, 0.2, 0.2])


def test_a_token_that_rises_is_listed() -> None:
    logits = torch.tensor([10.0, 9.0, 8.0, -5.0])
    found = change(logits, knobs(), biases={3: 100.0}, top=2)
    assert [one.token for one in found.tokens] == [0, 3]
    assert found.tokens[1].after == pytest.approx(1.0)
    assert found.suppressed_before == 0  # a positive bias suppresses nothing


@given(
    st.lists(st.floats(-8, 8), min_size=2, max_size=40),
    st.floats(0.05, 2),
    st.floats(0.05, 1),
    st.floats(0, 0.9),
)
@settings(max_examples=60, deadline=None)
def test_shares_are_shares(
    logits: list[float], temperature: float, top_p: float, min_p: float
) -> None:
    found = change(torch.tensor(logits), knobs(temperature, top_p, min_p), top=100)
    assert sum(one.after for one in found.tokens) == pytest.approx(1)
    assert 0 <= found.moved <= 1
    assert 1 <= found.possible <= len(logits)
    assert sum(one.after > 0 for one in found.tokens) == found.possible


def test_a_walk_sees_what_the_model_sees_at_each_step() -> None:
    model = tiny_gpt2()
    prompt, text = [3, 7, 11], [20, 5, 20, 9]
    setting = knobs(temperature=0.8, penalty=0.5)
    biases = {20: -2.0}
    steps = list(walk(ExpandedCacheEngine(model), prompt, text, setting, biases=biases, top=5))
    assert [step.token for step in steps] == text
    with torch.inference_mode():
        for place, step in enumerate(steps):
            logits = model(torch.tensor([prompt + text[:place]])).logits[0, -1].double().numpy()
            alone = np.exp(logits - logits.max())
            score = logits.copy()
            score[20] -= 2.0
            for token in text[:place]:
                score[token] -= 0.5
            drawn = np.exp((score - score.max()) / 0.8)
            drawn /= drawn.sum()
            assert step.before == pytest.approx(alone[text[place]] / alone.sum(), rel=1e-4)
            assert step.after == pytest.approx(drawn[text[place]], rel=1e-4)
            assert step.rank == int((drawn > drawn[text[place]]).sum()) + 1
            assert [token for token, _ in step.others] == np.argsort(-drawn)[:5].tolist()
    assert len(drawn) == VOCABULARY
