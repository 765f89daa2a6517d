"""`tasks`: what `generate --task` takes."""

from core.cli.app import App, Session
from core.cli.options import JsonListOption
from core.cli.output import one_line, print_json
from core.domain.serialization import to_json
from core.domain.tasks import preset, preset_names
from core.store.tasks import list_tasks

app = App()


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
