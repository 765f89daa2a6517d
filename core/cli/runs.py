"""Commands on what is in the store: `runs`, `show`, `export` and `tasks`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from core.cli.app import App, Session
from core.cli.lookup import find_run
from core.cli.options import ExportOption, JsonListOption, JsonOption, RunArgument
from core.cli.output import date_time, one_line, print_json, print_lines
from core.domain.errors import BadInput
from core.domain.serialization import to_json
from core.domain.tasks import preset, preset_names
from core.files.exports import check_export, format_of, write_export, write_whole
from core.jobs.queue import states_of_runs
from core.store.database import Database
from core.store.datasets import load_dataset
from core.store.generation.runs import list_runs
from core.store.generation.samples import samples_of
from core.store.tasks import list_tasks

app = App()


@app.add()
def runs(
    session: Session,
    as_json: JsonListOption = False,
    deleted: Annotated[bool, Option("--all", help="Show deleted runs, too.")] = False,
) -> None:
    """List the runs, the newest first."""
    states = states_of_runs(session.db)
    summaries = list_runs(session.db, include_deleted=deleted)
    if as_json:
        rows = [
            {
                "run": summary.run.id,
                "name": summary.run.name,
                "state": states.get(summary.run.id, "new"),
                "task": summary.run.spec.task.name,
                "usable": summary.counts.usable,
                "target": summary.run.spec.target,
                "empty": summary.counts.empty,
                "truncated": summary.counts.truncated,
                "duplicates": summary.counts.duplicates,
                "created_at": summary.run.created_at,
                "deleted": summary.run.deleted_at is not None,
            }
            for summary in summaries
        ]
        print_json(rows)
        return
    if not summaries:
        print("There are no runs yet. Start one: python -m core generate --task sst2")
    for summary in summaries:
        run = summary.run
        state = states.get(run.id, "new") if run.deleted_at is None else "deleted"
        texts = f"{summary.counts.usable}/{run.spec.target}"
        print(f"{run.id}  {date_time(run.created_at)}  {state:<11}  {texts:>11} texts  {run.name}")


@app.add()
def show(session: Session, run: RunArgument, as_json: JsonOption = False) -> None:
    """Show all settings of a run."""
    record = find_run(session.db, run)
    settings: dict[str, Any] = {
        "run": record.id,
        "name": record.name,
        "state": states_of_runs(session.db).get(record.id, "new"),
        "spec": record.spec.to_dict(),
        "facts": {} if record.metadata is None else record.metadata.to_dict(),
    }
    if as_json:
        print_json(settings)
        return
    spec = settings.pop("spec")
    settings["seed examples"] = len(spec.pop("seed_examples"))
    labels = spec["task"].pop("labels")
    for name, value in _flat({**settings, **spec}):
        print(f"{name:<32} {one_line(str(value))}")
    for label in labels:
        print(one_line(f"label {label['name']}").ljust(32), one_line(label["phrase"]))


def _flat(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Nested settings as lines, in order: `condition temperature`, 0.7."""
    for key, value in data.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, f"{name} ")
        else:
            yield name, value


def export_run(db: Database, run_id: str, out: Path, *, everything: bool) -> int:
    """Write a run's usable samples, or all of them, in order of arrival; how many there were."""
    samples = samples_of(db, run_id, outcome=None if everything else "usable")
    write_export(out, samples)
    return len(samples)


@app.add()
def export(
    session: Session,
    run: Annotated[
        str,
        Argument(metavar="RUN", help="A run's id, the start of it, or its name; or version:ID."),
    ],
    out: ExportOption,
    everything: Annotated[bool, Option("--all", help="Empty and truncated texts, too.")] = False,
) -> None:
    """Write a run's usable texts, in order of arrival, or those that a version keeps, with where
    each label is from. JSONL and Parquet hold them exactly; CSV is made safe for spreadsheets (an
    apostrophe before = + - @).
    """
    check_export(out)
    if not run.startswith("version:"):
        record = find_run(session.db, run)
        written = export_run(session.db, record.id, out, everything=everything)
    elif everything:
        raise BadInput("A version has no empty or truncated texts.", "Leave --all out.")
    else:
        from core.interventions.card import export_version
        from core.interventions.versions import subject_of_dataset

        subject = subject_of_dataset(session.db, load_dataset(session.db, run))
        texts, specified, rows = subject.texts, subject.specified, subject.rows
        write_whole(out, export_version(texts, specified, rows, format=format_of(out)))
        written = len(subject.dataset)
    print_lines(f"Wrote {written} texts to {out}.")


@app.add()
def tasks(session: Session, as_json: JsonListOption = False) -> None:
    """List the presets (the paper's eight and an example) and the saved tasks."""
    rows = [("preset", name, preset(name)) for name in preset_names()]
    saved = list_tasks(session.db)
    rows += [("saved", record.task.name, record.task) for record in saved]
    if as_json:
        print_json([{"kind": kind, "id": name, **to_json(task)} for kind, name, task in rows])
        return
    for kind, name, task in rows:
        labels = f"{len(task.labels)} labels"
        text_type = one_line(f"{task.text_type} ({task.name})")
        print(f"{one_line(name):<20} {kind:<7} {labels:>10}  {text_type}")
