"""`report`: a study as one HTML file that works offline, and its numbers as CSV and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, Session
from core.cli.options import JsonOption
from core.cli.output import print_json, print_lines
from core.domain.errors import BadInput
from core.files.exports import write_whole
from core.store.database import Database
from core.store.projects import list_projects
from core.store.sweeps import SweepRecord, list_sweeps

KINDS = ("sweep", "study", "task")

app = App()


@app.add()
def report(
    session: Session,
    project: Annotated[
        str,
        Argument(
            metavar="PROJECT",
            help="A sweep's id or name, a study's name, or a task's name or key; study:NAME or "
            "task:NAME where one name means two things.",
        ),
    ],
    out: Annotated[Path, Option(metavar="FILE.html", help="The file.")],
    csv: Annotated[
        Path | None, Option(help="Folder for points.csv, results.csv and study.json.")
    ] = None,
    title: Annotated[
        str, Option(metavar="WORDS", show_default="the project's", help="Its title.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Write the results of sweeps as one HTML file: interactive charts, texts, recommendation, the
    replication card, and how to repeat it. Nothing is generated or trained.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise BadInput(f"The report '{out.name}' is no .html file.", "End it in .html.")
    sweeps = find_project(session.db, project)
    from core.reports.stored_report import stored_report

    ids = [sweep.id for sweep in sweeps.records]
    result = stored_report(session.db, ids, title=title or sweeps.title)
    write_whole(out, result.html.encode("utf-8"))
    if csv is not None:
        _write_data(csv, result.data())
    study = result.study
    if as_json:
        files = {"out": str(out), "csv": None if csv is None else str(csv), "sweeps": ids}
        print_json({**files, "tasks": study.tasks, "runs": study.runs, "points": study.points})
        return
    data = "" if csv is None else f" Its numbers are in {csv}."
    print_lines(
        f"The report of the {sweeps.kind} '{sweeps.title}' ({study.runs} runs, "
        f"{study.points} points) is in {out}.{data}"
    )


def _write_data(folder: Path, files: Mapping[str, bytes]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"The folder {folder} can't be made ({error.strerror}).", "Name another."
        ) from error
    for name, content in files.items():
        write_whole(folder / name, content)


@dataclass(frozen=True, slots=True)
class ProjectSweeps:
    """The sweeps of a project.

    Args:
        kind: sweep, study or task.
        title: its name.
        records: at least one.
    """

    kind: str
    title: str
    records: tuple[SweepRecord, ...]

    @property
    def key(self) -> str:
        """What tells it from others of its title."""
        if self.kind == "sweep":
            return self.records[0].id
        if self.kind == "task":
            return self.records[0].task_key
        return f"{len(self.records)} sweeps"


def find_project(db: Database, wanted: str) -> ProjectSweeps:
    """The sweep of that id, else what has that name, else whose id or key alone begins so.

    Names are those of sweeps, studies and tasks. "sweep:", "study:" or "task:" before it says which
    is meant.

    Raises:
        BadInput: none, or more than one.
    """
    prefix, _, rest = wanted.partition(":")
    kind, name = (prefix, rest) if prefix in KINDS and rest else ("", wanted)
    sweeps = list_sweeps(db)
    exact = [sweep for sweep in sweeps if sweep.id == name]
    if exact and kind in ("", "sweep"):
        return ProjectSweeps("sweep", exact[0].name, (exact[0],))
    tasks = {project.task.key: project.task.name for project in list_projects(db)}
    matches = _named(sweeps, tasks, name) or _beginning_with(sweeps, tasks, name)
    matches = [match for match in matches if kind in ("", match.kind)]
    # A sweep that is all that its study or task has is the same by any name.
    distinct = {tuple(sorted(item.id for item in match.records)): match for match in matches[::-1]}
    if len(distinct) > 1:
        names = ", ".join(
            f"the {match.kind} '{match.title[:60]}' ({match.key})"
            for match in list(distinct.values())[::-1]
        )
        raise BadInput(
            f"'{name[:60]}' means {len(distinct)} things: {names}.",
            "Give a sweep's whole id, or write study: or task: before the name.",
        )
    if not distinct:
        raise BadInput(
            f"There is no sweep, study or task '{wanted[:60]}' with a sweep.",
            "Run one: python -m core sweep GRID.toml.",
        )
    return next(iter(distinct.values()))


def _named(
    sweeps: Sequence[SweepRecord], tasks: Mapping[str, str], name: str
) -> list[ProjectSweeps]:
    study = tuple(sweep for sweep in sweeps if sweep.study and sweep.study == name)
    matches = [ProjectSweeps("study", name, study)] if study else []
    matches += _of_tasks(sweeps, {k: t for k, t in tasks.items() if name in (t, k)})
    return matches + [ProjectSweeps("sweep", s.name, (s,)) for s in sweeps if s.name == name]


def _beginning_with(
    sweeps: Sequence[SweepRecord], tasks: Mapping[str, str], name: str
) -> list[ProjectSweeps]:
    if not name:
        return []
    matches = _of_tasks(sweeps, {k: t for k, t in tasks.items() if k.startswith(name)})
    return matches + [ProjectSweeps("sweep", s.name, (s,)) for s in sweeps if s.id.startswith(name)]


def _of_tasks(sweeps: Sequence[SweepRecord], tasks: Mapping[str, str]) -> list[ProjectSweeps]:
    """Each task with its sweeps, if it has any."""
    records = {key: tuple(s for s in sweeps if s.task_key == key) for key in tasks}
    return [ProjectSweeps("task", tasks[key], item) for key, item in records.items() if item]
