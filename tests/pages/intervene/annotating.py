"""What the tests of annotation share: pages of their own, and hands to press what stands there."""

from typing import Any

from streamlit.testing.v1 import AppTest

from core.store.database import Database
from core.store.generation.runs import RunRecord
from core.store.interventions.judgements import judgements_of

ROWS = [{"text": f"text number {n}", "label": ("pos", "neg")[n % 2]} for n in range(12)]


def page() -> None:
    """All that the page under test is."""
    import streamlit as st

    from core.domain.settings import home_from
    from core.store.database import open_database
    from core.store.generation.runs import list_runs
    from pages.components.intervene.annotation.annotation import show_annotation
    from pages.components.shell import AppContext

    home = home_from()
    app = AppContext(home, open_database(home))
    show_annotation(app, list_runs(app.db)[0].run)
    st.text("drawn to the end")


def chosen_page() -> None:
    """What stands below the texts of a lasso."""
    import streamlit as st

    from core.domain.settings import home_from
    from core.store.database import open_database
    from core.store.datasets import load_dataset, run_key
    from core.store.generation.runs import list_runs
    from pages.components.intervene.annotation.selection import label_selection

    db = open_database(home_from())
    datasets = [load_dataset(db, run_key(row.run.id)) for row in list_runs(db)]
    label_selection(db, datasets, st.session_state["lasso"])


def drawn(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def shown(app: AppTest) -> tuple[str, str]:
    """The text on view and the label that it was generated for."""
    text, label = [element.value for element in app.text][:2]
    return text, label


def press(app: AppTest, key: str) -> AppTest:
    """Press the one button whose key begins so."""
    (button,) = [one for one in app.button if one.key and one.key.startswith(key)]
    button.click()
    return drawn(app)


def look(app: AppTest, view: str) -> AppTest:
    app.get_by_key("annotation_view").set_value(view)
    return drawn(app)


def said(db: Database, run: RunRecord) -> list[tuple[Any, ...]]:
    return [
        (one.who, one.why, one.verdict.label, one.verdict.in_scope, one.verdict.skipped)
        for one in judgements_of(db, run.id)
    ]
