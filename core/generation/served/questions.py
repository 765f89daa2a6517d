"""Short questions to a model while it is probed: what is sent, what came back, what it took."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.errors import BackendFailed, BadInput
from core.generation.served.capabilities import TokenField
from core.generation.served.error_responses import fault_of_error_object, fault_of_status
from core.generation.served.failures import Fault, Server, fault_of_kind
from core.generation.served.wire import Asking, Reply
from core.texts import storable_text

STORY = "Tell a story in one line."
SHORT = 8
"""Tokens of most answers."""


class Questions:
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

    def __init__(self, client: Asking, model: str) -> None:
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
    ) -> Reply:
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

    def ask(self, path: str, body: Mapping[str, Any]) -> Reply:
        """Any question, counted."""
        self.requests += 1
        reply = self.client.ask(path, body)
        if not reply.ok:
            return reply
        if self.quickest is None or reply.seconds < self.quickest:
            self.quickest = reply.seconds
        used = usage(reply)
        if used is not None:
            self.tokens_in = (self.tokens_in or 0) + used[0]
            self.tokens_out = (self.tokens_out or 0) + used[1]
        return reply


def texts(reply: Reply) -> list[str]:
    """The texts of an answer, of either route; a choice without one is an empty text."""
    found = []
    for choice in choices(reply):
        message = choice.get("message")
        text = message.get("content") if isinstance(message, dict) else choice.get("text")
        found.append(storable_text(text) if isinstance(text, str) else "")
    return found


def text(reply: Reply) -> str:
    """The first text of an answer; empty without one."""
    return (texts(reply) or [""])[0]


def choices(reply: Reply) -> Sequence[Mapping[str, Any]]:
    """An answer's choices; none where it is no such answer."""
    listed = reply.data.get("choices") if reply.ok and isinstance(reply.data, dict) else None
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def usage(reply: Reply) -> tuple[int, int] | None:
    """Tokens of prompt and answer as the server reports them; None where it does not."""
    told = reply.data.get("usage") if isinstance(reply.data, dict) else None
    if not isinstance(told, dict):
        return None
    pair = (told.get("prompt_tokens"), told.get("completion_tokens"))
    if not all(type(number) is int and number >= 0 for number in pair):
        return None
    return pair  # type: ignore[return-value]


def names(reply: Reply, parameter: str) -> bool:
    """Whether the server turned a request down for that parameter."""
    return 400 <= reply.status < 500 and parameter in reply.text


def complaint(reply: Reply, server: Server) -> str:
    """What is wrong with an answer, in a sentence, the server's own words included."""
    return _fault(reply, server).what


def check_answers(reply: Reply, server: Server) -> None:
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


def _fault(reply: Reply, server: Server) -> Fault:
    if not 200 <= reply.status < 300:
        return fault_of_status(
            server, reply.status, body=reply.text, data=reply.data, headers=reply.headers
        )
    if isinstance(reply.data, dict) and reply.data.get("error"):
        return fault_of_error_object(server, reply.data)
    page = reply.text.lstrip().startswith("<")
    return fault_of_kind(server, "web_page" if page else "bad_json")
