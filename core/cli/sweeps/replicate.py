"""`replicate`: the paper's grid on real sets, and the card of its findings."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, OptionGroup, Session
from core.cli.lookup import find_or_prepare_reference
from core.cli.output import print_json, print_note
from core.cli.sweeps.running import ExecutionOptions, run_sweep
from core.domain.errors import BadInput, WidesetError
from core.domain.runs import ModelChoice, absolute_model
from core.store.database import Database
from core.store.sweeps import list_sweeps
from core.sweeps.grid.plan import plan_runs
from core.sweeps.grid.spec import Grid
from core.sweeps.replication import STUDY, RealSet, real_sets, replication_grid

app = App()


@dataclass(frozen=True)
class ReplicationOptions(OptionGroup):
    """How large the replication is."""

    texts: Annotated[int, Option(help="Texts per run, at least.")] = 200
    repeats: Annotated[int, Option(help="Runs per condition.")] = 2
    seed: Annotated[int, Option(help="Seed of the first repeat; the next has the next.")] = 0
    filtering: Annotated[bool, Option("--filter", help="Try out-of-scope filtering, too.")] = False
    model: Annotated[str, Option(metavar="ID", help="The model that writes.")] = "embedded"

    def grid(self, real_set: RealSet, study: str) -> Grid:
        """The paper's grid on a real set, without its reference."""
        return replication_grid(
            real_set.task,
            reference=None,
            study=study,
            texts=self.texts,
            repeats=self.repeats,
            seed=self.seed,
            filtering=self.filtering,
            model=ModelChoice(model=absolute_model(self.model)),
        )


@app.add()
def replicate(
    session: Session,
    data: Annotated[Path, Argument(metavar="FOLDER", help="Has a folder for each real set.")],
    options: ReplicationOptions,
    execution: ExecutionOptions,
    only: Annotated[
        list[str] | None, Option(metavar="NAME", help="Only this set; can be repeated.")
    ] = None,
    out: Annotated[
        Path | None, Option(show_default="the home folder's", help="Folder for card and figures.")
    ] = None,
    study: Annotated[str, Option(metavar="NAME", help="Its name.")] = STUDY,
    as_json: Annotated[bool, Option("--json", help="Print the card as JSON on stdout.")] = False,
) -> None:
    """Run the paper's 16 conditions on every real set of a folder (sst2, carer_emotion, clickbait,
    hwu64, ...), repair and test each, and write the replication card. Ctrl-C stops and keeps what
    is done; the same command continues.
    """
    if options.texts < 10 or options.repeats < 1:
        raise BadInput("A run has at least 10 texts, a condition one run.", "Ask for more.")
    sets = real_sets(data, only or [])
    db = session.db
    grids = [_grid_on(db, real_set, options, study) for real_set in sets]
    failed = 0
    for grid in grids:
        title = f"{grid.name}: {grid.runs} runs of {grid.texts // grid.runs} texts."
        ended = run_sweep(session, grid, execution, title=title)
        if ended.state != "done":
            raise WidesetError(
                f"The sweep of {grid.task.name} is {ended.state}. {ended.message}".strip(),
                "What is done is kept; the same command continues.",
            )
        failed += ended.count("failed")
    _write_card(db, study, out or session.home.folder / "replication", as_json=as_json)
    if failed:
        raise WidesetError(
            f"{failed} runs failed, and the card is of the others.",
            "The same command tries them again.",
        )


def _grid_on(db: Database, real_set: RealSet, options: ReplicationOptions, study: str) -> Grid:
    """The grid on a real set, whose reference is added to the store.

    Raises:
        BadInput: the set or the grid is refused.
    """
    try:
        reference = find_or_prepare_reference(db, str(real_set.folder), real_set.task)
        grid = options.grid(real_set, study)
        plan_runs(grid.with_reference("checked"), train=reference.train)
    except BadInput as error:  # of several folders with files of the same names
        raise BadInput(f"{real_set.folder.name}: {error.what}", error.remedy) from error
    return grid.with_reference(reference.attached(db, real_set.task).id)


def _write_card(db: Database, study: str, out: Path, *, as_json: bool) -> None:
    """Write card.md, card.json, points.csv, results.csv and report.html of a study.

    Args:
        out: a folder, which is made.
        as_json: print the card as JSON instead of its verdicts.

    Raises:
        WidesetError: nothing is assessed, or the files can't be written.
    """
    from core.reports.card import card_metadata, card_text
    from core.reports.stored_report import stored_report

    sweeps = [sweep.id for sweep in list_sweeps(db, study=study)]
    title = f"{study}: what holds"
    try:
        report = stored_report(db, sweeps, title=title)
    except BadInput as error:
        raise WidesetError("No run of the study is assessed.", "Run it again.") from error
    text = card_text(report.study, title=title, metadata=card_metadata(report.results))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "card.md").write_text(text, "utf-8")
        (out / "card.json").write_text(json.dumps(report.study.to_json(), indent=1), "utf-8")
        (out / "report.html").write_text(report.html, "utf-8")
        report.points.to_csv(out / "points.csv", index=False)
        report.results.to_csv(out / "results.csv", index=False)
    except OSError as error:
        raise WidesetError(
            f"{out} can't be written to ({error.strerror}).", "Name another folder with --out."
        ) from error
    if as_json:
        print_json(report.study.to_json())
    else:
        for finding in report.study.card:
            print(f"{finding.heading}: {finding.verdict}")
    print_note(f"The card and its numbers are in {out}.")
