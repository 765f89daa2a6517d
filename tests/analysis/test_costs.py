"""What a run of a condition took, by a real store."""

import pandas as pd

from core.analysis.costs import costs_of
from core.analysis.recommendation import Cost
from core.domain.connections import Connection, Prices
from core.domain.runs import Attempt, FinishedRound, ModelChoice, RunSpec
from core.domain.settings import Home
from core.store.connections import save_connection
from core.store.database import Database, open_database
from core.store.generation.rounds import add_attempt, finish_round, seconds_of
from core.store.generation.runs import create_run
from tests.analysis.made_results import SST2
from tests.store.making import make_spec

URL = "http://127.0.0.1:9999/v1"


def frame_of(**conditions: list[str]) -> pd.DataFrame:
    """A results frame's part: run ids by condition, each at two stages."""
    rows = [(key, run) for key, runs in conditions.items() for run in runs for _ in range(2)]
    return pd.DataFrame(rows, columns=["condition", "run_id"])


def run_of(db: Database, *, seconds: tuple[float, ...] = (), served: bool = False) -> str:
    spec = make_spec()
    if served:
        model = ModelChoice(backend="openai", model="m", base_url=URL)
        spec = RunSpec(SST2, spec.condition, per_label=4, seed=0, model=model)
    run = create_run(db, spec)
    for place, taken in enumerate(seconds):
        finish_round(db, run.id, FinishedRound(1, place, {}, taken, 1))
    return run.id


def spend(db: Database, run: str, tokens_in: int | None, tokens_out: int | None) -> None:
    attempt = Attempt(
        cycle=1,
        label="pos",
        texts_asked=1,
        texts_returned=1,
        attempt=1,
        status=200,
        outcome="ok",
        message="",
        seconds=1.0,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
    )
    add_attempt(db, attempt, run_id=run)


def test_a_local_run_costs_time_alone_and_repeats_are_averaged(home: Home) -> None:
    db = open_database(home)
    runs = [run_of(db, seconds=(2.0, 3.0)), run_of(db, seconds=(7.0,)), run_of(db)]
    assert seconds_of(db, runs) == {runs[0]: 5.0, runs[1]: 7.0}
    assert costs_of(db, frame_of(a=runs[:2], b=[runs[0], runs[2]])) == {
        "a": Cost(seconds=6.0, money=0.0),
        "b": Cost(seconds=None, money=0.0),  # of one it is unknown, and so of their mean
    }


def test_a_servers_run_costs_its_tokens_where_all_is_known(home: Home) -> None:
    db = open_database(home)
    runs = [run_of(db, seconds=(1.0,), served=True) for _ in range(4)]
    spend(db, runs[0], 1_000_000, 500_000)
    spend(db, runs[1], 2_000_000, 500_000)
    spend(db, runs[2], None, 500_000)
    frame = frame_of(a=runs[:2], unreported=runs[2:3], elsewhere=runs[3:])
    assert costs_of(db, frame)["a"] == Cost(seconds=1.0)  # no prices yet
    prices = Prices(tokens_in=1.0, tokens_out=4.0)
    save_connection(db, Connection(name="S", base_url=URL, prices=prices))
    costs = costs_of(db, frame)
    assert costs["a"].money == (1 + 2 + 2 + 2) / 2
    assert costs["unreported"] == costs["elsewhere"] == Cost(seconds=1.0)
