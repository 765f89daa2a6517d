"""The sampler: exact shares of every knob, against a plain reference in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from core.domain.errors import BadInput
from core.generation.local.sampling import (
    Knobs,
    adjusted_logits,
    dense_biases,
    draw,
    sampling_weights,
)

N = 20_000
VOCABULARY = 300  # not divisible by a block of 256


def knobs(
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    frequency_penalty: float = 0.0,
) -> Knobs:
    return Knobs(temperature, top_p, min_p, frequency_penalty)


def fixed_logits(vocabulary: int = VOCABULARY, *, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.tensor(rng.normal(0, 2, (1, vocabulary)), dtype=torch.float32)


def reference(
    logits: torch.Tensor, setting: Knobs, bias: dict[int, float], drawn: list[int]
) -> np.ndarray:
    """Probabilities (vocabulary,) step by step, each knob as its definition says."""
    score = logits[0].double().numpy().copy()
    for token, value in bias.items():
        score[token] += value
    for token in drawn:
        score[token] -= setting.frequency_penalty
    odds = torch.softmax(torch.tensor(score / setting.temperature), dim=0).numpy()
    odds[odds < setting.min_p * odds.max()] = 0
    kept, mass = np.zeros_like(odds), 0.0
    for token in np.argsort(-odds, kind="stable"):
        if mass < setting.top_p * odds.sum():
            kept[token] = odds[token]
            mass += odds[token]
    return kept / kept.sum()


def weights_of(
    logits: torch.Tensor, setting: Knobs, bias: dict[int, float], drawn: list[int]
) -> torch.Tensor:
    dense = torch.zeros(1, logits.shape[1]) if bias else None
    for token, value in bias.items():
        assert dense is not None
        dense[0, token] = value
    held = torch.tensor([[*drawn, -1, -1]]) if drawn else None
    return sampling_weights(adjusted_logits(logits, setting, bias=dense, drawn=held), setting)


@pytest.mark.parametrize(
    ("setting", "bias", "drawn"),
    [
        (knobs(temperature=0.3), {}, []),
        (knobs(temperature=0.7), {}, []),
        (knobs(temperature=1.3), {}, []),
        (knobs(top_p=0.5), {}, []),
        (knobs(top_p=0.95), {}, []),
        (knobs(min_p=0.2), {}, []),
        (knobs(frequency_penalty=1.5), {}, [3, 3, 299, 7]),
        (knobs(frequency_penalty=-2), {}, [0, 0, 299]),
        (knobs(), {5: 4.0, 299: 6.0, 256: -100.0}, []),
        (knobs(temperature=1.3, top_p=0.9, min_p=0.05, frequency_penalty=0.5), {8: 5.0}, [8, 8]),
    ],
    ids=str,
)
def test_tokens_come_in_their_shares(
    setting: Knobs, bias: dict[int, float], drawn: list[int]
) -> None:
    logits = fixed_logits()
    wanted = reference(logits, setting, bias, drawn)
    weights = weights_of(logits, setting, bias, drawn)
    assert weights[0].numpy() / float(weights.sum()) == pytest.approx(wanted, abs=1e-6)

    # Evenly spaced numbers draw every token its share times, give or take one.
    even = (torch.arange(N, dtype=torch.float64) + 0.5) / N
    counts = np.bincount(draw(weights.expand(N, -1), even).numpy(), minlength=VOCABULARY)
    assert np.abs(counts - N * wanted).max() <= 1.1
    # Random ones as many as chance allows.
    random = torch.tensor(np.random.default_rng(11).random(N))
    counts = np.bincount(draw(weights.expand(N, -1), random).numpy(), minlength=VOCABULARY)
    assert counts[wanted == 0].sum() == 0
    frequent = N * wanted >= 5
    seen, due = [*counts[frequent]], [*(N * wanted[frequent])]
    if N * wanted[~frequent].sum() > 0.5:
        seen, due = [*seen, counts[~frequent].sum()], [*due, N * wanted[~frequent].sum()]
    assert len(seen) > 3
    assert chisquare(seen, np.array(due) * sum(seen) / sum(due)).pvalue > 1e-3


def test_the_test_above_can_tell_a_temperature_from_its_neighbour() -> None:
    weights = sampling_weights(fixed_logits(), knobs(temperature=0.7))
    off = reference(fixed_logits(), knobs(temperature=0.75), {}, [])
    even = (torch.arange(N, dtype=torch.float64) + 0.5) / N
    counts = np.bincount(draw(weights.expand(N, -1), even).numpy(), minlength=VOCABULARY)
    assert np.abs(counts - N * off).max() > 50


def test_the_knobs_act_in_the_order_that_is_stated() -> None:
    # Temperature before min_p: 1 / 0.5 doubles the gap of 1 to 2, and exp(-2) is below 0.2.
    logits = torch.tensor([[0.0, -1.0]])
    assert sampling_weights(logits, knobs(min_p=0.2))[0].tolist() == pytest.approx(
        [1.0, float(np.exp(-1))]
    )
    assert sampling_weights(logits, knobs(min_p=0.2, temperature=0.5))[0].tolist() == [1.0, 0.0]
    # Bias before temperature: +1 at 0.5 is a factor of exp(2), not exp(1).
    biased = weights_of(logits, knobs(temperature=0.5), {0: 1.0}, [])
    assert biased[0].tolist() == pytest.approx([1.0, float(np.exp(-4))])
    # Penalty before temperature, once for each time: -3 * 0.5 at 0.5 is -3.
    held = weights_of(torch.zeros(1, 2), knobs(temperature=0.5, frequency_penalty=0.5), {}, [1] * 3)
    assert held[0].tolist() == pytest.approx([1.0, float(np.exp(-3))])
    # min_p before top_p: of shares .4 .3 .2 .1, min_p 0.6 leaves .4 .3, whose half is one token;
    # half of all four would be two.
    shares = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).log()
    assert sampling_weights(shares, knobs(top_p=0.5)).count_nonzero() == 2
    assert sampling_weights(shares, knobs(top_p=0.5, min_p=0.6)).count_nonzero() == 1


def test_min_p_keeps_what_reaches_it_exactly() -> None:
    logits = torch.tensor([[3.0, 3.0, 2.9, -5.0]])
    assert sampling_weights(logits, knobs(min_p=1))[0].tolist() == [1, 1, 0, 0]


def test_nothing_given_is_changed() -> None:
    logits = fixed_logits()
    before = logits.clone()
    held = torch.tensor([[1, 1, -1]])
    bias = torch.ones(1, VOCABULARY)
    setting = knobs(temperature=0.5, top_p=0.5, min_p=0.1, frequency_penalty=1)
    for used in (bias, None):
        sampling_weights(adjusted_logits(logits, setting, bias=used, drawn=held), setting)
    assert torch.equal(logits, before)
    assert torch.equal(bias, torch.ones(1, VOCABULARY))
    assert adjusted_logits(logits, knobs(), bias=None, drawn=held) is logits


def test_each_row_has_its_own_bias_and_its_own_tokens() -> None:
    logits = torch.zeros(3, 4)
    bias = torch.tensor([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, -1.0]])
    held = torch.tensor([[0, 0, 2], [-1, -1, -1], [3, -1, -1]])
    changed = adjusted_logits(logits, knobs(frequency_penalty=0.5), bias=bias, drawn=held)
    assert changed.tolist() == [[0, 0, -0.5, 0], [0, 0, 0, 0], [0, 0, 0, -1.5]]


@pytest.mark.parametrize("temperature", [5e-324, 1e-50, 1e-38, 1e-9])
def test_a_temperature_next_to_zero_takes_the_likeliest(temperature: float) -> None:
    logits = torch.tensor([[1.0, 3.0, 2.999]])
    assert sampling_weights(logits, knobs(temperature=temperature))[0].tolist() == [0, 1, 0]


@pytest.mark.parametrize("top_p", [5e-324, 1e-50, 1e-9])
def test_a_top_p_next_to_zero_takes_the_likeliest(top_p: float) -> None:
    logits = torch.tensor([[1.0, 3.0, 2.999]])
    assert sampling_weights(logits, knobs(top_p=top_p))[0].tolist() == [0, 1, 0]


def test_what_is_banned_outright_stays_banned() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf, 0.0]])
    for setting in (knobs(), knobs(top_p=0.5), knobs(min_p=0.5), knobs(temperature=2)):
        weights = sampling_weights(logits, setting)
        assert weights[0, [0, 2]].tolist() == [0, 0]
        assert weights.sum() > 0


# Equal logits make sums exact, so that the boundary of the nucleus is met to the token.
@pytest.mark.parametrize(
    ("equal", "vocabulary", "top_p", "kept"),
    [
        (4, 4, 0.5, 2),
        (4, 4, 0.51, 3),
        (4, 4, 0.25, 1),
        (4, 4, 0.2, 1),
        (4, 10, 0.75, 3),
        (512, 900, 0.5, 256),
        (1024, 1024, 0.5, 512),
        (1024, 1024, 513 / 1024, 513),  # more than the partial sort looks at
        (1024, 3000, 0.75, 768),
    ],
)
def test_the_nucleus_is_the_smallest_set_that_holds_top_p(
    equal: int, vocabulary: int, top_p: float, kept: int
) -> None:
    logits = torch.full((1, vocabulary), -torch.inf)
    logits[0, torch.randperm(vocabulary, generator=torch.Generator().manual_seed(2))[:equal]] = 0
    weights = sampling_weights(logits, knobs(top_p=top_p))
    assert int(weights.count_nonzero()) == kept
    assert bool((logits[0, weights[0] > 0] == 0).all())


@settings(deadline=None)
@given(
    st.integers(1, 1200),
    st.floats(0.01, 0.999),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.booleans(),
)
def test_the_nucleus_of_any_row(
    vocabulary: int, top_p: float, seed: int, spread: float, coarse: bool
) -> None:
    logits = torch.tensor(np.random.default_rng(seed).normal(0, spread, (3, vocabulary))).float()
    if coarse:
        logits = (logits * 2).round() / 2  # many ties
    whole = sampling_weights(logits, knobs()).double().numpy()
    cut = sampling_weights(logits, knobs(top_p=top_p)).double().numpy()
    for every, kept in zip(whole, cut, strict=True):
        inside = kept > 0
        assert np.array_equal(kept[inside], every[inside])
        slack = 1e-5 * every.sum()
        assert kept.sum() >= top_p * every.sum() - slack
        assert kept.sum() - kept[inside].min() < top_p * every.sum() + slack
        if not inside.all():
            assert every[inside].min() >= every[~inside].max()


UNIFORMS = st.sampled_from([0.0, 0.5, 1 - 2**-53]) | st.floats(0, 1, exclude_max=True)
ROW = st.dictionaries(
    st.integers(0, 599),
    st.sampled_from([1.0, 1e-30, 1e-45]) | st.floats(0, 1, width=32),
    min_size=1,
    max_size=30,
).filter(lambda row: max(row.values()) > 0)


@settings(deadline=None)
@given(st.lists(st.tuples(ROW, UNIFORMS), min_size=1, max_size=5), st.integers(600, 800))
def test_a_draw_is_where_the_number_falls_and_never_of_weight_zero(
    rows: list[tuple[dict[int, float], float]], vocabulary: int
) -> None:
    weights = torch.zeros(len(rows), vocabulary)
    for place, (row, _) in enumerate(rows):
        for token, weight in row.items():
            weights[place, token] = weight
    drawn = draw(weights, torch.tensor([u for _, u in rows], dtype=torch.float64)).tolist()
    for place, (token, (_, uniform)) in enumerate(zip(drawn, rows, strict=True)):
        exact = weights[place].double().numpy()
        assert exact[token] > 0
        aim, ends = uniform * exact.sum(), exact.cumsum()
        slack = 1e-12 * exact.sum()
        assert ends[token] - exact[token] - slack <= aim <= ends[token] + slack


@pytest.mark.parametrize("vocabulary", [1, 255, 256, 257, 512, 600])
def test_the_ends_of_the_range_reach_the_first_and_the_last_token(vocabulary: int) -> None:
    weights = torch.ones(2, vocabulary)
    uniforms = torch.tensor([0.0, 1 - 2**-53], dtype=torch.float64)
    assert draw(weights, uniforms).tolist() == [0, vocabulary - 1]


def test_sums_that_round_apart_still_end_at_a_token_that_has_weight() -> None:
    # Weights of many magnitudes, whose sum hangs on the order of adding; the last number there is.
    rng = np.random.default_rng(3)
    weights = torch.tensor(2.0 ** rng.uniform(-60, 0, (4000, 512))).float()
    weights[:, ::256] = 0
    weights[:, 300:] = 0
    uniforms = torch.full((4000,), 1 - 2**-53, dtype=torch.float64)
    drawn = draw(weights, uniforms)
    assert bool((weights.gather(1, drawn[:, None]) > 0).all())
    assert int(drawn.min()) > 256


def test_entries_of_one_token_are_summed_and_equal_ones_are_one_tensor() -> None:
    same = ((1, -2.0), (3, 0.5), (1, -1.5))
    first, none, second, other = dense_biases(
        [same, (), same, ((0, 100.0),)], vocabulary=4, device="cpu"
    )
    assert none is None
    assert first is second
    assert first is not None
    assert other is not None
    assert first.tolist() == [0.0, -3.5, 0.0, 0.5]
    assert other.tolist() == [100.0, 0.0, 0.0, 0.0]


def test_a_token_outside_of_the_vocabulary_is_refused() -> None:
    assert dense_biases([((3, 1.0),)], vocabulary=4, device="cpu")[0] is not None
    with pytest.raises(BadInput, match="Token 4 is outside the model's vocabulary of 4"):
        dense_biases([((4, 1.0),)], vocabulary=4, device="cpu")
