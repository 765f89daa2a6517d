"""`runs`: what is in the store."""

from typing import Annotated

from typer import Option

from core.cli.app import App, Session
from core.cli.options import JsonListOption
from core.cli.output import date_time, print_json
from core.jobs.queue import states_of_runs
from core.store.generation.runs import list_runs

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
