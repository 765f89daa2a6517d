"""Faults: whatever can go wrong between us and a server, said in plain words and classified.

`error_responses` reads those that a server tells of itself.
"""

from dataclasses import dataclass
from typing import Literal

from core.errors import BackendFailed

Kind = Literal[
    "too_many_requests",
    "quota",
    "server_error",
    "key_refused",
    "forbidden",
    "not_found",
    "refused",
    "redirect",
    "unreachable",
    "connection_lost",
    "deadline",
    "too_long",
    "web_page",
    "bad_json",
]
Then = Literal["retry", "stop"]
Spent = Literal["lose", "pause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault.

    Args:
        kind: see `Kind`.
        what: one sentence on what happened.
        remedy: one sentence on what to do.
        then: whether trying again can help, or the run is to stop at once.
        spent: when the tries are spent: the request alone is lost, or the run pauses.
        status: HTTP's; None where no answer came.
        wait: seconds that the server asks to wait; None if it asks nothing.
    """

    kind: Kind
    what: str
    remedy: str
    then: Then = "retry"
    spent: Spent = "lose"
    status: int | None = None
    wait: float | None = None


class ServerClosed(BackendFailed):
    """The server takes nothing, whatever the condition: the key, the quota, the address."""


class ServerFault(Exception):
    """A request went wrong; `fault` says how. Never reaches a person as it is."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is spoken of.

    Args:
        base_url: of the connection.
        model: the server's name for it.
        key_variable: where its key comes from; empty without one.
        secrets: what must appear in no sentence.
    """

    base_url: str
    model: str
    key_variable: str = ""
    secrets: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Server({self.base_url!r}, {self.model!r})"


def fault_of_kind(server: Server, kind: Kind, *, detail: str = "") -> Fault:
    """What it means that no readable answer came.

    Args:
        server: which.
        kind: one of those below.
        detail: of ours; never the server's words or an exception's.
    """
    at = f"The server at {server.base_url}"
    what, remedy = {
        "unreachable": (f"{at} can't be reached{detail}.", "Check that it runs and its base URL."),
        "connection_lost": (
            f"The connection to {server.base_url} broke off{detail}.",
            "See whether the server is well, then resume.",
        ),
        "deadline": (
            f"{at} did not finish its answer{detail}.",
            "Ask for fewer texts a request or fewer requests at once, then resume.",
        ),
        "too_long": (
            f"{at} answered with more than a request can hold{detail}.",
            "Check its base URL.",
        ),
        "web_page": (
            f"{at} answered with a web page instead of JSON.",
            "Check the base URL (it mostly ends in /v1), and that no sign-in page is in between.",
        ),
        "bad_json": (
            f"{at} answered with JSON that is broken off or none{detail}.",
            "See whether the server is well, then resume.",
        ),
    }[kind]
    return Fault(
        kind=kind,
        what=what,
        remedy=remedy,
        spent="pause" if kind == "unreachable" else "lose",
    )
