"""The Connect page: adding, testing, what was found, using, deleting."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.domain.connections import Connection, Prices
from core.domain.errors import BackendFailed
from core.domain.progress import JobProgress
from core.domain.registries.capabilities import Canary, Capabilities
from core.domain.runs import ModelChoice, RunSpec
from core.domain.settings import Home
from core.domain.tasks import preset
from core.jobs import claims
from core.jobs.handlers.servers import start_connection_test
from core.jobs.lease import release, take
from core.jobs.queue import list_jobs, start_run
from core.store.connections import list_connections, save_capabilities, save_connection
from core.store.database import Database
from tests.pages.making import buttons, markup, table, words

URL = "http://127.0.0.1:8080/v1"
SENTINEL = "sk-sentinel-3141592653589793"
CANARY = Canary(
    verdict="exact",
    untouched="Red is one",
    forced=" seven",
    forced_answer=" seven seven seven",
    removed=("Red", " Red"),
    removed_answer="Blue is one",
    why="A bias of +100 forces a token, and one of -100 removes it.",
)


@pytest.fixture
def page(app: AppTest) -> AppTest:
    return app.switch_page("pages/connect.py")


def drawn(page: AppTest) -> AppTest:
    page.run()
    assert not page.exception
    return page


def found(db: Database, model: str = "m", **more: Any) -> None:
    values = {"tokenizer": "server", "canary": CANARY, "logit_bias": "exact", "n": "exact", **more}
    told = Capabilities(base_url=URL, model=model, **values)
    save_capabilities(db, told)


def test_an_empty_page_says_what_to_do(page: AppTest, home: Home) -> None:
    drawn(page)
    assert "No connections yet." in words(page)
    page.button(key="connect_add").click().run()
    assert not page.exception
    assert "Never enter the key itself" in words(page)


def test_a_template_fills_the_form_and_saving_keeps_it(page: AppTest, db: Database) -> None:
    drawn(page).button(key="connect_add").click().run()
    page.button(key="connect_template-OpenAI").click().run()
    assert page.text_input(key="connect_url").value == "https://api.openai.com/v1"
    assert "Token ids come from tiktoken" in words(page)
    page.number_input(key="connect_price_in").set_value(0.15).run()
    page.number_input(key="connect_price_out").set_value(0.6).run()
    page.text_input(key="connect_currency").set_value("EUR").run()
    page.number_input(key="connect_at_once").set_value(32).run()
    page.button(key="connect_save").click().run()
    assert not page.exception
    assert list_connections(db) == [
        Connection(
            base_url="https://api.openai.com/v1",
            name="OpenAI",
            key_variable="OPENAI_API_KEY",
            tokenizer="tiktoken",
            prices=Prices(tokens_in=0.15, tokens_out=0.6, currency="EUR"),
            requests_at_once=32,
        )
    ]
    assert "connect_save" not in buttons(page)


@pytest.mark.parametrize("field", ["name", "url", "key", "model"])
def test_a_key_is_thrown_away_wherever_it_is_typed(
    page: AppTest, db: Database, home: Home, field: str
) -> None:
    drawn(page).button(key="connect_add").click().run()
    page.button(key="connect_template-OpenAI").click().run()
    typed = f"https://host/{SENTINEL}" if field == "url" else SENTINEL
    page.text_input(key=f"connect_{field}").set_value(typed).run()
    assert "That looks like an API key" in words(page)
    assert page.text_input(key=f"connect_{field}").value == ""
    assert SENTINEL not in words(page) + str(list(page.main))
    assert list_connections(db) == []
    files = [path.read_bytes() for path in home.folder.rglob("*") if path.is_file()]
    assert not any(SENTINEL.encode() in content for content in files)


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("url", "ftp://host/v1", "no address of http or https"),
        ("url", "http://me:secret@host/v1", "holds a name or a password"),
        ("url", "", "is empty"),
        ("key", "my key", "no name of one"),
        ("currency", "12", "unusable"),
    ],
)
def test_what_is_refused_is_told_and_the_form_stays(
    page: AppTest, db: Database, field: str, value: str, why: str
) -> None:
    drawn(page).button(key="connect_add").click().run()
    page.button(key="connect_template-vLLM").click().run()
    page.text_input(key=f"connect_{field}").set_value(value).run()
    page.button(key="connect_save").click().run()
    assert not page.exception
    assert why in words(page)
    assert page.text_input(key="connect_name").value == "vLLM"
    assert list_connections(db) == []


def test_an_address_that_is_there_already_is_changed_not_added(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL, name="Mine", prices=Prices(tokens_in=1.0)))
    drawn(page).button(key="connect_add").click().run()
    page.button(key="connect_template-llama.cpp").click().run()
    page.button(key="connect_save").click().run()
    assert "exists already" in words(page)
    page.button(key="connect_cancel").click().run()
    page.button(key="connect_edit").click().run()
    assert page.text_input(key="connect_url").disabled
    assert page.number_input(key="connect_price_in").value == 1.0
    page.text_input(key="connect_name").set_value("Ours").run()
    page.button(key="connect_save").click().run()
    (kept,) = list_connections(db)
    assert (kept.name, kept.prices.tokens_in) == ("Ours", 1.0)


@pytest.mark.parametrize("there", [True, False])
def test_the_key_is_set_or_not_and_never_shown(
    page: AppTest, db: Database, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    monkeypatch.delenv("MY_SERVER_KEY", raising=False)
    if there:
        monkeypatch.setenv("MY_SERVER_KEY", SENTINEL)
    save_connection(db, Connection(base_url=URL, key_variable="MY_SERVER_KEY"))
    drawn(page)
    state = "set" if there else "not set"
    assert list(table(page, "key")["key"]) == [f"MY_SERVER_KEY: {state}"]
    assert f"MY_SERVER_KEY is {state}" in words(page)
    assert SENTINEL not in str(list(page.main))


def test_a_test_is_a_job_and_a_double_click_is_one(
    page: AppTest, db: Database, spawned: list[Home]
) -> None:
    save_connection(db, Connection(base_url=URL, name="Mine"))
    drawn(page)
    assert "No model is chosen yet." in words(page)
    assert not buttons(page)["connect_use"]
    token = page.session_state["test_token"]
    page.button(key="connect_test").click().run()
    (job,) = list_jobs(db)
    assert (job.kind, job.spec, job.token) == ("probe", {"base_url": URL, "model": ""}, token)
    assert not buttons(page)["connect_test"]
    page.session_state["test_token"] = token
    page.button(key="connect_stop").click().run()
    assert list_jobs(db)[0].state == "cancelled"
    assert "The last test was stopped." in words(drawn(page))
    assert spawned


def test_listed_models_are_offered(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL))
    ended(db, {"phase": "done", "model": "", "models": ["alpha", "/models/beta.gguf"]})
    drawn(page)
    assert "lists 2 models" in words(page)
    (select,) = [one for one in page.selectbox if "connect_choice" in (one.key or "")]
    assert select.options == ["alpha", "beta.gguf"]
    select.select("alpha").run()
    page.button(key="connect_test").click().run()
    assert list_jobs(db)[0].spec["model"] == "alpha"


def test_a_test_that_failed_says_why(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL))
    ended(db, {}, why=BackendFailed("The server <b>said</b> no.", "Do *this*."))
    drawn(page)
    assert "The last test failed. The server <b>said</b> no. Do *this*." in words(page)
    assert "<b>" not in markup(page)


def test_a_run_that_failed_after_a_test_is_the_last_thing_known(
    page: AppTest, db: Database
) -> None:
    save_connection(db, Connection(base_url=URL))
    save_connection(db, Connection(base_url="http://127.0.0.1:9/v1"))
    found(db)
    drawn(page)
    assert list(table(page, "key")["last"]) == ["test passed just now", "never used"]
    model = ModelChoice(backend="openai", model="m", base_url=URL)
    _, job = start_run(db, RunSpec(preset("sst2"), model=model), name="A *run*")
    take(db, "w", 1)
    assert claims.claim(db, "w") is not None
    claims.settle(
        db,
        job.id,
        "w",
        "failed",
        BackendFailed("The server <b>fell</b>.", ""),
        progress=JobProgress(),
    )
    drawn(page)
    assert list(table(page, "key")["last"]) == ["run failed just now", "never used"]
    assert "A run failed just now: A *run*. The server <b>fell</b>." in words(page)
    assert "<b>" not in markup(page)


def test_what_was_found_is_a_table_with_the_canary(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL, model="m"))
    found(db, latency_ms=41.6, min_p="ignored", top_k="refused", seed="wrong", notes=("A <b>.",))
    drawn(page)
    told = {one.label: one.value for one in page.metric}
    assert told["Lowest latency"] == "42 ms"
    assert (told["Tokenizer"], told["Tested"]) == ("server", "just now")
    assert "Logit suppression is exact" in words(page)
    rows = page.table[0].value.set_index("Parameter")["Support"]
    assert rows["Logit bias"].endswith(" works")
    assert rows["min_p"].endswith(" accepted, without effect")
    assert rows["top_k"].endswith(" refused")
    assert rows["Seed"].endswith(" does something else")
    assert rows["Stop text"].endswith(" unknown")
    canary = table(page, "answer")
    assert list(canary["answer"]) == ["Red is one", " seven seven seven", "Blue is one"]
    assert list(canary["bias"]) == ["none", "+100 on ' seven'", "-100 on 'Red', ' Red'"]
    assert [text.value for text in page.text] == ["A <b>."]
    assert list(table(page, "key")["suppression"]) == ["exact"]


def test_what_cant_be_suppressed_says_what_stands_in(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL, model="m"))
    dead = Canary(verdict="ignored", why="The server accepts a logit bias and does nothing.")
    found(db, canary=dead, frequency_penalty="ignored")
    drawn(page)
    assert "Logit suppression is not supported." in words(page)
    assert "It can be approximated: avoid these words (approximate)." in words(page)


def test_what_is_old_says_so(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL, model="m"))
    found(db)
    db.connection().execute("UPDATE capabilities SET created_at = created_at - 40 * 86400")
    drawn(page)
    assert "This was found 40 days ago" in words(page)


def test_use_leads_to_generate_with_it_chosen(page: AppTest, db: Database) -> None:
    save_connection(db, Connection(base_url=URL, model="m"))
    found(db)
    drawn(page).button(key="connect_use").click().run()
    assert not page.exception
    assert page.get_by_key("model_kind").value == "Server"
    assert page.selectbox(key="server_url").value == URL
    assert page.selectbox(key=f"server_model-{URL}").value == "m"


def test_deleting_can_be_undone(page: AppTest, db: Database) -> None:
    kept = Connection(base_url=URL, name="Mine", key_variable="A_KEY", requests_at_once=3)
    save_connection(db, kept)
    drawn(page).button(key="connect_delete").click().run()
    assert list_connections(db) == []
    assert "Mine was deleted" in words(page)
    page.button(key="connect_undo").click().run()
    assert not page.exception
    assert list_connections(db) == [kept]
    assert "was deleted" not in words(page)


def ended(db: Database, progress: dict[str, Any], *, why: BackendFailed | None = None) -> None:
    """A test that came to its end."""
    job = start_connection_test(db, URL, "", token="test")
    assert take(db, "worker", 1, seconds=600)
    assert claims.claim(db, "worker", job_id=job.id)
    claims.report(db, job.id, "worker", progress)
    if why is None:
        claims.settle(db, job.id, "worker", "done")
    else:
        claims.settle(db, job.id, "worker", "failed", why)
    release(db, "worker")
