"""Caps on the command line: into the job, and raised by the command that goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from core.cli import main
from core.domain.connections import Connection, Prices
from core.domain.registries.capabilities import Capabilities
from core.domain.serialization import to_json
from core.domain.settings import Home
from core.domain.spending import SpendingLimitReached, SpendingProgress
from core.jobs.context import JobContext
from core.store.connections import find_connection, save_capabilities, save_connection
from core.store.database import Database, open_database
from core.store.sweeps import list_sweeps

Capture = pytest.CaptureFixture[str]

URL = "http://127.0.0.1:9/v1"
SERVER = ("--backend", "openai", "--base-url", URL, "--model", "m")
GRID = """
task = "sst2"
per_label = 3
[axes]
suppression = [0]
seeding = [0]
model = [{backend = "openai", model = "m", base_url = "http://127.0.0.1:9/v1"}]
[limits]
requests = 5
"""


@pytest.fixture
def db(home: Home) -> Database:
    """A store with a server that reports what it takes."""
    db = open_database(home)
    save_connection(db, Connection(base_url=URL, prices=Prices(tokens_in=1, tokens_out=2)))
    save_capabilities(db, Capabilities(base_url=URL, model="m", usage="exact"))
    return db


class Capped:
    """A job of any kind whose cap is reached at once; keeps what each was given."""

    def __init__(self) -> None:
        self.specs: list[Mapping[str, Any]] = []

    def __call__(self, context: JobContext) -> None:
        self.specs.append(context.spec)
        raise SpendingLimitReached("The cap is reached.", "Resume with a higher cap.")

    @property
    def caps(self) -> list[Any]:
        return [spec.get("cap") for spec in self.specs]


def told(**cap: Any) -> dict[str, Any]:
    return {"money": None, "tokens": None, "requests": None} | cap


def test_generate_with_a_cap_and_resume_with_a_higher_one(db: Database, capsys: Capture) -> None:
    capped = Capped()
    words = ("generate", "--task", "sst2", *SERVER, "--max-money", "0.5", "--max-requests", "9")
    assert main(words, handlers={"generate": capped}) == 1
    said = capsys.readouterr().err.splitlines()
    assert "is paused: The cap is reached. Resume with a higher cap." in said[-1]
    run = said[0].split()[1].rstrip(":")
    assert main(("resume", run), handlers={"generate": capped}) == 1
    assert main(("resume", run, "--max-tokens-spent", "70"), handlers={"generate": capped}) == 1
    both = told(money=0.5, requests=9)
    assert capped.caps == [both, both, told(tokens=70)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-requests", "5"), "one on this machine costs nothing"),
        ((*SERVER, "--max-money", "0"), "A cap of 0.0 in money is not a number above 0"),
        ((*SERVER[:-1], "other", "--max-tokens-spent", "5"), "is not known to report"),
    ],
)
def test_a_cap_that_can_not_be_kept_is_refused(
    db: Database, capsys: Capture, words: tuple[str, ...], said: str
) -> None:
    capped = Capped()
    assert main(("generate", "--task", "sst2", *words), handlers={"generate": capped}) == 2
    assert said in capsys.readouterr().err
    assert capped.specs == []


def test_a_sweep_with_a_higher_cap_is_the_same_sweep(
    db: Database, capsys: Capture, tmp_path: Path
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID)
    capped = Capped()
    sweep = ("sweep", str(grid))
    assert main(sweep, handlers={"sweep": capped}) == 1
    assert "is paused: The cap is reached." in capsys.readouterr().err
    grid.write_text(GRID.replace("= 5", "= 8"))
    assert main(sweep, handlers={"sweep": capped}) == 1
    assert main((*sweep, "--max-money", "2"), handlers={"sweep": capped}) == 1
    grid.write_text(GRID.replace("requests = 5", ""))
    assert main(sweep, handlers={"sweep": capped}) == 1
    assert capped.caps == [told(requests=5), told(requests=8), told(money=2.0), None]
    assert len(list_sweeps(db)) == 1


def test_a_grids_server_is_remembered_with_the_name_of_its_key(
    home: Home, capsys: Capture, tmp_path: Path
) -> None:
    grid = tmp_path / "grid.toml"
    grid.write_text(GRID)
    capped = Capped()
    assert main(("sweep", str(grid), "--dry-run")) == 0
    db = open_database(home)
    assert find_connection(db, URL) is None
    assert main(("sweep", str(grid)), handlers={"sweep": capped}) == 1
    assert find_connection(db, URL) == Connection(base_url=URL)
    named = ("--key-variable", "MY_KEY")
    assert main(("sweep", str(grid), *named), handlers={"sweep": capped}) == 1
    assert find_connection(db, URL) == Connection(base_url=URL, key_variable="MY_KEY")
    grid.write_text('task = "sst2"\n[axes]\nseeding = [0]')
    capsys.readouterr()
    assert main(("sweep", str(grid), *named), handlers={"sweep": capped}) == 2
    assert "the grid has none" in capsys.readouterr().err


def test_a_runs_end_tells_what_its_requests_took() -> None:
    from core.cli.generate import RunOutcome
    from core.store.generation.runs import RunRecord
    from core.store.generation.samples import Counts
    from tests.store.making import make_spec

    run = RunRecord(id="r", name="n", spec=make_spec(), metadata=None, revision=1, created_at=0.0)
    spending = SpendingProgress(requests=3, tokens_in=1200, currency="USD")
    ended = RunOutcome(run, "done", {"pos": Counts(4)}, {}, 9, 1.0, spending=spending)
    assert "It took 3 requests, 1,200 tokens in, unknown tokens out; cost: unknown." in (
        ended.in_words()
    )
    assert ended.to_dict()["spending"] == to_json(spending)
    local = RunOutcome(run, "done", {"pos": Counts(4)}, {}, 9, 1.0)
    assert "requests" not in local.in_words()
    assert "spending" not in local.to_dict()
