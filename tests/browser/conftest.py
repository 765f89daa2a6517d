"""A Chromium, a server, and a page that may talk to nobody but that server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from core.domain.settings import Home
from core.jobs.queue import list_jobs, request_cancel, status
from core.store.database import Database, open_database
from tests.browser.fake_worker import Script
from tests.browser.serving import PATIENCE, Server, end_workers, wait_until

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """The browser, with a profile of its own that is thrown away."""
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def shared_home(tmp_path_factory: pytest.TempPathFactory, model_cache: Path) -> Iterator[Home]:
    """The home of the server that most tests share."""
    home = Home(tmp_path_factory.mktemp("browser") / "home").prepare()
    open_database(home).close()
    yield home
    end_workers(home)


@pytest.fixture(scope="session")
def shared_server(shared_home: Home) -> Iterator[Server]:
    with Server(shared_home) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Iterator[Server]:
    """A server with the fake worker behind it; what a test starts ends with the test."""
    Script().write(shared_server.home)
    yield shared_server
    Script(upto=0).write(shared_server.home)
    db = open_database(shared_server.home)
    try:
        for job in list_jobs(db):
            request_cancel(db, job.id)
        wait_until(
            lambda: all(
                status(db, job.id)[1] not in ("queued", "running") for job in list_jobs(db)
            ),
            what="all jobs come to rest",
        )
    finally:
        db.close()


@pytest.fixture
def db(server: Server) -> Iterator[Database]:
    """The store of the server."""
    database = open_database(server.home)
    yield database
    database.close()


@pytest.fixture
def own_home(tmp_path: Path) -> Iterator[Home]:
    """A home for a test with servers of its own."""
    home = Home(tmp_path / "home").prepare()
    yield home
    end_workers(home)


@pytest.fixture(scope="session")
def shared_context(browser: Browser) -> BrowserContext:
    """Where most pages open, so that Streamlit's own files are fetched once."""
    return browser.new_context(viewport={"width": 1440, "height": 1000})


@pytest.fixture
def new_page(browser: Browser, shared_context: BrowserContext) -> Iterator[OpenPage]:
    """Opens pages, like tabs or like other browsers; in the end, none asked a foreign address,
    and none was refused something by the app's own policy."""
    pages: list[Page] = []
    contexts: list[BrowserContext] = []
    asked: list[str] = []
    refused: list[str] = []
    ours = ["data:"]

    def read_console(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    def open_page(url: str, **options: Any) -> Page:
        """With options of `Browser.new_context`, the page has a context of its own."""
        context = shared_context
        if options:
            context = browser.new_context(**options)
            contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(PATIENCE * 1000)
        page.set_default_navigation_timeout(PATIENCE * 1000)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", read_console)
        page.on("websocket", lambda socket: asked.append(socket.url))
        host = urlsplit(url).netloc
        ours.extend((f"http://{host}/", f"ws://{host}/", f"blob:http://{host}/"))
        page.goto(url)
        return page

    yield open_page
    for page in pages:
        page.close()
    for context in contexts:
        context.close()
    assert asked
    assert not refused
    assert not [address for address in asked if not address.startswith(tuple(ours))]
