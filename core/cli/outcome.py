"""What `generate` and `resume` say and write at their end."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.cli.parser import Parser, one_line
from core.domain.errors import WidesetError
from core.files.exports import check_export, write_export
from core.jobs.queue import Job, State
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.generation.samples import SAMPLE_COLUMNS, Counts, counts, sample_rows, samples_of


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run.

    Args:
        run: the run.
        state: how its job reads.
        labels: counts by label name, in task order.
        shortfall: texts missing by label name; labels that have theirs are left out.
        tokens: tokens drawn for all samples.
        seconds: how long the generation took, as far as it is known.
        out: the export written, if any.
        written: its rows.
        spending: what its requests to a server took (see `SpendingTracker`); None if local.
    """

    run: RunRecord
    state: State
    labels: Mapping[str, Counts]
    shortfall: Mapping[str, int]
    tokens: int
    seconds: float
    out: Path | None = None
    written: int = 0
    spending: Mapping[str, Any] | None = None

    def total(self, what: str) -> int:
        """A count (usable, empty, truncated or duplicates) over all labels."""
        return sum(getattr(label, what) for label in self.labels.values())

    def to_json(self) -> str:
        """The outcome as one JSON object on one line."""
        kinds = ("usable", "empty", "truncated", "duplicates")
        data = {
            "run": self.run.id,
            "name": self.run.name,
            "state": self.state,
            "counts": {
                **{kind: self.total(kind) for kind in kinds},
                "per_label": {name: label.usable for name, label in self.labels.items()},
                "shortfall": dict(self.shortfall),
            },
            "seconds": round(self.seconds, 3),
            "tokens": self.tokens,
            "out": None if self.out is None else str(self.out),
        }
        if self.spending is not None:
            data["spending"] = dict(self.spending)
        return json.dumps(data)

    def in_words(self) -> str:
        """The outcome as one paragraph."""
        labels = ", ".join(f"{label.usable} {name}" for name, label in self.labels.items())
        missing = ", ".join(f"{count} {name}" for name, count in self.shortfall.items())
        said = [
            f"Run {self.run.id} '{self.run.name}' is {self.state}: {self.total('usable')} usable "
            f"texts ({labels}) in {self.seconds:.1f} s, {self.tokens} tokens;",
            f"{self.total('duplicates')} of them duplicates;",
            f"{self.total('empty')} empty and {self.total('truncated')} truncated besides;",
            f"missing: {missing}." if missing else "none missing.",
        ]
        if self.spending is not None:
            said.append(_spent(self.spending))
        if self.out is not None:
            said.append(f"Wrote {self.written} texts to {self.out}.")
        return one_line(" ".join(said))


def outcome_of(
    db: Database,
    run: RunRecord,
    job: Job,
    state: State,
    *,
    out: Path | None = None,
    everything: bool = False,
) -> Outcome:
    """Count what a run has, and write its export.

    Args:
        db: the store.
        run: the run.
        job: its job.
        state: how the job reads.
        out: the export to write.
        everything: export empty and truncated samples too.
    """
    found = counts(db, run.id)
    labels = {name: found.get(name, Counts()) for name in run.spec.task.label_names}
    only_new = run.spec.condition.only_new
    missing = {
        name: run.spec.wanted[name] - (label.new if only_new else label.usable)
        for name, label in labels.items()
    }
    rows = sample_rows(db, run.id)
    tokens, arrived = SAMPLE_COLUMNS.index("tokens"), SAMPLE_COLUMNS.index("seconds")
    written = 0 if out is None else export_run(db, run.id, out, everything=everything)
    return Outcome(
        run=run,
        state=state,
        labels=labels,
        shortfall={name: count for name, count in missing.items() if count > 0},
        tokens=sum(row[tokens] for row in rows),
        # A run cut off before its end has told less than its samples know.
        seconds=float(max(job.progress.get("elapsed", 0), *(row[arrived] for row in rows), 0)),
        out=out,
        written=written,
        spending=job.progress.get("spending"),
    )


def _spent(spending: Mapping[str, Any]) -> str:
    """What requests took, in one sentence; what the server did not report stays unknown."""

    def told(name: str) -> str:
        return "unknown" if spending[name] is None else f"{spending[name]:,}"

    money = spending["money"]
    cost = "unknown" if money is None else f"{money:.4g} {spending['currency']}"
    return (
        f"It took {told('requests')} requests, {told('tokens_in')} tokens in, "
        f"{told('tokens_out')} tokens out; cost: {cost}."
    )


def export_run(db: Database, run_id: str, out: Path, *, everything: bool) -> int:
    """Write a run's usable samples, or all of them, in order of arrival; how many there were."""
    samples = samples_of(db, run_id, outcome=None if everything else "usable")
    write_export(out, samples)
    return len(samples)


def conclude(db: Database, run: RunRecord, job: Job, state: State, args: argparse.Namespace) -> int:
    """Write what a finished run was asked to give and print how it went.

    Returns:
        The exit code 0.

    Raises:
        WidesetError: the job did not finish; the message says how to go on.
    """
    if state != "done":
        if args.json:
            print(outcome_of(db, run, job, state).to_json(), flush=True)
        raise _unfinished(db, run, job, state)
    outcome = outcome_of(db, run, job, state, out=args.out, everything=args.all)
    print(outcome.to_json() if args.json else outcome.in_words())
    return 0


def add_ending_to(parser: Parser) -> None:
    """Give a command the options that say what happens at the run's end."""
    ending = parser.add_argument_group("at the end")
    ending.add_argument(
        "--out", type=Path, metavar="FILE", help="export to FILE.jsonl, FILE.csv or FILE.parquet"
    )
    ending.add_argument("--all", action="store_true", help="export empty and truncated texts too")
    ending.add_argument("--json", action="store_true", help="print one JSON object on stdout")


def check_ending(args: argparse.Namespace) -> None:
    """See that the export can be written, before anything is spent.

    Raises:
        BadInput: it can't.
    """
    if args.out is not None:
        check_export(args.out)


def _unfinished(db: Database, run: RunRecord, job: Job, state: State) -> WidesetError:
    kept = sum(label.usable for label in counts(db, run.id).values())
    why = {
        "failed": f"Run {run.id} failed: {job.message}",
        "paused": f"Run {run.id} is paused: {job.message}",
        "cancelled": f"Run {run.id} was stopped.",
        "interrupted": f"Run {run.id} was interrupted: its worker ended.",
    }[state]
    return WidesetError(
        f"{why} {job.remedy}".strip(),
        f"{kept} of {run.spec.target} texts are kept; python -m core resume {run.id} goes on.",
    )
