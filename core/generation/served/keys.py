"""Keys of servers: found by the name of their variable, bound to one base URL, shown nowhere."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.connections import Connection, checked_url
from core.errors import BadInput

SECRETS = Path(".streamlit") / "secrets.toml"


class Key:
    """A key that can be read for its own base URL only.

    Args:
        value: the key itself.
        base_url: of the connection it belongs to.
    """

    __slots__ = ("_base_url", "_value")

    def __init__(self, value: str, *, base_url: str) -> None:
        self._value = value
        self._base_url = checked_url(base_url)

    def __repr__(self) -> str:
        return f"Key(for {self._base_url})"

    def __reduce__(self) -> str:
        raise TypeError("A key is never written anywhere.")

    def value_for(self, base_url: str) -> str:
        """The key itself.

        Raises:
            BadInput: it belongs to another base URL.
        """
        if checked_url(base_url) != self._base_url:
            raise BadInput(
                f"The key belongs to {self._base_url} and is not sent to another server.",
                "Name a key for this connection.",
            )
        return self._value


def key_of(
    connection: Connection,
    *,
    environment: Mapping[str, str] = os.environ,
    folders: Sequence[Path] | None = None,
) -> Key | None:
    """The key that a connection names; None if it names none.

    Args:
        connection: names the variable.
        environment: looked into first.
        folders: whose `.streamlit/secrets.toml` is looked into then, at its top level; None takes
            the current folder and the home folder, as Streamlit does.

    Raises:
        BadInput: the variable is nowhere, empty, or holds what no header can carry.
    """
    name = connection.key_variable
    if not name:
        return None
    places = [Path.cwd(), Path.home()] if folders is None else folders
    value = environment.get(name, "").strip() or _secret(name, places)
    if not value:
        raise BadInput(
            f"The key for {connection.base_url} is missing: the variable {name} is not set.",
            f"Set {name} in the environment that starts Wideset, or write it into "
            f"{SECRETS}, then start Wideset anew.",
        )
    if not all(33 <= ord(char) <= 126 for char in value):
        raise BadInput(
            f"The variable {name} holds no key: there are blanks or unusual characters in it.",
            "Copy the key anew.",
        )
    return Key(value, base_url=connection.base_url)


def _secret(name: str, folders: Sequence[Path]) -> str:
    for folder in folders:
        path = folder / SECRETS
        try:
            told = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError:
            continue
        except ValueError:  # its words would quote the file
            raise BadInput(
                f"The file {path} is no TOML, so the key {name} can't be looked up.", "Mend it."
            ) from None
        value = told.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
    return ""
