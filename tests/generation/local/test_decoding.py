"""Decoding with an engine that only pretends: who is handed on when, and that rows are their own.

The engine's logits hang on a row's own context alone, so every text has one right answer, which
a plain loop in numpy finds for each text by itself.
"""

import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.errors import BackendFailed
from core.generation.local.decoding import DecodedText, TextPlan, decode, side_by_side
from core.generation.local.sampling import Knobs

VOCABULARY, CLOSING = 12, frozenset({0, 1})
SAMPLED, GREEDY = Knobs(0.9, 1.0, 0.0, 0.3), Knobs(0.0, 1.0, 0.0, 0.3)
LONGEST = 9


def logits_after(context: Sequence[int]) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(bytes(context)))
    return rng.normal(0, 1.5, VOCABULARY).astype(np.float32)


@dataclass
class PretendEngine:
    """Obeys `decoding.Engine`; `events` holds the calls, `admitted` the steps taken before."""

    mixes_prompts: bool = True
    scripts: dict[int, list[int]] = field(default_factory=dict)
    events: list[tuple[str, object]] = field(default_factory=list)
    steps: int = 0
    admitted: dict[int, int] = field(default_factory=dict)
    most_rows: int = 0
    _prompts: dict[int, list[int]] = field(default_factory=dict)
    _rows: list[list[int]] = field(default_factory=list)

    def _logits(self, context: list[int]) -> torch.Tensor:
        return torch.tensor(logits_after(context))

    def prefill(self, prompt: int, tokens: Sequence[int]) -> torch.Tensor:
        assert tokens
        assert prompt not in self._prompts
        assert self.mixes_prompts or not self._rows
        self.events.append(("prefill", prompt))
        self._prompts[prompt] = list(tokens)
        return self._logits(self._prompts[prompt])

    def add_rows(self, prompts: Sequence[int]) -> None:
        self.events.append(("add", list(prompts)))
        for prompt in prompts:
            self._rows.append(list(self._prompts[prompt]))
            self.admitted[prompt] = self.steps
        self.most_rows = max(self.most_rows, len(self._rows))

    def keep_rows(self, rows: Sequence[int]) -> None:
        self.events.append(("keep", list(rows)))
        assert list(rows) == sorted(set(rows))
        self._rows = [self._rows[row] for row in rows]

    def step(self, tokens: torch.Tensor) -> torch.Tensor:
        assert tokens.dtype == torch.int64
        assert len(self._rows) > 0
        assert tokens.shape == (len(self._rows),)
        self.events.append(("step", len(self._rows)))
        self.steps += 1
        for row, token in zip(self._rows, tokens.tolist(), strict=True):
            row.append(token)
        return torch.stack([self._logits(row) for row in self._rows])


def alone(
    prompt: Sequence[int],
    uniforms: Sequence[float],
    knobs: Knobs,
    bias: torch.Tensor | None,
    max_tokens: int,
) -> tuple[tuple[int, ...], bool, float]:
    """One text by itself: its tokens, whether it closed, its log-probability."""
    tokens: list[int] = []
    score = 0.0
    while len(tokens) < max_tokens:
        logits = logits_after([*prompt, *tokens]).astype(np.float64)
        odds = logits + (0 if bias is None else bias.numpy())
        for token in tokens:
            odds[token] -= knobs.frequency_penalty
        if knobs.temperature == 0:
            token = int(odds.argmax())
        else:
            share = np.exp((odds - odds.max()) / knobs.temperature).cumsum()
            token = int(np.argmax(share > uniforms[len(tokens)] * share[-1]))
        tokens.append(token)
        score += logits[token] - np.log(np.exp(logits).sum())
        if token in CLOSING:
            return tuple(tokens), True, score
    return tuple(tokens), False, score


@dataclass
class Case:
    """A list of prompts and plans, decoded once."""

    sizes: list[int]
    seed: int = 0
    knobs: Knobs = SAMPLED
    mixes: bool = True
    max_rows: int = 1000
    max_tokens: int = LONGEST
    first_soon: bool = False
    biased: bool = False

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.prompts = [
            [2 + int(t) for t in rng.integers(0, 10, 1 + place)] + [place % 200]
            for place in range(len(self.sizes))
        ]
        self.plans = [
            TextPlan(prompt, list(rng.random(self.max_tokens)))
            for prompt, size in enumerate(self.sizes)
            for _ in range(size)
        ]
        self.biases: list[torch.Tensor | None] = [None] * len(self.sizes)
        if self.biased:  # none, one of its own, and one that two prompts share
            shared = torch.tensor(rng.normal(0, 2, VOCABULARY)).float()
            for place in range(len(self.sizes)):
                own = torch.tensor(rng.normal(0, 2, VOCABULARY)).float()
                self.biases[place] = [None, shared, own, shared][place % 4]
        self.engine = PretendEngine(mixes_prompts=self.mixes)
        self.yields: list[tuple[int, list[DecodedText]]] = []

    def start(self) -> Iterator[list[DecodedText]]:
        return decode(
            self.engine,
            self.prompts,
            self.plans,
            knobs=self.knobs,
            biases=self.biases,
            closing=CLOSING,
            max_tokens=self.max_tokens,
            max_rows=self.max_rows,
            first_soon=self.first_soon,
        )

    def run(self) -> list[DecodedText]:
        for finished in self.start():
            if finished:
                self.yields.append((self.engine.steps, finished))
        return [text for _, texts in self.yields for text in texts]

    def expected(self, number: int) -> tuple[tuple[int, ...], bool, float]:
        plan = self.plans[number]
        prompt = plan.prompt
        return alone(
            self.prompts[prompt], plan.uniforms, self.knobs, self.biases[prompt], self.max_tokens
        )


