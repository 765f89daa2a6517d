"""Fault 34: a base URL that redirects or is no http(s) is refused; the key goes nowhere else."""

import pytest

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.settings import Home
from core.generation.servers.keys import Key
from core.store.database import Database
from tests.faults.misbehaving import Exchange, Misbehaving
from tests.faults.serving import Runs


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(home: Home, real_db: Database, status: int) -> None:
    with Misbehaving() as other:

        def away(exchange: Exchange) -> None:
            exchange.send(status, "", headers={"Location": f"{other.base_url}/chat/completions"})

        with (
            Misbehaving(then=away) as server,
            Runs(home, real_db, server, key="a-key-of-our-own") as runs,
        ):
            ended = runs.run()
            assert len(server.seen) == 1
        assert other.seen == []
    assert ended.job.state == "failed"
    assert ended.outcomes == ["redirect"]
    assert "not followed" in ended.job.message


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/v1",
        "javascript:alert(1)",
        "//host/v1",
        "http://",
        "http://user:secret@host/v1",
        "http://host/v1?key=secret",
        "http://ho st/v1",
        "http://host/v1\r\nX: y",
    ],
)
def test_what_is_no_plain_address_is_refused(url: str) -> None:
    with pytest.raises(BadInput) as told:
        Connection(base_url=url)
    assert "secret" not in str(told.value)


def test_a_key_is_for_its_own_address(home: Home, real_db: Database) -> None:
    key = Key("a-key-of-our-own", base_url="https://api.example.com/v1")
    assert key.value_for("HTTPS://api.example.com:443/v1/") == "a-key-of-our-own"
    for other in ("http://api.example.com/v1", "https://example.com/v1", "https://evil/v1"):
        with pytest.raises(BadInput, match="is not sent to another"):
            key.value_for(other)


def test_proxies_and_headers_of_the_environment_are_not_heeded(
    home: Home, real_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OPENAI_API_KEY", "somebody-elses-key")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Secret: of-somebody")
    with Misbehaving() as server, Runs(home, real_db, server) as runs:
        assert runs.run().job.state == "done"
        sent = str([exchange.headers for exchange in server.seen])
    assert "authorization" not in sent
    assert "somebody" not in sent
