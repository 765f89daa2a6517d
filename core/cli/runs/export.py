"""`export`: the texts of a run or a version as a file."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.cli.app import Command, new_app
from core.cli.lookup import find_run
from core.cli.options import ExportOption
from core.cli.output import one_line
from core.cli.runs.ending import export_run
from core.domain.errors import BadInput
from core.domain.settings import home_from
from core.files.exports import check_export, format_of, write_whole
from core.store.database import Database, open_database

app = new_app()


@app.command(cls=Command)
def export(
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
    db = open_database(home_from())
    if run.startswith("version:"):
        if everything:
            raise BadInput("A version has no empty or truncated texts.", "Leave --all out.")
        written = _export_version(db, run, out)
    else:
        written = export_run(db, find_run(db, run).id, out, everything=everything)
    print(one_line(f"Wrote {written} texts to {out}."))


def _export_version(db: Database, key: str, out: Path) -> int:
    from core.cli.data.intervention import subject_of
    from core.interventions.versions.card import export_version

    subject = subject_of(db, key)
    format_ = format_of(out)
    write_whole(out, export_version(subject.texts, subject.specified, subject.rows, format=format_))
    return len(subject.dataset)
