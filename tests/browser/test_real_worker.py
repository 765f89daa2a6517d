"""Everything real: the page, the worker process and the embedded model."""

import os
import re
import signal
from contextlib import closing

import pytest
from playwright.sync_api import expect

from core.domain.settings import Home
from core.jobs.lease import living
from core.store.database import open_database
from core.store.generation.samples import samples_of
from tests.browser.conftest import OpenPage
from tests.browser.reading import GENERATE, badge, button, metric, newest, tables
from tests.browser.serving import Server

MINUTES = 10 * 60_000  # the model is converted first, if no test did so yet


@pytest.mark.model
def test_generate_reads_what_the_model_wrote(own_home: Home, new_page: OpenPage) -> None:
    with Server(own_home, real=True) as server, closing(open_database(own_home)) as db:
        try:
            page = new_page(f"{server.url}?task=SST-2+sentiment&per_label=3&suppression=7.5")
            button(page, GENERATE).click()
            # A run that failed is told from one that takes its time.
            expect(badge(page)).to_contain_text(re.compile("done|failed"), timeout=MINUTES)
            expect(badge(page)).to_contain_text("done", timeout=1)
            expect(metric(page, "Texts")).to_have_text("6 / 6")
            samples = samples_of(db, newest(db).id)
            assert sum(sample.outcome == "usable" for sample in samples) >= 6
            column = tables(page, "Samples").locator('[role=gridcell][aria-colindex="2"]')
            expect(column.first).to_have_text(samples[0].text)
            button(page, "all_runs").click()
            # The model is loaded now, so the worker counts the prompt's tokens.
            expect(page.get_by_text(re.compile(r"^[1-9]\d* tokens$"))).to_be_visible()
            page.get_by_role("link", name="Explore").click()
            # The encoder measures and maps by itself, of the run that was started last.
            expect(page.get_by_text("Encoder all-MiniLM-L6-v2")).to_be_visible(timeout=MINUTES)
            score = tables(page, "Metrics of the runs side by side").locator(
                '[role=gridcell][aria-colindex="3"]'
            )
            expect(score.first).to_have_text(re.compile(r"^0\.\d"))
            expect(page.get_by_text("texts on the task's map")).to_be_visible(timeout=MINUTES)
        finally:
            lease = living(db)
            if lease is not None:
                os.kill(lease.pid, signal.SIGTERM)
