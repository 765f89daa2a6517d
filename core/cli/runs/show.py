"""`show`: the settings of a run."""

from collections.abc import Iterator, Mapping
from typing import Any

from core.cli.app import App, Session
from core.cli.lookup import find_run
from core.cli.options import JsonOption, RunArgument
from core.cli.output import one_line, print_json
from core.jobs.queue import states_of_runs

app = App()


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


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings as lines, in order: `condition temperature`, 0.7."""
    for key, value in data.items():
        name = f"{prefix}{key}".replace("_", " ")
        if isinstance(value, dict):
            yield from _flat(value, f"{name} ")
        else:
            yield name, value
