"""Connections in the store, by their base URL, and what probing found of the models behind them.

No key is ever stored: a connection holds the name of the variable that does.
"""

import json
import sqlite3
from dataclasses import dataclass, replace

from core.domain.connections import Connection, Prices, checked_url
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.serialization import from_json, to_json
from core.store.database import Database
from core.store.records import new_id

STALE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Probed:
    """What probing found of a model on a server.

    Args:
        capabilities: as they were found.
        created_at: seconds since 1970, UTC.
        stale: a sentence if it is older than `STALE_DAYS`, else empty.
    """

    capabilities: Capabilities
    created_at: float
    stale: str


def save_connection(db: Database, connection: Connection) -> None:
    """Store a connection in place of the one with its base URL, and bring back a deleted one.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
    """
    now = db.now()
    written = json.dumps(to_json(connection), allow_nan=False)
    with db.write() as sql:
        sql.execute(
            "INSERT INTO connections (id, base_url, settings, created_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (base_url) DO UPDATE SET settings = excluded.settings, deleted_at = NULL",
            (new_id(now), connection.base_url, written, now),
        )


def list_connections(db: Database) -> list[Connection]:
    """All that are not deleted, in the order in which they were first saved."""
    with db.read() as sql:
        rows = sql.execute(
            "SELECT settings FROM connections WHERE deleted_at IS NULL ORDER BY rowid"
        ).fetchall()
    return [_connection(row) for row in rows]


def find_connection(db: Database, base_url: str) -> Connection | None:
    """The connection to that base URL; None if there is none, or it was deleted."""
    with db.read() as sql:
        row = sql.execute(
            "SELECT settings FROM connections WHERE base_url = ? AND deleted_at IS NULL",
            (checked_url(base_url),),
        ).fetchone()
    return None if row is None else _connection(row)


def get_connection(db: Database, base_url: str) -> Connection:
    """The connection to that base URL.

    Raises:
        BadInput: there is none.
    """
    record = find_connection(db, base_url)
    if record is None:
        raise BadInput(
            f"There is no connection to {base_url[:200]} in this store.", "Add it first."
        )
    return record


def find_prices(db: Database, base_url: str) -> Prices:
    """The prices of the connection to that base URL; all unknown without one."""
    connection = find_connection(db, base_url)
    return Prices() if connection is None else connection.prices


def delete_connection(db: Database, base_url: str) -> None:
    """Hide a connection; saving one to its base URL brings it back. Idempotent.

    Its runs keep what they need to be read, and what was probed stays.
    """
    with db.write() as sql:
        sql.execute(
            "UPDATE connections SET deleted_at = coalesce(deleted_at, ?) WHERE base_url = ?",
            (db.now(), checked_url(base_url)),
        )


def save_capabilities(db: Database, capabilities: Capabilities) -> Capabilities:
    """Store what probing found, in place of what was found of that model before.

    The connection need not be stored.

    Returns:
        What is stored: the same with the time as its `probed_at`.

    Raises:
        StoreFull, StoreBusy: nothing was stored.
    """
    now = db.now()
    stored = replace(capabilities, base_url=checked_url(capabilities.base_url), probed_at=now)
    written = json.dumps(to_json(stored), allow_nan=False)
    with db.write() as sql:
        sql.execute(
            "INSERT INTO capabilities (base_url, model, result, created_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (base_url, model) DO UPDATE SET result = excluded.result,"
            " created_at = excluded.created_at",
            (stored.base_url, stored.model, written, now),
        )
    return stored


def find_capabilities(
    db: Database, base_url: str, model: str, *, stale_days: float = STALE_DAYS
) -> Probed | None:
    """The latest that probing found of a model on a server; None if it was never probed.

    Args:
        db: the store.
        base_url: of the connection.
        model: the server's name for it.
        stale_days: from which age on `Probed.stale` says so.
    """
    with db.read() as sql:
        row = sql.execute(
            "SELECT * FROM capabilities WHERE base_url = ? AND model = ?",
            (checked_url(base_url), model),
        ).fetchone()
    if row is None:
        return None
    days = (db.now() - row["created_at"]) / 86_400
    stale = (
        f"This was found {days:.0f} days ago; the server may have changed since. Test it again."
        if days > stale_days
        else ""
    )
    names = {"base_url": row["base_url"], "model": row["model"]}
    capabilities = from_json(Capabilities, json.loads(row["result"]) | names)
    return Probed(capabilities, row["created_at"], stale)


def _connection(row: sqlite3.Row) -> Connection:
    return from_json(Connection, json.loads(row["settings"]))