CASES = st.builds(
    Case,
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    seed=st.integers(0, 2**31),
    knobs=st.sampled_from([SAMPLED, GREEDY]),
    mixes=st.booleans(),
    max_rows=st.sampled_from([20, 25, 1000]),
    max_tokens=st.integers(1, LONGEST),
    first_soon=st.booleans(),
    biased=st.booleans(),
)


@settings(deadline=None)
@given(CASES)
def test_every_text_is_decoded_once_and_as_if_it_were_alone(case: Case) -> None:
    texts = case.run()
    assert sorted(text.plan for text in texts) == list(range(len(case.plans)))
    for text in texts:
        tokens, closed, score = case.expected(text.plan)
        assert (text.tokens, text.closed) == (tokens, closed)
        assert text.log_probability == pytest.approx(score, abs=1e-4)
    assert case.engine.most_rows <= case.max_rows
    prefilled = [prompt for what, prompt in case.engine.events if what == "prefill"]
    assert prefilled == list(range(len(case.sizes)))


@settings(deadline=None)
@given(CASES)
def test_each_text_is_handed_on_in_the_step_that_finished_it(case: Case) -> None:
    case.run()
    for steps, texts in case.yields:
        assert texts
        assert [text.plan for text in texts] == sorted(text.plan for text in texts)
        for text in texts:
            prompt = case.plans[text.plan].prompt
            assert steps - case.engine.admitted[prompt] == len(text.tokens) - 1


def test_the_cases_above_close_and_are_cut_off() -> None:
    texts = Case([20, 20, 20]).run()
    assert {text.closed for text in texts} == {True, False}
    assert len({len(text.tokens) for text in texts}) > 4
    assert all(len(text.tokens) == LONGEST for text in texts if not text.closed)


def test_a_closing_token_in_the_last_place_closes() -> None:
    case = Case([20])
    by_length = {len(text.tokens): text for text in case.run() if text.closed}
    text = by_length[3]
    short = Case([20], max_tokens=3)
    short.plans = [TextPlan(0, case.plans[text.plan].uniforms)]
    (found,) = short.run()
    assert found.tokens == text.tokens
    assert found.closed


def test_without_first_soon_all_prompts_that_fit_are_prefilled_at_once() -> None:
    case = Case([3, 3, 3], max_rows=6)
    case.run()
    assert case.engine.events[:4] == [
        ("prefill", 0),
        ("add", [0, 0, 0]),
        ("prefill", 1),
        ("add", [1, 1, 1]),
    ]
    assert case.engine.events[4][0] in ("step", "keep")


def never_closing(case: Case) -> Case:
    bias = torch.zeros(VOCABULARY)
    bias[list(CLOSING)] = -100
    case.biases = [bias] * len(case.sizes)
    return case


def test_with_first_soon_a_text_is_there_before_the_others_are_prefilled() -> None:
    case = Case([6, 6, 6], first_soon=True)
    case.run()
    names = [what for what, _ in case.engine.events]
    first_end = names.index("keep")
    assert names[:first_end].count("prefill") == 1
    assert names.count("prefill") == 3
    # and the wait is over with the first text
    assert names[first_end : first_end + 3] == ["keep", "step", "prefill"]
    assert case.yields[0][1][0].plan < 6


def test_with_first_soon_a_first_prompt_that_never_ends_does_not_hold_up_the_rest() -> None:
    case = never_closing(Case([2, 2], first_soon=True, max_tokens=40))
    case.run()
    assert case.engine.admitted[0] == 0
    assert 0 < case.engine.admitted[1] <= 12


def test_places_that_become_free_are_taken_as_soon_as_a_whole_prompt_fits() -> None:
    case = Case([4, 4, 4], max_rows=8, seed=3)
    case.run()
    rows, waiting, refilled, fitted = 0, [4, 4, 4], False, False
    for what, value in case.engine.events:
        if what == "add":
            refilled |= len(waiting) == 1
            rows += waiting.pop(0)
        elif what == "keep":
            rows = len(value)  # type: ignore[arg-type]
        elif what == "step":
            assert rows == value
            fits = bool(waiting) and rows + waiting[0] <= 8
            assert not (fitted and fits)  # room that one step leaves is gone at the next
            fitted = fits
    assert refilled
    assert case.engine.steps < 3 * (LONGEST - 1)


