"""What all tests share: where they may write, what they may need, and in which order they run."""

import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from core.domain.settings import Home
from tests.turns import Turns

# How long an example takes says more of the machine than of what is tested.
settings.register_profile("wideset", deadline=None)
settings.load_profile("wideset")

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("WIDESET_TEST_DATA") or ROOT.parent / "shared" / "data")

# What takes longest and presupposes the rest comes last; the fast tests fail first.
LAST = ("faults", "browser")

# The folder that all workers of a run share (`make test` has two); unset where there is but one.
SHARED = "WIDESET_TESTS_SHARED"
MODELS = "models"  # a file in it: the ids of the tests that load a model
TURNS = pytest.StashKey[Turns]()


def find_chromium() -> str | None:
    """The browser that the tests drive: WIDESET_CHROMIUM, else the first that PATH has."""
    chosen = os.environ.get("WIDESET_CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, names) if path), None)


def pytest_configure(config: pytest.Config) -> None:
    # No test downloads a model, by accident or otherwise; a test of doing so unsets this.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # As the worker does (`core.models.devices.share_the_processor`), before anything imports torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # A shell that starts us in the background has Ctrl-C ignored, here and in all we start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.getoption("numprocesses", None):  # this process hands tests out; workers inherit
        shared = tempfile.TemporaryDirectory(prefix="wideset-", ignore_cleanup_errors=True)
        config.add_cleanup(shared.cleanup)
        os.environ[SHARED] = shared.name
        os.environ.setdefault("WIDESET_MODELS", str(Path(shared.name) / "converted"))
        # With two threads each, two processes on two cores wait for each other most of the time.
        os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand tests out by the file, in our order; all that load a model go to one worker.

    (The class is made here, as pytest works without xdist, too. Its groups do not: the ids by which
    xdist 3.8 knows them are no longer those of pytest 9.)
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return MODELS if nodeid in self._models else str(super()._split_scope(nodeid))

        @cached_property
        def _models(self) -> frozenset[str]:
            return frozenset((Path(os.environ[SHARED]) / MODELS).read_text().split("\n"))

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.relative_to(ROOT).parts[1:-1]:
            item.add_marker("browser")
    items.sort(key=_rank)
    if SHARED in os.environ:  # every worker collects the same
        models = [item.nodeid for item in items if _rank(item) == (0, True)]
        (Path(os.environ[SHARED]) / MODELS).write_text("\n".join(models))


def _rank(item: pytest.Item) -> tuple[int, bool]:
    folder = item.path.relative_to(ROOT).parts[1]
    place = LAST.index(folder) + 1 if folder in LAST else 0
    return place, item.get_closest_marker("model") is not None


@pytest.hookimpl(wrapper=True, tryfirst=True)  # waiting for a turn is no part of a test's time
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    turns = item.config.stash.get(TURNS, None)
    if turns is None and SHARED in os.environ:
        turns = item.config.stash[TURNS] = Turns(Path(os.environ[SHARED]))
        item.config.add_cleanup(turns.close)
    if turns is None:
        return (yield)
    with turns.alone() if item.get_closest_marker("alone") else turns.beside():
        return (yield)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("data") and not DATA.is_dir():
        pytest.skip(f"there is no example data at {DATA} (WIDESET_TEST_DATA names another folder)")
    if item.get_closest_marker("browser") and not find_chromium():
        message = "no Chromium was found (WIDESET_CHROMIUM names one)"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)


@pytest.fixture(scope="session", autouse=True)
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of converted models that all tests of a run share, as WIDESET_MODELS.

    One that is set already stays, so that many runs, and the workers of one, can share it. The
    home folder of the person who runs the tests is out of reach as well: a test without the
    fixture `home`, and what it starts, sees an empty one.
    """
    folder = tmp_path_factory.mktemp("session")
    os.environ["WIDESET_HOME"] = str(folder / "nobodys-home")
    return Path(os.environ.setdefault("WIDESET_MODELS", str(folder / "models")))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home folder of the test's own, which the processes it starts use too."""
    home = Home(tmp_path / "home").prepare()
    monkeypatch.setenv("WIDESET_HOME", str(home.folder))
    return home


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the browser."""
    path = find_chromium()
    assert path, "only tests marked 'browser' use this"
    return path


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of example data."""
    return DATA
