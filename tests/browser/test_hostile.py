"""Row 29: what people and models write is text, wherever it stands, and fetches nothing."""

import json
import re
import socket
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Page, expect

from core.domain.conditions import Condition
from core.domain.runs import RunSpec
from core.domain.tasks import Label, Task
from core.jobs.queue import start_run, status
from core.store.database import Database
from core.store.generation.runs import rename_run
from core.store.tasks import delete_task, save_task
from tests.browser.conftest import OpenPage
from tests.browser.fake_worker import Script
from tests.browser.reading import badge, expect_texts, settled
from tests.browser.serving import Server, wait_until


@pytest.fixture
def trap() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a server that nobody may ask, and what it was asked all the same."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def listen() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    asked.append(b"somebody came")

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def hostile(trap: str) -> list[str]:
    """Texts that would do something if they were more than text; without double quotes."""
    return [
        f"<script src='{trap}/a.js'>window.hacked = 1</script>",
        f"<img src='{trap}/b.png' onerror='window.hacked = 1'>",
        f"![image]({trap}/c.png)",
        f"[link]({trap}/d) {trap}/e",
        "$\\frac{1}{2}$ $$x^2$$ :red[red] :material/home: **bold** `code`",
        f"<iframe src='{trap}/f'></iframe><style>* {{display: none}}</style>",
        f"# heading\n- item\n\n| a |\n|---|\n![x]({trap}/g.png)",
        "javascript:alert(1) <a href='javascript:alert(1)'>x</a>",
    ]


def expect_heading(page: Page, name: str) -> None:
    joiner = "\u2060?"
    pattern = joiner.join(re.escape(char) for char in name)
    expect(page.get_by_role("heading", level=3).first).to_have_text(re.compile(f"^{pattern}$"))


def assert_inert(page: Page, trap: str, dialogs: list[str]) -> None:
    settled(page)
    assert page.evaluate("window.hacked") is None
    assert not dialogs
    assert page.locator(f'[src*="{trap}"], [href*="{trap}"], script[src*="a.js"]').count() == 0
    assert page.locator(".katex, iframe, [href^='javascript:']").count() == 0


def test_row_29_it_is_text_and_fetches_nothing(
    server: Server, new_page: OpenPage, db: Database, trap: tuple[str, list[bytes]]
) -> None:
    address, asked = trap
    texts = hostile(address)
    words = [" ".join(text.split()) for text in texts]  # a name has one line
    labels = tuple(Label(word, word) for word in words)
    task = Task(words[2], words[1], labels)
    kept = save_task(db, task)
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    Script(upto=len(texts), texts=tuple(texts)).write(server.home)
    run, job = start_run(db, RunSpec(task, Condition(), per_label=1), name=words[1])
    page = new_page(f"{server.url}/generate")
    page.on("dialog", note)

    # The list of runs, and the side bar with the task chosen.
    expect(page.get_by_text("Runs", exact=True)).to_be_visible()
    page.locator(".st-key-task input").click()
    page.get_by_role("option", name=words[2]).click()
    expect(page.get_by_text("8 × <img src=")).to_be_visible()
    expect(page.get_by_test_id("stCode")).to_contain_text(f"Write a {words[1]} to cover")
    page.get_by_text("Texts by label").click()
    page.get_by_text("Override per label").click()
    expect(page.locator("[class*=st-key-target-]")).to_have_count(len(labels))
    assert_inert(page, address, dialogs)

    # The run: live or at rest, all tabs.
    wait_until(lambda: status(db, job.id)[1] == "done", what="the run is done")
    page.goto(f"{server.url}?run={run.id}")
    expect(badge(page)).to_contain_text("done")
    expect_heading(page, words[1])
    expect_texts(page, texts)
    assert_inert(page, address, dialogs)
    page.get_by_role("tab", name="Balance and tokens").click()
    ticks = page.locator(".st-key-balance .ytick text")
    expect(ticks).to_have_count(len(words))
    shown = {" ".join(tick.split()) for tick in ticks.all_text_contents()}
    assert shown == set(words)
    assert_inert(page, address, dialogs)
    page.get_by_role("tab", name="Settings").click()
    page.get_by_text("As JSON, with seed examples").click()
    expect(page.get_by_test_id("stCode")).to_contain_text(json.dumps(words[1])[1:-1])
    assert_inert(page, address, dialogs)

    # Its name and messages as others may have written them; another tab draws the page anew.
    for place, name in enumerate(words):
        rename_run(db, run.id, name, expected_revision=1 + place)
        page.get_by_role("tab", name=("Texts", "Settings")[place % 2]).click()
        expect_heading(page, name)
        assert_inert(page, address, dialogs)
    delete_task(db, kept.id)
    assert not asked
