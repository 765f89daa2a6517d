"""`runs`: what is in the store."""

from datetime import datetime
from typing import Annotated, Any

from typer import Option

from core.cli.app import Command, JsonListOption, new_app
from core.cli.output import print_json
from core.domain.settings import home_from
from core.jobs.queue import states_of_runs
from core.store.database import open_database
from core.store.generation.runs import list_runs

app = new_app()


@app.command(cls=Command)
def runs(
    as_json: JsonListOption = False,
    deleted: Annotated[bool, Option("--all", help="Show deleted runs, too.")] = False,
) -> None:
    """List the runs, the newest first."""
    db = open_database(home_from())
    states = states_of_runs(db)
    rows: list[dict[str, Any]] = [
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
        for summary in list_runs(db, include_deleted=deleted)
    ]
    if as_json:
        print_json(rows)
        return
    if not rows:
        print("There are no runs yet. Start one: python -m core generate --task sst2")
    for row in rows:
        when = datetime.fromtimestamp(row["created_at"]).strftime("%Y-%m-%d %H:%M")
        state = "deleted" if row["deleted"] else row["state"]
        texts = f"{row['usable']}/{row['target']}"
        print(f"{row['run']}  {when}  {state:<11}  {texts:>11} texts  {row['name']}")
