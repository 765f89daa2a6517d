"""What `generate` and `resume` do at the end of a run: its export, and its counts in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from core.cli.app import OptionGroup, Session
from core.cli.options import JsonOption
from core.cli.output import one_line, print_json, spending_words
from core.cli.progress import ProgressLine, wait_for_job
from core.domain.errors import WidesetError
from core.domain.serialization import to_json
from core.domain.spending import SpendingProgress
from core.files.exports import check_export, write_export
from core.generation.progress import GenerationProgress
from core.jobs.queue import Job, State
from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.generation.samples import SAMPLE_COLUMNS, Counts, counts, sample_rows, samples_of

_KINDS = ("usable", "empty", "truncated", "duplicates")


@dataclass(frozen=True)
class OutcomeOptions(OptionGroup):
    """What happens at the end of a run."""

    panel = "At the end"

    out: Annotated[Path | None, Option(help="Export to FILE.jsonl, FILE.csv or FILE.parquet.")] = (
        None
    )
    everything: Annotated[bool, Option("--all", help="Export empty and truncated texts, too.")] = (
        False
    )
    as_json: JsonOption = False

    def check(self) -> None:
        """See that the export can be written, before anything is spent.

        Raises:
            BadInput: it can't.
        """
        if self.out is not None:
            check_export(self.out)


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What came of a run.

    Args:
        run: the run.
        state: the state of its job.
        labels: counts by label name, in task order.
        shortfall: texts missing by label name; labels that have theirs are left out.
        tokens: tokens drawn for all samples.
        seconds: how long the generation took, as far as it is known.
        out: the export written, if any.
        written: its rows.
        spending: what its requests to a server took; None if local.
    """

    run: RunRecord
    state: State
    labels: Mapping[str, Counts]
    shortfall: Mapping[str, int]
    tokens: int
    seconds: float
    out: Path | None = None
    written: int = 0
    spending: SpendingProgress | None = None

    def total(self, kind: str) -> int:
        """A count (usable, empty, truncated or duplicates) over all labels."""
        return sum(getattr(label, kind) for label in self.labels.values())

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON-ready data."""
        data = {
            "run": self.run.id,
            "name": self.run.name,
            "state": self.state,
            "counts": {
                **{kind: self.total(kind) for kind in _KINDS},
                "per_label": {name: label.usable for name, label in self.labels.items()},
                "shortfall": dict(self.shortfall),
            },
            "seconds": round(self.seconds, 3),
            "tokens": self.tokens,
            "out": None if self.out is None else str(self.out),
        }
        return data if self.spending is None else {**data, "spending": to_json(self.spending)}

    def in_words(self) -> str:
        """The outcome as one paragraph."""
        labels = ", ".join(f"{label.usable} {name}" for name, label in self.labels.items())
        missing = ", ".join(f"{count} {name}" for name, count in self.shortfall.items())
        parts = [
            f"Run {self.run.id} '{self.run.name}' is {self.state}: {self.total('usable')} usable "
            f"texts ({labels}) in {self.seconds:.1f} s, {self.tokens} tokens;",
            f"{self.total('duplicates')} of them duplicates;",
            f"{self.total('empty')} empty and {self.total('truncated')} truncated besides;",
            f"missing: {missing}." if missing else "none missing.",
        ]
        if self.spending is not None:
            parts.append(spending_words(self.spending))
        if self.out is not None:
            parts.append(f"Wrote {self.written} texts to {self.out}.")
        return one_line(" ".join(parts))


def export_run(db: Database, run_id: str, out: Path, *, everything: bool) -> int:
    """Write a run's usable samples, or all of them, in order of arrival; how many there were."""
    samples = samples_of(db, run_id, outcome=None if everything else "usable")
    write_export(out, samples)
    return len(samples)


def finish_run(
    session: Session, run: RunRecord, job_id: str, options: OutcomeOptions, progress: ProgressLine
) -> None:
    """Wait for the job of a run; then write and print what was asked for.

    Raises:
        WidesetError: the job did not finish; the message says how to continue.
    """
    job, state = wait_for_job(session, job_id, progress)
    outcome = _outcome(session.db, run, job, state, options)
    if options.as_json:
        print_json(outcome.to_dict())
    if state != "done":
        raise _unfinished(outcome, job)
    if not options.as_json:
        print(outcome.in_words())


def _outcome(
    db: Database, run: RunRecord, job: Job, state: State, options: OutcomeOptions
) -> RunOutcome:
    """Count what a run has, and write its export if it is done and one is wanted."""
    by_label = counts(db, run.id)
    labels = {name: by_label.get(name, Counts()) for name in run.spec.task.label_names}
    only_new = run.spec.condition.only_new
    missing = {
        name: run.spec.wanted[name] - (label.new if only_new else label.usable)
        for name, label in labels.items()
    }
    rows, progress = sample_rows(db, run.id), job.progress_as(GenerationProgress)
    tokens, arrived = SAMPLE_COLUMNS.index("tokens"), SAMPLE_COLUMNS.index("seconds")
    out = options.out if state == "done" else None
    return RunOutcome(
        run=run,
        state=state,
        labels=labels,
        shortfall={name: count for name, count in missing.items() if count > 0},
        tokens=sum(row[tokens] for row in rows),
        # A run cut off before its end has reported less than its samples know.
        seconds=float(max(progress.elapsed, *(row[arrived] for row in rows), 0)),
        out=out,
        written=0 if out is None else export_run(db, run.id, out, everything=options.everything),
        spending=progress.spending,
    )


def _unfinished(outcome: RunOutcome, job: Job) -> WidesetError:
    run = outcome.run
    why = {
        "failed": f"Run {run.id} failed: {job.message}",
        "paused": f"Run {run.id} is paused: {job.message}",
        "cancelled": f"Run {run.id} was stopped.",
        "interrupted": f"Run {run.id} was interrupted: its worker ended.",
    }[outcome.state]
    return WidesetError(
        f"{why} {job.remedy}".strip(),
        f"{outcome.total('usable')} of {run.spec.target} texts are kept; "
        f"python -m core resume {run.id} continues it.",
    )
