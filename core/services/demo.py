"""The demo project: a finished study that comes with Wideset and opens with one click.

`make demo-project` makes it anew with the embedded model; `assets/demo/README.md` says how.
"""

from dataclasses import replace
from pathlib import Path

from core.domain.tasks import Task
from core.services.references import example_task
from core.store.bundle import take_over
from core.store.database import Database

FOLDER = Path(__file__).parent.parent.parent / "assets" / "demo"
BUNDLE = FOLDER / "project.sqlite3"


def demo_task() -> Task:
    """The example's task under another name and text type, so that a person's own runs of the
    example stay apart from the demo."""
    return replace(example_task(), name="Demo: support messages", text_type="support message")


def open_demo(db: Database, *, bundle: Path = BUNDLE) -> Task:
    """Take the demo over into the store; its task. Again it adds nothing, and brings back what
    was deleted of it.

    Raises:
        StoreUnusable: the bundle is missing or unreadable.
        StoreFull, StoreBusy: nothing was added.
    """
    take_over(db, bundle)
    return demo_task()
