"""What a run behind a server will take, and whether a limit on it can be kept."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.domain.connections import Prices
from core.domain.errors import BadInput
from core.domain.runs import Attempt, ModelChoice, RunSpec
from core.domain.spending import CostEstimate, SpendingLimit, check_spending_limit, estimate_cost
from core.store.connections import find_capabilities, find_prices
from core.store.database import Database
from core.store.generation.rounds import attempts_of
from core.store.generation.runs import RunRecord, recent_runs


def check_model_limit(db: Database, model: ModelChoice, cap: SpendingLimit) -> None:
    """Refuse a spending limit that can't be kept for a model, before anything is spent.

    Raises:
        BadInput: the model runs on this machine, a price is unknown, or the server reports no
            tokens.
    """
    if not cap.on:
        return
    if model.backend == "local":
        raise BadInput(
            "A cap is for a server's model; one on this machine costs nothing.", "Leave it out."
        )
    probed = find_capabilities(db, model.base_url, model.model)
    check_spending_limit(
        cap,
        prices=find_prices(db, model.base_url),
        usage="unknown" if probed is None else probed.capabilities.usage,
    )


_RECENT_RUNS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUse:
    """What a model took for a task's texts, as the server reported it.

    Args:
        block: tokens of a prompt's block: the instruction with its place for a text.
        text: tokens generated per text.
        run: the name of the run that it is from.
    """

    block: float
    text: float
    run: str


def recent_token_use(db: Database, spec: RunSpec) -> TokenUse | None:
    """What the latest run of that task with that model took; None where none reported it."""
    for run in recent_runs(db, spec.model, limit=_RECENT_RUNS):
        same_task = run.spec.task.key == spec.task.key
        if same_task and run.spec.condition.prompt == spec.condition.prompt:
            use = measure_token_use(run, attempts_of(db, run.id))
            if use is not None:
                return use
    return None


def measure_token_use(run: RunRecord, attempts: Sequence[Attempt]) -> TokenUse | None:
    """What a run's answers took; None where the server reported no tokens.

    A prompt is an instruction, and before it a block of the same shape for each example, closed by
    the example's text: tokens = blocks * instruction + (blocks - 1) * text.
    """
    reported = [
        attempt
        for attempt in attempts
        if attempt.cycle is not None
        and attempt.texts_returned
        and None not in (attempt.tokens_in, attempt.tokens_out)
    ]
    if not reported:
        return None
    texts = sum(attempt.texts_returned for attempt in reported)
    text = sum(attempt.tokens_out or 0 for attempt in reported) / texts
    blocks = sum(_blocks(run.spec, attempt.cycle or 1) for attempt in reported)
    examples = blocks - len(reported)
    block = (sum(attempt.tokens_in or 0 for attempt in reported) - examples * text) / blocks
    return TokenUse(block=max(0.0, block), text=text, run=run.name)


def estimate_run_cost(
    spec: RunSpec, use: TokenUse | None, *, prices: Prices, several: bool
) -> CostEstimate:
    """What a run takes, if no text is lost.

    Args:
        spec: the run.
        use: as `recent_token_use` gave it; None leaves tokens unknown.
        prices: the connection's.
        several: whether the server writes several texts per request.
    """
    prompt = None
    if use is not None:
        size = spec.condition.texts_a_request
        cycles = max(1, math.ceil(max(spec.wanted.values()) / size))
        sizes = [_blocks(spec, 1), *[_blocks(spec, 2)] * (cycles - 1)]
        # The last cycle may be a short one; weighed by texts, it counts as such.
        weights = [
            sum(min(size, max(0, wanted - size * cycle)) for wanted in spec.wanted.values())
            for cycle in range(cycles)
        ]
        mean = sum(a * b for a, b in zip(sizes, weights, strict=True)) / max(1, sum(weights))
        prompt = mean * use.block + (mean - 1) * use.text
    return estimate_cost(
        spec,
        prompt_tokens=prompt,
        tokens_a_text=None if use is None else use.text,
        prices=prices,
        several=several,
    )


def _blocks(spec: RunSpec, cycle: int) -> int:
    """Blocks of a cycle's prompts: one per label that has an example, and the one asked for."""
    if cycle > 1:
        return 1 + len(spec.task.labels)
    return 1 + len({example.label for example in spec.seed_examples})
