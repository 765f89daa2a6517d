"""Dry run: what a sweep takes, before it is started."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from core.classification.estimate import Estimate as Training
from core.classification.estimate import estimate as of_training
from core.classification.settings import TrainingSpec
from core.domain.connections import Prices
from core.domain.runs import ASKED_AGAIN, ModelChoice, RunSpec
from core.domain.spending import estimate_cost as of_spending
from core.domain.wording import counted
from core.generation.prompts import build_prompt
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.plan import PlannedRun
from core.sweeps.grid.spec import Grid

DEFAULT_TOKENS = 30.0
"""Tokens a text where no earlier run tells: the embedded model's at moderate temperatures."""

DEFAULT_TOKENS_PER_SECOND = 150.0
"""Of the embedded model on two cores; other models have no usual speed."""

_CHARACTERS_A_TOKEN = 4  # of English
_STAGE_SECONDS = 0.3  # proxies, scores and a probe of a few hundred texts that are embedded already
_NAMED = 3  # runs of one reason
_KNOWN, _GUESSED = 1.5, 3.0  # by what factor the time may be off either way

Stored = Literal["", "generated", "assessed"]
"""What the store has of a run: nothing, its texts, or its assessment by the same recipe, too."""


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """What earlier runs of a model tell.

    Args:
        tokens: mean tokens a usable text by temperature; empty where unknown.
        texts_per_second: None where unknown.
        prices: of the server's tokens; a model of this machine costs nothing.
        several: whether a request can ask for several texts; else each has a prompt of its own.
    """

    tokens: Mapping[float, float] = field(default_factory=dict)
    texts_per_second: float | None = None
    prices: Prices | None = None
    several: bool = True