def test_an_engine_that_does_not_mix_gets_one_prompt_after_the_other() -> None:
    case = Case([3, 3, 3], mixes=False, first_soon=True)
    assert len(case.run()) == 9  # the engine itself refuses a prefill beside rows


def test_it_pauses_after_every_prefill_and_step() -> None:
    # So whoever reads may stop it there.
    case = Case([2, 2, 2])
    seen = [len(case.engine.events) for _ in case.start()]
    heavy = [n for n, (what, _) in enumerate(case.engine.events) if what in ("prefill", "step")]
    for one, next_ in pairwise(heavy):
        assert any(one < place <= next_ for place in seen)


@pytest.mark.parametrize("pauses", [1, 2, 4, 7])
def test_who_stops_reading_stops_the_engine(pauses: int) -> None:
    case = never_closing(Case([2, 2], max_tokens=9))
    steps = case.start()
    for _ in range(pauses):
        assert next(steps) == []
    steps.close()
    whole = never_closing(Case([2, 2], max_tokens=9))
    whole.run()
    assert 0 < len(case.engine.events) < len(whole.engine.events)
    assert case.engine.events == whole.engine.events[: len(case.engine.events)]


@pytest.mark.parametrize("knobs", [SAMPLED, GREEDY])
def test_logits_that_are_no_numbers_are_refused(
    monkeypatch: pytest.MonkeyPatch, knobs: Knobs
) -> None:
    # Drawing from them would give token after token of nonsense without a word.
    case = Case([3], knobs=knobs)
    monkeypatch.setattr(case.engine, "_logits", lambda _: torch.full((VOCABULARY,), torch.nan))
    with pytest.raises(BackendFailed, match="not a number"):
        case.run()


def test_nothing_to_do_is_nothing_done() -> None:
    case = Case([])
    assert case.run() == []
    assert case.engine.events == []


def paced(items: list[int], seconds: list[float]) -> Iterator[int]:
    for item, wait in zip(items, seconds, strict=True):
        time.sleep(wait)
        yield item


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=4))
def test_the_order_is_a_round_over_the_lanes_whatever_their_speed(waits: list[list[int]]) -> None:
    lanes = [
        paced([100 * number + place for place in range(len(own))], [0.002 * wait for wait in own])
        for number, own in enumerate(waits)
    ]
    rounds = [
        100 * number + place
        for place in range(5)
        for number, own in enumerate(waits)
        if place < len(own)
    ]
    assert list(side_by_side(lanes, threads=1)) == rounds


def test_lanes_run_at_the_same_time() -> None:
    met = threading.Barrier(3, timeout=20)

    def lane(number: int) -> Iterator[int]:
        met.wait()  # passed only if all three are there at once
        yield number

    assert list(side_by_side([lane(n) for n in range(3)], threads=1)) == [0, 1, 2]


def test_a_lane_has_its_own_number_of_threads_and_the_reader_keeps_its() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:

        def lane() -> Iterator[int]:
            yield torch.get_num_threads()

        assert list(side_by_side([lane(), lane()], threads=1)) == [1, 1]
        assert torch.get_num_threads() == 2
        later = []
        thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert later == [2]
    finally:
        torch.set_num_threads(before)


def test_one_lane_runs_in_its_readers_thread() -> None:
    def lane() -> Iterator[int]:
        yield threading.get_ident()

    assert list(side_by_side([lane()], threads=1)) == [threading.get_ident()]


class Broken(Exception):
    pass


def test_what_a_lane_raises_comes_out_after_what_was_ready_and_ends_the_others() -> None:
    ended = threading.Event()

    def endless() -> Iterator[int]:
        number = 0
        try:
            while True:
                yield (number := number + 1)
        finally:
            ended.set()

    def breaking() -> Iterator[int]:
        yield -1
        raise Broken

    seen = []
    before = threading.active_count()
    with pytest.raises(Broken):
        for item in side_by_side([endless(), breaking()], threads=1):
            seen.append(item)
    assert seen == [1, -1, 2]
    assert threading.active_count() == before


def test_a_reader_that_goes_ends_the_lanes() -> None:
    steps = [0, 0]

    def endless(lane: int) -> Iterator[int]:
        while True:
            steps[lane] += 1
            yield lane

    before = threading.active_count()
    running = side_by_side([endless(0), endless(1)], threads=1)
    assert [next(running) for _ in range(3)] == [0, 1, 0]
    running.close()
    assert threading.active_count() == before
    stopped = list(steps)
    time.sleep(0.05)
    assert steps == stopped
