"""Decoding: many texts of several prompts at once, each handed on when it ends.

A prompt is prefilled once for all its texts. Rows of several prompts decode in one batch; a row
that ends frees its place, which the next prompt's rows take, or which is dropped. The two engines
differ only in what they keep: `SharedPrefixEngine` keeps each prompt once and mixes prompts,
`ExpandedCacheEngine` copies the prompt to its rows as transformers does and works for any model.

On a CPU, decodings run side by side in lanes, each on its own share of the cores. Threads inside an
operation must meet at its end, a thousand times a step. Where they sleep until then, waking them
costs more than a small operation does; where they spin, a step takes many times as long as soon as
another program wants a core. Lanes meet nowhere: two, each with half the rows and one core, are as
quick as spinning threads on an idle machine and lose little on a busy one.
"""

import math
import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from core.domain.errors import BackendFailed
from core.generation.local.sampling import Knobs, adjusted_logits, draw, sampling_weights

if TYPE_CHECKING:
    from torch import Tensor


_CACHED_ROWS = 16
_ALONE_AT_MOST = 12


@dataclass(frozen=True, slots=True)
class TextPlan:
    """A text to decode: which prompt, and one uniform number in [0, 1) for each token."""

    prompt: int
    uniforms: Sequence[float]


@dataclass(frozen=True, slots=True)
class DecodedText:
    """A decoded text.

    Args:
        plan: position of its plan in the list given to `decode`.
        tokens: every token drawn, the closing one included.
        closed: whether it ended by a closing token (else by the limit).
        log_probability: sum over its tokens of the natural log-probability under the untouched
            model.
    """

    plan: int
    tokens: tuple[int, ...]
    closed: bool
    log_probability: float


class Engine(Protocol):
    """The model side of decoding: prefill, one-token steps, and which rows are kept."""

    mixes_prompts: bool

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        """Run a prompt; returns the logits after it, float32 (vocabulary,)."""
        ...

    def add_rows(self, prompts: Sequence[int]) -> None:
        """Append one row for each entry, which names its (prefilled) prompt."""
        ...

    def keep_rows(self, rows: Sequence[int]) -> None:
        """Keep only these rows, in this order."""
        ...

    def step(self, tokens: "Tensor") -> "Tensor":
        """Append one token per row, int64 (rows,); returns logits, float32 (rows, vocabulary)."""
        ...


@dataclass
class _Row:
    plan: int
    prompt: int
    tokens: list[int] = field(default_factory=list)
    log_probability: float = 0.0


def decode(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    plans: Sequence[TextPlan],
    *,
    knobs: Knobs,
    biases: Sequence["Tensor | None"],
    closing: frozenset[int],
    max_tokens: int,
    max_rows: int,
    first_soon: bool,
) -> Iterator[list[DecodedText]]:
    """Decode all plans.

    Args:
        engine: a fresh engine.
        prompts: token ids of each prompt, none empty.
        plans: the texts, those of one prompt next to each other; each needs max_tokens uniforms.
        knobs: the sampler's.
        biases: for each prompt float32 (vocabulary,) or None, added to the logits.
        closing: tokens that end a text.
        max_tokens: drawn tokens per text at most.
        max_rows: rows decoded at once at most; a prompt's rows start together.
        first_soon: let the first prompt's rows decode alone until one ends, so that somebody who
            waits reads a text before all the other prompts are prefilled, or for 12 steps if none
            does; costs a few per cent.

    Yields:
        After every prefill an empty list, and after every step the texts that it finished, in the
        order of their plans.

    Raises:
        BackendFailed: the model's logits are no numbers.
    """
    # Nine parameters: the hot loop takes what it needs once, before the first step.
    import torch

    by_prompt = groupby(range(len(plans)), key=lambda place: plans[place].prompt)
    waiting = deque((prompt, list(places)) for prompt, places in by_prompt)
    rows: list[_Row] = []
    logits: Tensor | None = None
    alone = _ALONE_AT_MOST if first_soon else 0
    while rows or waiting:
        admitted: list[Tensor] = [] if logits is None else [logits]
        while waiting and _has_room(engine, rows, len(waiting[0][1]), max_rows):
            if rows and alone > 0:
                alone -= 1
                break
            prompt, members = waiting.popleft()
            first = engine.prefill(prompt, prompts[prompt])
            engine.add_rows([prompt] * len(members))
            rows.extend(_Row(plan, prompt) for plan in members)
            admitted.append(first.expand(len(members), -1))
            yield []
        every = admitted[0] if len(admitted) == 1 else torch.cat(admitted)
        tokens = _next_tokens(every, rows, plans, knobs=knobs, biases=biases)
        finished = [
            row for row in rows if row.tokens[-1] in closing or len(row.tokens) >= max_tokens
        ]
        yield [_decoded(row, closing) for row in finished]
        if finished:
            alone = 0
            ended = {id(row) for row in finished}
            alive = [place for place, row in enumerate(rows) if id(row) not in ended]
            rows = [rows[place] for place in alive]
            engine.keep_rows(alive)
            tokens = tokens[alive]
        logits = engine.step(tokens) if rows else None


def _has_room(engine: Engine, rows: Sequence[_Row], more: int, max_rows: int) -> bool:
    if not rows:
        return True
    return engine.mixes_prompts and len(rows) + more <= max_rows


