"""What every page needs: navigation, set-up, error messages, and escaping of Markdown."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.domain.errors import StoreBusy, WidesetError
from core.domain.settings import Home, home_from
from core.jobs.launch import ensure_worker
from core.store.database import Database, open_database

_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:@&=^/])")
# Addresses become links even where they are escaped, unless something invisible splits them.
_ADDRESS = re.compile(r"(?<=http)(?=:)|(?<=https)(?=:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
WORD_JOINER = "\u2060"


def escape_markdown(text: str) -> str:
    """Escape whatever Markdown, HTML, maths, icons and links are made of.

    Texts of people and models are shown by it, as Streamlit reads most text as Markdown.
    """
    split = _ADDRESS.sub(WORD_JOINER, " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", split)


PAGES = Path(__file__).parent.parent

_NAVIGATED = "navigated"


PAGE_LINKS = {
    "home": (":material/home:", "Start a project, or open one."),
    "generate": (
        ":material/edit_note:",
        "Choose a task, set the diversity knobs, and read the texts as they arrive.",
    ),
    "explore": (
        ":material/scatter_plot:",
        "See how diverse the texts are, where they repeat themselves, and why.",
    ),
    "intervene": (
        ":material/healing:",
        "Judge texts, replace wrong labels, filter out-of-scope texts, undo.",
    ),
    "train": (
        ":material/model_training:",
        "Train classifiers on the texts and test them on real ones.",
    ),
    "compare": (
        ":material/insights:",
        "See the trade-off between diversity and accuracy, and what repair recovers.",
    ),
    "connect": (
        ":material/cable:",
        "Add a server with OpenAI's API, test which knobs it supports, set prices.",
    ),
}
"""Icon and help of each page, by the name of its script."""


def navigate() -> StreamlitPage:
    """Declare the pages; the requested one."""
    st.session_state[_NAVIGATED] = True
    pages = [
        st.Page(
            PAGES / f"{name}.py",
            title=name.capitalize(),
            icon=icon,
            help=help,
            default=name == "home",
            # The default page is served at /; this keeps /home free.
            url_path="start" if name == "home" else None,
        )
        for name, (icon, help) in PAGE_LINKS.items()
    ]
    # The default page has no address of its own, but bookmarks may use /home.
    home = st.Page(PAGES / "home.py", title="Home", url_path="home", visibility="hidden")
    return st.navigation([*pages, home], position="top")


def navigate_if_alone() -> None:
    """Start again with app.py where Streamlit ran a page without it.

    It does so when a page's address is a server's first request: until pages are declared, it
    takes `pages/` for a list of scripts. A page that is the main script stays as it is.
    """
    context = get_script_run_ctx()
    if _NAVIGATED in st.session_state or context is None:
        return
    if Path(context.main_script_path).name == "app.py":
        navigate()
        st.rerun()


_SCRIPTS = Path(st.__file__).parent / "static" / "static" / "js"
_PRELOAD_KEY = "figures_ahead"


def load_figures_ahead() -> None:
    """Have the browser load the script of figures before a page needs it; idempotent."""
    script = script_of_figures()
    if script is not None:
        with st.container(key=_PRELOAD_KEY):
            st.html(
                f"<style>.st-key-{_PRELOAD_KEY} {{display: none}}</style>"
                f'<script type="module" src="./static/js/{script}"></script>',
                unsafe_allow_javascript=True,
            )


@cache
def script_of_figures() -> str | None:
    """Its file name, which contains a digest; None where Streamlit names it differently."""
    names = [path.name for path in _SCRIPTS.glob("PlotlyChart.*.js")]
    return names[0] if len(names) == 1 else None


ASSETS = Path(__file__).parent.parent.parent / "assets"

# What Streamlit has no setting for: the side margins, which take a third of a narrow window; the
# CSV button of tables, which would export formulas in generated texts unescaped; the icons of the
# navigation, for which a narrow window would hide pages; and words in colours too pale to be read
# (a contrast below 4.5 to 1): those of a figure's axes, and a shortcut on a primary button.
_STYLE = """<style>
[data-testid='stMainBlockContainer'] {padding-inline: 2rem}
[data-testid='stElementToolbarButton']:has(button[aria-label^='Download as CSV']) {display: none}
@media (max-width: 1100px) {
  [data-testid='stTopNavLink'] > span:first-child {display: none}
  [data-testid='stTopNavLink'] {padding-inline: 0.45rem}
}
.js-plotly-plot :is([class*='tick'] text, [class*='title'], .cbaxis text, .annotation-text) {
  fill: color-mix(in srgb, currentcolor 72%, transparent) !important}
