"""`export`: the texts of a run or a version as a file."""

from typing import Annotated

from typer import Argument, Option

from core.cli.app import App, Session
from core.cli.lookup import find_run
from core.cli.options import ExportOption
from core.cli.output import print_lines
from core.cli.runs.outcome import export_run
from core.domain.errors import BadInput
from core.files.exports import check_export, format_of, write_whole
from core.store.datasets import load_dataset

app = App()


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