def _next_tokens(
    logits: "Tensor",
    rows: Sequence[_Row],
    plans: Sequence[TextPlan],
    *,
    knobs: Knobs,
    biases: Sequence["Tensor | None"],
) -> "Tensor":
    """Draw each row's next token, note it and its log-probability; int64 (rows,)."""
    import torch

    # A few rows at a time stay in a CPU's caches, which halves the time; a GPU wants them all.
    width = _CACHED_ROWS if logits.device.type == "cpu" else len(rows)
    parts = []
    for start in range(0, len(rows), width):
        some = rows[start : start + width]
        tokens, scores = _draw_rows(
            logits[start : start + width], some, plans, knobs=knobs, biases=biases
        )
        parts.append(tokens)
        for row, token, score in zip(some, tokens.tolist(), scores.tolist(), strict=True):
            if math.isnan(score):
                raise BackendFailed(
                    "The language model computed something that is not a number.",
                    "Try the device cpu, or another model.",
                )
            row.tokens.append(token)
            row.log_probability += score
    return torch.cat(parts)


def _draw_rows(
    logits: "Tensor",
    rows: Sequence[_Row],
    plans: Sequence[TextPlan],
    *,
    knobs: Knobs,
    biases: Sequence["Tensor | None"],
) -> tuple["Tensor", "Tensor"]:
    """Next tokens and their log-probabilities under the untouched model, each (rows,)."""
    import torch

    device = logits.device
    changed = adjusted_logits(
        logits, knobs, bias=_row_biases(rows, biases), drawn=_drawn(rows, device)
    )
    if knobs.temperature == 0:
        tokens = changed.argmax(dim=-1)
    else:
        uniforms = [plans[row.plan].uniforms[len(row.tokens)] for row in rows]
        weights = sampling_weights(changed, knobs)
        # MPS has no float64; there the draw is made on the CPU.
        weights = weights.cpu() if device.type == "mps" else weights
        aims = torch.tensor(uniforms, dtype=torch.float64, device=weights.device)
        tokens = draw(weights, aims).to(device)
    return tokens, logits.gather(1, tokens[:, None])[:, 0] - torch.logsumexp(logits, dim=-1)


def _row_biases(rows: Sequence[_Row], biases: Sequence["Tensor | None"]) -> "Tensor | None":
    import torch

    used = {row.prompt for row in rows}
    parts = {id(biases[prompt]): biases[prompt] for prompt in used}
    if len(parts) == 1:
        only = next(iter(parts.values()))
        return None if only is None else only[None]
    some = next(part for part in parts.values() if part is not None)
    zero = torch.zeros_like(some)
    table = {prompt: zero if (part := biases[prompt]) is None else part for prompt in used}
    return torch.stack([table[row.prompt] for row in rows])


def _drawn(rows: Sequence[_Row], device: Any) -> "Tensor":
    import torch

    longest = max(len(row.tokens) for row in rows)
    table = [row.tokens + [-1] * (longest - len(row.tokens)) for row in rows]
    return torch.tensor(table, dtype=torch.int64, device=device)


def _decoded(row: _Row, closing: frozenset[int]) -> DecodedText:
    return DecodedText(
        plan=row.plan,
        tokens=tuple(row.tokens),
        closed=row.tokens[-1] in closing,
        log_probability=row.log_probability,
    )


T = TypeVar("T")


class _Lane(threading.Thread, Generic[T]):
    """Runs an iterator ahead of its reader."""

    def __init__(self, items: Iterator[T], threads: int) -> None:
        super().__init__(daemon=True)
        self._items = items
        self._threads = threads
        self._stopped = threading.Event()
        # Lists of one item, and an empty one at the end.
        self._ready: queue.SimpleQueue[list[T]] = queue.SimpleQueue()
        self._error: BaseException | None = None

    def run(self) -> None:
        import torch

        torch.set_num_threads(self._threads)
        try:
            for item in self._items:
                self._ready.put([item])
                if self._stopped.is_set():
                    break
        except BaseException as error:  # raised again by `items`
            self._error = error
        self._ready.put([])

    def items(self) -> Iterator[T]:
        """The iterator's items as they come, and what it raised."""
        while item := self._ready.get():
            yield from item
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let it end after the current item."""
        self._stopped.set()


def side_by_side(lanes: Sequence[Iterator[T]], *, threads: int) -> Generator[T]:
    """Run iterators at the same time, each in a thread of its own.

    Args:
        lanes: what runs; each is used in its own thread alone.
        threads: threads that PyTorch uses within each lane, at least 1.

    Yields:
        The first item of each lane, then the second of each, and so on: the order depends on
        the lanes alone, not on their speed.

    Raises:
        BaseException: what a lane raised. Then, and when the reader ends, the others stop after
            the current item.
    """
    import torch

    if len(lanes) == 1:
        yield from lanes[0]
        return
    whole = torch.get_num_threads()
    running = [_Lane(items, threads) for items in lanes]
    for lane in running:
        lane.start()
    try:
        waiting = [lane.items() for lane in running]
        while waiting:
            for items in list(waiting):
                try:
                    item = next(items)
                except StopIteration:
                    waiting.remove(items)
                else:
                    yield item
    finally:
        for lane in running:
            lane.stop()
        for lane in running:
            lane.join()
        # A thread's number of threads is also what threads begun after it start with.
        torch.set_num_threads(whole)
