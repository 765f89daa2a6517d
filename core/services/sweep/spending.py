"""What the runs of a sweep behind servers take together, under the sweep's own cap."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.connections import Prices
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.domain.spending import (
    SpendingLimit,
    SpendingProgress,
    SpendingTracker,
    Spent,
)
from core.services.servers.cost_estimate import check_model_limit
from core.services.sweep.plan import PlannedTrial
from core.store.connections import find_prices
from core.store.database import Database
from core.store.generation.rounds import totals
from core.store.generation.samples import counts
from core.store.sweeps import trials_of


@dataclass(slots=True)
class SweepSpending:
    """What these runs take together.

    Args:
        tracker: keeps the cap.
        targets: usable texts that each run wants, by its place in the sweep.
        written: how many each has.
    """

    tracker: SpendingTracker
    targets: Mapping[int, int]
    written: dict[int, int]

    def note_written(self, position: int, texts: int) -> None:
        """Take note of how many usable texts the run at a place has."""
        if position in self.targets:
            self.written[position] = texts

    def progress(self) -> SpendingProgress:
        """As `SpendingTracker.progress`, over all of these runs."""
        return self.tracker.progress(
            written=sum(self.written.values()), target=sum(self.targets.values())
        )


def check_sweep_cap(db: Database, models: Iterable[ModelChoice], cap: SpendingLimit) -> None:
    """Refuse a cap that can't be kept for a sweep, before anything is spent.

    Args:
        models: that the sweep generates with.
        cap: as wanted.

    Raises:
        BadInput: no model is behind a server, a price is unknown, a server reports no tokens, or a
            cap in money is wanted of servers with different prices.
    """
    if not cap.on:
        return
    served = _served(models)
    if not served:
        raise BadInput(
            "A cap is for servers' models; those on this machine cost nothing.", "Leave it out."
        )
    for model in served:
        check_model_limit(db, model, cap)
    if cap.money is not None and len({find_prices(db, model.base_url) for model in served}) > 1:
        raise BadInput(
            "A cap in money can't be kept over servers with different prices.",
            "Cap tokens or requests, or make a sweep of each server.",
        )


def spending_of(
    db: Database, sweep_id: str, wanted: Sequence[PlannedTrial], cap: SpendingLimit
) -> SweepSpending | None:
    """What a sweep has spent so far; None where none of its own runs is behind a server.

    Runs that were there before the sweep were paid before, and don't count.

    Args:
        db: the store; it knows already which runs were there before.
        wanted: all its places.
        cap: of the sweep over its whole life, resumptions included.
    """
    begun = {trial.position: trial for trial in trials_of(db, sweep_id)}
    reused = {position for position, trial in begun.items() if trial.reused}
    own = [
        planned
        for planned in wanted
        if planned.run_id is None
        and planned.position not in reused
        and planned.spec.model.backend != "local"
    ]
    if not own:
        return None
    spent, written = Spent(), {}
    for planned in own:
        trial = begun.get(planned.position)
        if trial is None:
            continue
        spent += totals(db, trial.run.id)
        written[planned.position] = sum(label.usable for label in counts(db, trial.run.id).values())
    prices = {
        find_prices(db, model.base_url) for model in _served(planned.spec.model for planned in own)
    }
    # At different prices the sum in money is not told.
    tracker = SpendingTracker(
        cap, prices=prices.pop() if len(prices) == 1 else Prices(), spent=spent
    )
    targets = {planned.position: planned.spec.target for planned in own}
    return SweepSpending(tracker, targets, written)


def run_tracker(db: Database, run_id: str, model: ModelChoice) -> SpendingTracker | None:
    """What one run has spent, without a cap of its own; None for a model of this machine."""
    if model.backend == "local":
        return None
    return SpendingTracker(
        SpendingLimit(), prices=find_prices(db, model.base_url), spent=totals(db, run_id)
    )


def _served(models: Iterable[ModelChoice]) -> list[ModelChoice]:
    return [model for model in dict.fromkeys(models) if model.backend != "local"]