[data-testid='stBaseButton-primary'] kbd {color: inherit; opacity: 1}
</style>"""
# The light colour that stands out on a dark page wants dark words on it.
ON_DARK_PRIMARY = "#0B1413"
_DARK_STYLE = f"""<style>
:is([data-testid='stBaseButton-primary'], [data-testid='stBaseButton-primaryFormSubmit'])
  :is(p, span, kbd) {{color: {ON_DARK_PRIMARY}}}
[data-testid='stMultiSelectTagsContainer'] [role] * {{color: {ON_DARK_PRIMARY}}}
</style>"""


@dataclass(frozen=True)
class AppContext:
    """What a page works with.

    Args:
        home: the home folder.
        db: the store.
    """

    home: Home
    db: Database


def configure() -> None:
    """Configure the page, before its navigation is declared.

    In the other order browsers show the navigation's icon, which is loaded from the internet.
    """
    st.set_page_config(
        page_title="Wideset",
        page_icon=str(ASSETS / "icon.svg"),
        layout="wide",
        initial_sidebar_state=330,
    )


def set_up() -> AppContext:
    """Configure the page, open the store, make sure that a worker runs; idempotent.

    Shows the error and stops the page where the home folder or the store is unusable.
    """
    configure()
    navigate_if_alone()
    st.html(_STYLE)
    if st.context.theme.type == "dark":
        st.html(_DARK_STYLE)
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "icon.svg"), size="large")
    home = home_from()
    with show_errors():
        db = _open(home)
        ensure_worker(home, db)
        return AppContext(home, db)
    st.button("Try again", icon=":material/refresh:", key="try_again")
    st.stop()


_BUSY_SECONDS = 3.0


@contextmanager
def show_errors() -> Iterator[None]:
    """Show an error in two sentences where it happens, instead of a traceback.

    A page that the store kept waiting is drawn again by itself.
    """
    try:
        yield
    except StoreBusy as error:
        st.warning(error_words(error), icon=":material/hourglass_top:")
        context = get_script_run_ctx()
        if context is not None and not context.fragment_ids_this_run:
            _draw_again(time.monotonic())
    except WidesetError as error:
        st.error(error_words(error), icon=":material/error:")


@st.fragment(run_every=_BUSY_SECONDS)
def _draw_again(drawn: float) -> None:
    """Draw the page again after a while; `drawn` is when it was, in monotonic seconds."""
    if time.monotonic() - drawn > _BUSY_SECONDS / 2:
        st.rerun()


def flash(error: WidesetError) -> None:
    """Keep a callback's error for the next drawing of the page."""
    st.session_state["flash"] = error_words(error)


@contextmanager
def flash_errors() -> Iterator[None]:
    """Keep an error of what is done within, in a callback, for the next drawing of the page."""
    try:
        yield
    except WidesetError as error:
        flash(error)


def show_flash() -> None:
    """Show the error that the last callback kept, once."""
    message = st.session_state.pop("flash", None)
    if message:
        st.error(message, icon=":material/error:")


def error_words(error: WidesetError) -> str:
    """What happened and what to do, escaped."""
    return escape_markdown(f"{error.what} {error.remedy}".strip())


@st.cache_resource(max_entries=4, show_spinner=False)
def _open(home: Home) -> Database:
    return open_database(home)
