"""What all tests share: where they may write, what they may need, and in which order they run."""

import os
import shutil
from pathlib import Path

import pytest

from core.settings import Home

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("WIDESET_TEST_DATA") or ROOT.parent / "shared" / "data")

# What takes longest and presupposes the rest comes last; the fast tests fail first.
LAST = ("faults", "browser")


def find_chromium() -> str | None:
    """The browser that the tests drive: WIDESET_CHROMIUM, else the first that PATH has."""
    chosen = os.environ.get("WIDESET_CHROMIUM")
    names = [chosen] if chosen else ["chromium", "chromium-browser", "google-chrome"]
    return next((path for path in map(shutil.which, names) if path), None)


def pytest_configure() -> None:
    # No test downloads a model, by accident or otherwise; a test of doing so unsets this.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    # As the worker does (`core.devices.share_the_processor`), before anything imports torch.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.path.relative_to(ROOT).parts[1:-1]:
            item.add_marker("browser")
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> tuple[int, bool]:
    folder = item.path.relative_to(ROOT).parts[1]
    place = LAST.index(folder) + 1 if folder in LAST else 0
    return place, item.get_closest_marker("model") is not None


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

    One that is set already stays, so that many runs can share it. The home folder of the person
    who runs the tests is out of reach as well: a test without the fixture `home`, and what it
    starts, sees an empty one.
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
