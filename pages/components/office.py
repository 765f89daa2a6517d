"""Setting a page up: configuration, the store, the worker. Every page calls this first.

Streamlit runs a deep-linked page without app.py when it is the server's first request, so nothing
may rest on app.py having run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import StoreBusy, WidesetError
from core.jobs.launch import ensure_worker
from core.settings import Home, home_from
from core.store.database import Database, open_database
from pages.components.navigation import navigate_if_alone
from pages.components.plain import plain

ASSETS = Path(__file__).parent.parent.parent / "assets"

# What Streamlit has no setting for: the page's side margins, which take a third of a narrow window;
# and a table's own CSV, which would hand formulas in generated texts to spreadsheets as they are.
_STYLE = """<style>
[data-testid='stMainBlockContainer'] {padding-inline: 2rem}
[data-testid='stElementToolbarButton']:has(button[aria-label^='Download as CSV']) {display: none}
</style>"""


@dataclass(frozen=True)
class Office:
    """What a page works with.

    Args:
        home: the home folder.
        db: the store.
    """

    home: Home
    db: Database


def configure() -> None:
    """Configure the page, before its navigation is declared.

    In that order only do browsers take our icon, and not one of the navigation's off the internet.
    """
    st.set_page_config(
        page_title="Wideset",
        page_icon=str(ASSETS / "icon.svg"),
        layout="wide",
        initial_sidebar_state=330,
    )


def set_up() -> Office:
    """Configure the page, open the store, see that a worker lives; calling it again is harmless.

    Shows what is wrong and stops the page where the home folder or the store is unusable.
    """
    configure()
    navigate_if_alone()
    st.html(_STYLE)
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"), size="large")
    home = home_from()
    with told():
        db = _open(home)
        ensure_worker(home, db)
        return Office(home, db)
    st.button("Try again", icon=":material/refresh:", key="try_again")
    st.stop()


@contextmanager
def told() -> Iterator[None]:
    """Tell a failure in two sentences where it happens, instead of a traceback."""
    try:
        yield
    except StoreBusy as error:
        st.warning(_told(error), icon=":material/hourglass_top:")
    except WidesetError as error:
        st.error(_told(error), icon=":material/error:")


def flash(error: WidesetError) -> None:
    """Keep a failure of a callback for the page that is drawn next."""
    st.session_state["flash"] = _told(error)


def show_flash() -> None:
    """Show what the last callback kept, once."""
    message = st.session_state.pop("flash", None)
    if message:
        st.error(message, icon=":material/error:")


def _told(error: WidesetError) -> str:
    return plain(f"{error.what} {error.remedy}".strip())


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(home: Home) -> Database:
    return open_database(home)
