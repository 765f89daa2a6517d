"""The model's options: what goes together, and what is remembered of a server."""

import pytest
from typer.main import get_command

from core.cli.app import App
from core.cli.options import ModelOptions
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.store.connections import find_connection, list_connections, save_connection
from core.store.database import Database
from tests.store.making import clock, db, home

__all__ = ["clock", "db", "home"]


def parsed(*words: str) -> ModelOptions:
    options: list[ModelOptions] = []
    app = App()

    @app.add()
    def command(model: ModelOptions) -> None:
        options.append(model)

    get_command(app).main([*words], standalone_mode=False)
    return options[0]


SERVER = ("--backend", "openai", "--model", "m", "--base-url", "HTTP://Host:80/v1/")


def test_a_server_in_its_one_form() -> None:
    wanted = ModelChoice(backend="openai", model="m", base_url="http://host/v1")
    assert parsed(*SERVER).choice() == wanted
    assert parsed().choice() == ModelChoice()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--backend", "openai", "--base-url", "http://h/v1"), "has to be named"),
        (("--backend", "openai", "--model", "m"), "base URL is empty"),
        (("--base-url", "http://h/v1"), "for a server's model"),
        (("--key-variable", "K"), "for a server's model"),
        ((*SERVER, "--key-variable", "sk-123"), "no name of one"),
    ],
)
def test_what_does_not_go_together(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadInput, match=said) as told:
        parsed(*words).choice()
    assert "sk-123" not in str(told.value)


def test_the_connection_is_remembered_and_its_settings_kept(db: Database) -> None:
    first = parsed(*SERVER)
    first.remember_connection(db)
    assert list_connections(db) == [Connection(base_url="http://host/v1")]

    save_connection(db, Connection(base_url="http://host/v1", name="Mine", key_variable="OLD"))
    first.remember_connection(db)
    kept = find_connection(db, "http://host/v1")
    assert kept is not None
    assert (kept.name, kept.key_variable) == ("Mine", "OLD")

    second = parsed(*SERVER, "--key-variable", "NEW")
    second.remember_connection(db)
    kept = find_connection(db, "http://host/v1")
    assert kept is not None
    assert (kept.name, kept.key_variable) == ("Mine", "NEW")

    local = parsed()
    local.remember_connection(db)
    assert len(list_connections(db)) == 1
