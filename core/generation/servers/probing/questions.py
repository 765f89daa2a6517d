"""Short questions to a model while it is probed: what is sent, what came back, what it took."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.domain.errors import BackendFailed, BadInput
from core.domain.texts import storable_text
from core.generation.servers.capabilities import Support, TokenField
from core.generation.servers.errors import (
    ServerError,
    ServerInfo,
    error_from_object,
    error_from_status,
    error_of_kind,
)
from core.generation.servers.http_client import HttpResponse, ServerClient

STORY = "Tell a story in one line."
SHORT = 8
"""Tokens of most answers."""


class ProbeClient:
    """Asks one model and adds up what that takes.

    Args:
        client: asks the server.
        model: the served model's name.

    Attributes:
        token_field: the name under which the server takes the limit on new tokens.
        requests: asked so far.
        quickest: seconds of the quickest that was answered; None before.
        tokens_in, tokens_out: as far as the server reported them; None before it does.
    """

    def __init__(self, client: ServerClient, model: str) -> None:
        self.client = client
        self.model = model
        self.token_field: TokenField = "max_tokens"
        self.requests = 0
        self.quickest: float | None = None
        self.tokens_in: int | None = None
        self.tokens_out: int | None = None

    def chat(
        self,
        content: str,
        *,
        most: int,
        biases: Mapping[int, float] | None = None,
        system: str = "",
        **knobs: Any,
    ) -> HttpResponse:
        """One question to the chat route.

        Args:
            content: the user's turn.
            most: new tokens at most.
            biases: token id to logit bias.
            system: a turn of the role `system` before it.
            knobs: sent as they are.
        """
        turns = [{"role": "user", "content": content}]
        if system:
            turns.insert(0, {"role": "system", "content": system})
        body: dict[str, Any] = {
            "model": self.model,
            "messages": turns,
            self.token_field: most,
            **knobs,
        }
        if biases:
            body["logit_bias"] = {str(token): bias for token, bias in biases.items()}
        return self.ask("/chat/completions", body)

    def ask(self, path: str, body: Mapping[str, Any]) -> HttpResponse:
        """Any question, counted."""
        self.requests += 1
        reply = self.client.ask(path, body)
        if not reply.ok:
            return reply
        if self.quickest is None or reply.seconds < self.quickest:
            self.quickest = reply.seconds
        used = reported_usage(reply)
        if used is not None:
            self.tokens_in = (self.tokens_in or 0) + used[0]
            self.tokens_out = (self.tokens_out or 0) + used[1]
        return reply


def texts(reply: HttpResponse) -> list[str]:
    """The texts of an answer, of either route; a choice without one is an empty text."""
    found = []
    for choice in choices(reply):
        message = choice.get("message")
        content = message.get("content") if isinstance(message, dict) else choice.get("text")
        found.append(storable_text(content) if isinstance(content, str) else "")
    return found


def first_text(reply: HttpResponse) -> str:
    """The first text of an answer; empty without one."""
    return (texts(reply) or [""])[0]


def choices(reply: HttpResponse) -> Sequence[Mapping[str, Any]]:
    """An answer's choices; none where it is no such answer."""
    listed = reply.data.get("choices") if reply.ok and isinstance(reply.data, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def reported_usage(reply: HttpResponse) -> tuple[int, int] | None:
    """Tokens of prompt and answer as the server reports them; None where it does not."""
    told = reply.data.get("usage") if isinstance(reply.data, dict) else None
    if not isinstance(told, dict):
        return None
    pair = (told.get("prompt_tokens"), told.get("completion_tokens"))
    if not all(type(number) is int and number >= 0 for number in pair):
        return None
    return pair  # type: ignore[return-value]


def rejects_parameter(reply: HttpResponse, parameter: str) -> bool:
    """Whether the server turned a request down for that parameter."""
    return 400 <= reply.status < 500 and parameter in reply.text


def complaint(reply: HttpResponse, server: ServerInfo) -> str:
    """What is wrong with an answer, in a sentence, the server's own words included."""
    return _fault(reply, server).what


def check_answers(reply: HttpResponse, server: ServerInfo) -> None:
    """Refuse to go on where the plainest question was not answered.

    Raises:
        BadInput: the key, the model or the base URL is refused.
        BackendFailed: the server fails.
    """
    if reply.ok and choices(reply):
        return
    fault = _fault(reply, server)
    refused = fault.kind in ("key_refused", "forbidden", "not_found", "refused", "web_page")
    raise (BadInput if refused else BackendFailed)(fault.what, fault.remedy)


def _fault(reply: HttpResponse, server: ServerInfo) -> ServerError:
    if not 200 <= reply.status < 300:
        return error_from_status(
            server, reply.status, body=reply.text, data=reply.data, headers=reply.headers
        )
    if isinstance(reply.data, dict) and reply.data.get("error"):
        return error_from_object(server, reply.data)
    page = reply.text.lstrip().startswith("<")
    return error_of_kind(server, "web_page" if page else "bad_json")


_PATIENCE = 2  # questions without an answer before the rest stays unknown


class ProbeFindings:
    """Collects what is told of one model.

    Args:
        server: how it is spoken of.

    Attributes:
        known: fields of `Capabilities`, as far as they are known.
        notes: sentences on what went wrong or stays unknown, each once.
    """

    def __init__(self, server: ServerInfo) -> None:
        self.server = server
        self.known: dict[str, Any] = {}
        self.notes: list[str] = []
        self._failed = 0

    def note(self, sentence: str) -> None:
        """Add a sentence, unless it stands there."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def answered(self, knob: str, asked: Callable[[], HttpResponse]) -> HttpResponse | None:
        """The answer to a question that uses a knob; None where it was refused or nothing came.

        Args:
            knob: a field of `Capabilities`; refused, it is noted as such.
            asked: asks. Not called any more once two questions got no answer.
        """
        if self._failed >= _PATIENCE:
            return None
        try:
            reply = asked()
        except BackendFailed as error:
            self._failed += 1
            self.note(f"{knob} stays unknown. {error.what}")
            if self._failed >= _PATIENCE:
                self.note("The probe was broken off; what is missing stays unknown.")
            return None
        if reply.ok:
            return reply
        refused = 400 <= reply.status < 500 and reply.status not in (401, 403, 408, 429)
        verdict: Support = "refused" if refused or reply.status == 501 else "unknown"
        self.known[knob] = verdict
        self.note(f"{knob}: {complaint(reply, self.server)}")
        return None
