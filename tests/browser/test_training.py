"""The Train page as a person works with it: train a probe, look behind its errors, ask it."""

import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.domain.settings import Home
from core.store.database import Database, open_database
from core.store.trainings import list_trainings
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import button, cells, metric, settled, tables
from tests.browser.serving import Server, end_workers
from tests.browser.test_exploring import ON_SCREEN
from tests.classification.making import reviews
from tests.pages.evidence import run_of
from tests.pages.trained import attach

LADDER = "Models with their settings"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home with a run and real texts: reviews whose label a word decides."""
    home = Home(tmp_path / "home").prepare()
    Script().write(home)
    rows = reviews(60)
    with closing(open_database(home)) as db:
        run_of(db, rows[:40], name="The run")
        attach(db, test=rows[40:])
    yield home
    end_workers(home)


def test_a_probe_from_start_to_download(home: Home, new_page: OpenPage) -> None:
    with Server(home) as server, closing(open_database(home)) as db:
        page = new_page(f"{server.url}/train", viewport={"width": 1440, "height": 1000})
        expect(metric(page, "To train")).to_have_text("3 models")
        button(page, "train_start").dblclick()
        expect(tables(page, LADDER)).to_be_visible()
        expect(page.get_by_text("Jobs run one at a time")).to_have_count(0)
        expect(tables(page, LADDER).locator('[role=gridcell][aria-colindex="1"]')).to_have_text(
            ["Majority class", "The run · MiniLM probe", "Real data · MiniLM probe"]
        )
        found = list_trainings(db)
        assert len(found) == 3  # a double click is one start
        expect(metric(page, "To train")).to_have_text("0 models")
        expect(button(page, "train_start")).to_be_disabled()
        _scores_are_the_stored_ones(db, cells(page, LADDER, 1))

        page.get_by_role("tab", name="Model details", exact=True).click()
        settled(page)
        record = next(one for one in found if one.name.startswith("Real data"))
        result = record.result
        assert result is not None
        expect(metric(page, "Accuracy")).to_have_text(f"{result['accuracy']['mean']:.3f}")
        figure = page.locator(f".st-key-train-confusion-{record.id} .js-plotly-plot")
        expect(figure).to_be_visible()
        ((x, y),) = figure.evaluate(ON_SCREEN, [[1, 0]])
        page.mouse.click(x, y)
        expect(page.get_by_text("True label pos, predicted neg", exact=True)).to_be_visible()

        settled(page)
        with page.expect_download() as waiting:
            button(page, "train_model_zip").click()
        with zipfile.ZipFile(io.BytesIO(Path(waiting.value.path()).read_bytes())) as file:
            names = [name.rpartition("/")[2] for name in file.namelist()]
        assert sorted(names) == ["probe.json", "probe.safetensors", "result.json"]

        page.get_by_role("tab", name="Try it", exact=True).click()
        page.get_by_label("Your text").fill("the plot was superb <b>x</b>")
        page.get_by_test_id("stBaseButton-primaryFormSubmit").click()
        expect(tables(page, "Predictions of each model")).to_be_visible()
        expect(page.get_by_text("the plot was superb <b>x</b>", exact=True)).to_be_visible()
        says = tables(page, "Predictions of each model").locator(
            '[role=gridcell][aria-colindex="1"]'
        )
        expect(says).to_have_text(["The run · MiniLM probe", "Real data · MiniLM probe"])

        page.get_by_role("tab", name="On generated texts", exact=True).click()
        button(page, "train_apply").click()
        expect(metric(page, "Agreement with labels")).to_have_text(re.compile(r"^[01]\.\d{3}$"))
        expect(page.get_by_text("Accuracy by distance from the training texts")).to_be_visible()


def _scores_are_the_stored_ones(db: Database, shown: list[str]) -> None:
    stored = {one.name: one.result for one in list_trainings(db)}
    order = ["Majority class", "The run · MiniLM probe", "Real data · MiniLM probe"]
    wanted = [(stored[name] or {})["accuracy"]["mean"] for name in order]
    assert [float(one) for one in shown] == pytest.approx(wanted)
