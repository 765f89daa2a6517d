"""What one run of each condition took: seconds, and money by the prices of its server."""

from collections.abc import Sequence

import pandas as pd

from core.analysis.recommendation import Cost
from core.domain.connections import Prices
from core.domain.runs import RunSpec
from core.store.connections import find_prices
from core.store.database import Database
from core.store.generation.rounds import seconds_of, totals
from core.store.generation.runs import runs_of


def costs_of(db: Database, results: pd.DataFrame) -> dict[str, Cost]:
    """The mean over a condition's runs, by `condition`.

    A model of this machine costs no money. Of a server's the tokens count that it reported, at its
    connection's prices of today; where any of them is unknown, so is the condition's cost.

    Args:
        db: the store.
        results: a results frame.
    """
    pairs = results[["condition", "run_id"]].drop_duplicates()
    ids = [str(run_id) for run_id in pairs["run_id"]]
    seconds, runs = seconds_of(db, ids), runs_of(db, ids)
    prices: dict[str, Prices] = {}
    costs = {}
    for condition, own in pairs.groupby("condition")["run_id"]:
        taken = [seconds.get(str(run_id)) for run_id in own]
        spent = [_money(db, str(run_id), runs[str(run_id)].spec, prices) for run_id in own]
        costs[str(condition)] = Cost(seconds=_mean(taken), money=_mean(spent))
    return costs


def _money(db: Database, run_id: str, spec: RunSpec, prices: dict[str, Prices]) -> float | None:
    url = spec.model.base_url
    if not url:
        return 0.0
    if url not in prices:
        prices[url] = find_prices(db, url)
    taken = totals(db, run_id)
    # A project that was made elsewhere comes without its requests.
    return prices[url].cost(*taken.known_tokens) if taken.requests else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
