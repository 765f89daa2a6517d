"""Connections are known by their base URL; what was probed tells its age; no key is stored."""

import json

import pytest

from core.domain.connections import Connection, Prices
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Canary, Capabilities
from core.store.connections import (
    delete_connection,
    find_capabilities,
    find_connection,
    get_connection,
    list_connections,
    save_capabilities,
    save_connection,
)
from core.store.database import Database
from tests.store.making import FakeClock

URL = "http://127.0.0.1:8080/v1"
OTHER = "https://example.org/v1"


def test_saving_again_replaces_and_listing_keeps_the_order(db: Database, clock: FakeClock) -> None:
    first = Connection(
        base_url=URL,
        name="Mine",
        key_variable="MY_KEY",
        tokenizer="huggingface",
        tokenizer_name="a/b",
        prices=Prices(tokens_in=0.5, currency="EUR"),
        requests_at_once=3,
    )
    save_connection(db, first)
    clock.forward(1)
    save_connection(db, Connection(base_url=OTHER))
    assert list_connections(db) == [first, Connection(base_url=OTHER)]
    again = Connection(base_url="HTTP://127.0.0.1:8080/v1/", name="Again")
    save_connection(db, again)
    assert list_connections(db) == [again, Connection(base_url=OTHER)]
    assert get_connection(db, URL + "/") == again
    assert find_connection(db, "http://127.0.0.1:8081/v1") is None
    with pytest.raises(BadInput, match="There is no connection to"):
        get_connection(db, "http://127.0.0.1:8081/v1")


def test_a_deleted_one_is_gone_until_it_is_saved_again(db: Database) -> None:
    save_connection(db, Connection(base_url=URL, name="A"))
    save_capabilities(db, Capabilities(base_url=URL, model="m", n="exact"))
    delete_connection(db, URL)
    delete_connection(db, URL)
    assert (list_connections(db), find_connection(db, URL)) == ([], None)
    assert find_capabilities(db, URL, "m") is not None
    save_connection(db, Connection(base_url=URL, name="B"))
    assert [one.name for one in list_connections(db)] == ["B"]


def test_what_was_probed_is_kept_by_server_and_model(db: Database, clock: FakeClock) -> None:
    assert find_capabilities(db, URL, "m") is None
    save_capabilities(db, Capabilities(base_url=URL, model="m", n="ignored"))
    save_capabilities(db, Capabilities(base_url=URL, model="other", n="refused"))
    clock.forward(60)
    save_capabilities(db, Capabilities(base_url=URL + "/", model="m", n="exact"))
    found = find_capabilities(db, URL, "m")
    assert found is not None
    assert found.created_at == clock.now
    assert found.capabilities == Capabilities(
        base_url=URL, model="m", n="exact", probed_at=clock.now
    )
    assert find_capabilities(db, OTHER, "m") is None


def test_an_old_probe_says_so(db: Database, clock: FakeClock) -> None:
    save_capabilities(db, Capabilities(base_url=URL, model="m"))
    clock.forward(30 * 86_400)
    found = find_capabilities(db, URL, "m")
    assert found is not None
    assert found.stale == ""
    clock.forward(86_400)
    found = find_capabilities(db, URL, "m")
    assert found is not None
    assert found.stale.startswith("This was found 31 days ago")
    later = find_capabilities(db, URL, "m", stale_days=40)
    assert later is not None
    assert later.stale == ""


def test_what_another_version_found_is_read(db: Database) -> None:
    stored = {"n": "exact", "new": 1, "canary": {"x": 2, "removed": ["a"]}, "notes": ["b"]}
    with db.write() as sql:
        sql.execute(
            "INSERT INTO capabilities (base_url, model, result, created_at) VALUES (?, 'm', ?, 0)",
            (URL, json.dumps(stored)),
        )
    found = find_capabilities(db, URL, "m")
    assert found is not None
    assert found.capabilities == Capabilities(
        base_url=URL, model="m", n="exact", canary=Canary(removed=("a",)), notes=("b",)
    )
