"""What draws figures is asked for before there is one, by the address that Streamlit uses."""

from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.store.database import Database
from pages.components import shell
from pages.components.shell import script_of_figures


def test_streamlit_has_the_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = script_of_figures()
    assert script is not None, "Streamlit calls it otherwise now: name it anew, or go without"
    folder = Path(st.__file__).parent / "static" / "static" / "js"
    assert (folder / script).stat().st_size > 1_000_000
    callers = [path for path in folder.glob("index.*.js") if script in path.read_text("utf-8")]
    assert callers, "Streamlit's page does not ask for it by this name"
    monkeypatch.setattr(shell, "_SCRIPTS", tmp_path)
    assert script_of_figures.__wrapped__() is None


@pytest.mark.parametrize("page", ["home", "compare", "explore"])
def test_pages_ask_for_it(app: AppTest, db: Database, page: str) -> None:
    app.switch_page(f"pages/{page}.py")
    app.run()
    assert not app.exception
    script = f'<script type="module" src="./static/js/{script_of_figures()}"></script>'
    assert sum(script in element.proto.body for element in app.get("html")) == 1