@dataclass(frozen=True, slots=True)
class RefusedRun:
    """A run of a sweep that is known to fail.

    Args:
        name: of the run.
        what: why, one sentence.
        remedy: what to do, one sentence.
    """

    name: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What a sweep takes.

    Args:
        conditions: how many there are.
        runs: of them, repeats included.
        reused: runs whose texts are in the store already.
        assessed: those of them that need nothing at all.
        texts: usable texts that are still to be generated.
        tokens_in: of prompts, roughly.
        tokens_out: generated.
        minutes_low: the least it should take, None where the speed of a model is unknown.
        minutes_high: the most.
        money: in `currency`; None where a price is unknown.
        currency: "" where nothing costs money.
        notes: sentences on what the numbers rest on.
        requests: to servers, at least; 0 where no model is behind one.
        refused: runs that are known to fail; they count above as well.
    """

    conditions: int
    runs: int
    reused: int
    assessed: int
    texts: int
    tokens_in: int
    tokens_out: int
    minutes_low: float | None
    minutes_high: float | None
    money: float | None
    currency: str
    notes: tuple[str, ...]
    requests: int = 0
    refused: tuple[RefusedRun, ...] = ()

    @property
    def refused_words(self) -> list[str]:
        """Each reason with its runs, a line each; empty where none is refused."""
        by_reason: dict[tuple[str, str], list[str]] = {}
        for run in self.refused:
            by_reason.setdefault((run.what, run.remedy), []).append(run.name)
        return [
            f"{counted(len(names), 'run')} would be refused ({_some(names)}): {what} {remedy}"
            for (what, remedy), names in by_reason.items()
        ]


def _some(names: Sequence[str]) -> str:
    shown = "; ".join(names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown}; and {len(names) - _NAMED:,} more"


def estimate_sweep(
    grid: Grid,
    runs: Sequence[PlannedRun],
    *,
    stored: Callable[[RunSpec], Stored],
    pace: Callable[[ModelChoice], ModelHistory],
    n_test: int,
    train_paces: Mapping[str, float],
) -> CostEstimate:
    """Add up what a sweep takes.

    Args:
        runs: all of its runs (`core.sweeps.grid.plan.plan_runs`).
        stored: what the store has of a run.
        pace: what earlier runs of a model tell; asked once for each model.
        n_test: texts of the reference's test part, 0 without a reference.
        train_paces: seconds per unit of training, see
            `core.services.training.training_throughput.recent_throughput`.
    """
    paces = {model: pace(model) for model in grid.models}
    counted: Counter[str] = Counter()
    seconds = {True: 0.0, False: 0.0}  # by whether it rests on a measured speed
    tokens: dict[ModelChoice, list[float]] = {model: [0.0, 0.0] for model in grid.models}
    unknown_speed = False
    for run in runs:
        spec = run.spec
        had = stored(spec)
        counted["reused"] += bool(had)
        counted["assessed"] += had == "assessed"
        if not had:
            known = paces[spec.model]
            each = tokens_a_text(known.tokens, spec.condition.temperature)
            counted["texts"] += spec.target
            asked = count_requests(spec, several=known.several)
            counted["requests"] += asked if spec.model.backend != "local" else 0
            tokens[spec.model][0] += _tokens_in(spec, each) * asked / count_requests(spec)
            tokens[spec.model][1] += spec.target * each
            if known.texts_per_second:
                seconds[True] += spec.target / known.texts_per_second
            elif spec.model.model == "embedded":
                seconds[False] += spec.target * each / DEFAULT_TOKENS_PER_SECOND
            else:
                unknown_speed = True
        if had != "assessed":
            time = assessment_time(grid.recipe, spec.target, n_test=n_test, known=train_paces)
            seconds[time.measured] += time.seconds
    low = seconds[True] / _KNOWN + seconds[False] / _GUESSED
    high = seconds[True] * _KNOWN + seconds[False] * _GUESSED
    money, currency = _money(tokens, paces)
    return CostEstimate(
        conditions=grid.conditions,
        runs=len(runs),
        reused=counted["reused"],
        assessed=counted["assessed"],
        texts=counted["texts"],
        tokens_in=round(sum(used[0] for used in tokens.values())),
        tokens_out=round(sum(used[1] for used in tokens.values())),
        minutes_low=None if unknown_speed else low / 60,
        minutes_high=None if unknown_speed else high / 60,
        money=money,
        currency=currency,
        notes=tuple(_notes(grid, runs, paces, money)),
        requests=counted["requests"],
    )


def count_requests(spec: RunSpec, *, several: bool = True) -> int:
    """How many requests a run takes at least; arguments as of `core.domain.spending.estimate`."""
    ahead = of_spending(
        spec, prompt_tokens=None, tokens_a_text=None, prices=Prices(), several=several
    )
    return ahead.requests


def tokens_a_text(known: Mapping[float, float], temperature: float) -> float:
    """Mean tokens a text at the nearest temperature that is known, the lower of two."""
    if not known:
        return DEFAULT_TOKENS
    return known[min(known, key=lambda other: (abs(other - temperature), other))]


def count_stages(recipe: Recipe, n: int) -> int:
    """How often a classifier is trained on a run of n texts: once a budget, repeat and filter."""
    sizes = [budget for budget in recipe.budgets if budget == "all" or budget < n]
    repaired = sum(1 if budget in (0, "all") else recipe.lr_repeats for budget in sizes)
    return repaired * (2 if recipe.filter else 1)


def assessment_time(recipe: Recipe, n: int, *, n_test: int, known: Mapping[str, float]) -> Training:
    """How long it takes to measure and repair a run once its texts are there."""
    if recipe.classifier == "none" or not n_test or recipe.reference is None:
        spec = TrainingSpec(kind="probe", train="run", test="test")
        return of_training(spec, n_train=n, n_test=0, known=known)
    stages = count_stages(recipe, n)
    if recipe.classifier == "probe":
        spec = TrainingSpec(kind="probe", train="run", test="test")
        once = of_training(spec, n_train=n, n_test=0, known=known)
        return Training(once.seconds + stages * _STAGE_SECONDS, once.measured)
    spec = TrainingSpec(
        kind="fine-tuning",
        train="run",
        test="test",
        fine_tuning=recipe.fine_tuning,
        seeds=tuple(range(recipe.train_seeds)),
    )
    each = of_training(spec, n_train=n, n_test=n_test, known=known)
    return Training(stages * (each.seconds + _STAGE_SECONDS), each.measured)


def _tokens_in(spec: RunSpec, tokens_an_example: float) -> float:
    """Of all prompts of a run, each with one example a label but for an unseeded first cycle."""
    size, tokens = spec.condition.texts_a_request, 0.0
    cycles = -(-spec.per_label // size)
    shown = cycles if spec.seed_examples else cycles - 1
    for label in spec.task.label_names:
        alone = build_prompt(spec.task, label=label, form=spec.condition.prompt)
        characters = len(alone.preview())
        tokens += cycles * characters / _CHARACTERS_A_TOKEN
        tokens_per_example = characters / _CHARACTERS_A_TOKEN + tokens_an_example
        tokens += shown * len(spec.task.labels) * tokens_per_example
    return tokens


def _money(
    tokens: Mapping[ModelChoice, Sequence[float]], paces: Mapping[ModelChoice, ModelHistory]
) -> tuple[float | None, str]:
    total, currencies = 0.0, set()
    for model, (tokens_in, tokens_out) in tokens.items():
        if model.backend == "local" or not tokens_out:
            continue
        prices = paces[model].prices or Prices()
        cost = prices.cost(round(tokens_in), round(tokens_out))
        if cost is None:
            return None, ""
        total += cost
        currencies.add(prices.currency)
    if len(currencies) > 1:
        return None, ""
    return total, currencies.pop() if currencies else ""


def _notes(
    grid: Grid,
    runs: Sequence[PlannedRun],
    paces: Mapping[ModelChoice, ModelHistory],
    money: float | None,
) -> list[str]:
    notes = []
    for model, pace in paces.items():
        if not pace.tokens:
            notes.append(
                f"No earlier run tells how long the texts of {model.model} are; "
                f"{DEFAULT_TOKENS:g} tokens are assumed."
            )
        if not pace.texts_per_second:
            fallback = (
                f"{DEFAULT_TOKENS_PER_SECOND:g} tokens a second are assumed"
                if model.model == "embedded"
                else "the time is unknown"
            )
            notes.append(f"No earlier run tells the speed of {model.model}; {fallback}.")
    if money is None:
        notes.append("The cost is unknown: a server's prices are not given, or in two currencies.")
    if grid.recipe.reference is None:
        notes.append("Without a reference, diversity alone is measured.")
    idle = sum(bool(run.spec.idle_knob) for run in runs)
    if idle:
        notes.append(
            f"In {idle} of {len(runs)} runs logit suppression has almost no effect: one "
            f"request covers a label, so {ASKED_AGAIN}. Raise per_label or lower texts_a_request."
        )
    return notes
