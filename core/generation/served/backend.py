"""The served backend: texts from a model behind a server with OpenAI's API.

The page's process never sees it. Requests run side by side on an event loop that only turns while
somebody waits for texts; what arrives while a text is being stored waits in the sockets.
"""

import asyncio
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from core.conditions import Condition
from core.connections import Connection
from core.errors import BackendFailed, Pausing
from core.generation.backends import Completion, Request
from core.generation.served.answers import Answer
from core.generation.served.approximations import method_used
from core.generation.served.attempts import Record, record_nothing
from core.generation.served.capabilities import Capabilities
from core.generation.served.client import Client
from core.generation.served.failures import Server
from core.generation.served.keys import Key
from core.generation.served.line import Line, Purse, Unit
from core.generation.served.manner import Manner
from core.generation.served.pace import Pace
from core.generation.served.parameters import api_for, biases_of, check_condition, left_out
from core.generation.served.redaction import without_key
from core.generation.served.round import Round
from core.generation.served.tokenizers import Tokens

# The longest that a round waits before it lets others work (`between_steps`), in seconds.
_TURN = 0.04
# Texts that one request asks for at most, where the server gives several; OpenAI's own limit.
_MOST_A_REQUEST = 128


class ServedBackend:
    """See `core.generation.backends.Backend`.

    Args:
        connection: which server.
        model: the server's name for the model.
        key: of the connection; None sends none.
        tokens: the model's tokenizer; None is unknown, and then no logit bias is sent.
        capabilities: what probing found; None is unknown: one text a request, no seed, no
            parameter of a particular server's.
        pace: shared by all that ask this server for this model; None makes one.
        manner: how requests are sent.
        rng: draws the jitter of waits.
    """

    repeatable = False

    def __init__(
        self,
        connection: Connection,
        model: str,
        *,
        key: Key | None = None,
        tokens: Tokens | None = None,
        capabilities: Capabilities | None = None,
        pace: Pace | None = None,
        manner: Manner = Manner(),  # noqa: B008
        rng: np.random.Generator | None = None,
    ) -> None:
        base_url = connection.base_url
        self.connection = connection
        self.model = model
        self.tokens = tokens
        self.capabilities = capabilities or Capabilities(base_url=base_url, model=model)
        secrets = () if key is None else (key.value_for(base_url),)
        self.server = Server(base_url, model, connection.key_variable, secrets)
        client = Client(self.server, key=key, deadline=manner.deadline, transport=manner.transport)
        at_once = connection.requests_at_once
        self.line = Line(
            client=client,
            model=model,
            capabilities=self.capabilities,
            pace=pace or Pace(at_once, clock=manner.clock, sleep=manner.sleep),
            manner=manner,
            rng=rng or np.random.default_rng(),
        )
        self._loop = asyncio.new_event_loop()
        self._closing = weakref.finalize(self, _close, self._loop, client)

    def __repr__(self) -> str:
        return f"ServedBackend({self.server!r})"

    def close(self) -> None:
        """Close the connections; it can't be used any more."""
        self._closing()

    @property
    def facts(self) -> dict[str, Any]:
        """What was resolved when it was opened; see `for_run` for a run's."""
        found = self.capabilities
        return {
            "backend": "openai",
            "model": self.model,
            "base_url": self.connection.base_url,
            "server": found.server,
            "tokenizer": "" if self.tokens is None else self.tokens.name,
            "several_texts": found.n == "exact",
            "seed": found.seed == "exact",
            "left_out": left_out(found),
            "probed_at": found.probed_at,
        }

    @property
    def exempt_tokens(self) -> frozenset[int]:
        """End tokens and tokens with a quote in them, as far as they are known."""
        return frozenset() if self.tokens is None else self.tokens.ends | self.tokens.quotes

    def token_text(self, token: int) -> str:
        """How a token reads."""
        return f"token {token}" if self.tokens is None else self.tokens.text(token)

    def for_run(
        self,
        condition: Condition,
        *,
        record: Record = record_nothing,
        purse: Purse | None = None,
    ) -> "ServedRun":
        """The backend for one run.

        Args:
            condition: of the run; its facts say which route and which suppression it takes.
            record: told of every attempt.
            purse: asked before every request; what it raises lets what is under way come in, and
                then ends the call. None is no cap.
        """
        return ServedRun(self, condition, record, purse)

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool = False,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        """See `core.generation.backends.Backend.complete`; nothing is put on record."""
        return self.for_run(condition).complete(
            requests, condition, first_soon=first_soon, between_steps=between_steps
        )

    def drive(
        self, round_: Round, *, between_steps: Callable[[], None]
    ) -> Iterator[tuple[Unit, Answer]]:
        """Turn the loop until a round's requests have come to their ends; each answer at once.

        Raises:
            WidesetError: what ended the round, after all that was under way has come in.
        """
        loop = self._loop
        loop.run_until_complete(round_.begin())
        try:
            between_steps()
            while round_.goes_on or round_.arrived:
                if not round_.arrived:
                    loop.run_until_complete(round_.turn(_TURN))
                    between_steps()
                while round_.arrived:
                    yield round_.arrived.popleft()
        finally:
            loop.run_until_complete(round_.end())
        if round_.ending is not None:
            raise round_.ending


class ServedRun:
    """A served backend as one run uses it; made by `ServedBackend.for_run`."""

    repeatable = False

    def __init__(
        self,
        backend: ServedBackend,
        condition: Condition,
        record: Record,
        purse: Purse | None,
    ) -> None:
        self._backend = backend
        self._condition = condition
        self._record = record
        self._purse = purse

    @property
    def facts(self) -> dict[str, Any]:
        """The backend's, with the route `api` and the `suppression` really used: `none`, or one of
        `core.conditions.Method`."""
        return {
            **self._backend.facts,
            "api": api_for(self._condition, self._backend.capabilities),
            "suppression": method_used(self._condition),
        }

    @property
    def exempt_tokens(self) -> frozenset[int]:
        """See `ServedBackend.exempt_tokens`."""
        return self._backend.exempt_tokens

    def token_text(self, token: int) -> str:
        """How a token reads."""
        return self._backend.token_text(token)

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool = False,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        """See `core.generation.backends.Backend.complete`.

        Raises:
            BadInput: refused before anything is sent.
            BackendFailed: the server refuses.
            Pausing: it does not answer now, or wants to be left alone for longer than a minute.
        """
        backend = self._backend
        found, tokens = backend.capabilities, backend.tokens
        # A cap rests on what is reported: where that is not known of several texts, one is asked.
        counted = found.usage_of_several == "exact" or not (
            self._purse is not None and self._purse.needs_usage
        )
        check_condition(condition, found, tokens, backend.model)
        biases = [biases_of(request, condition, tokens) for request in requests]
        units = [
            Unit(number, indices)
            for number, request in enumerate(requests)
            for indices in _portions(request.indices, found.n == "exact" and counted)
        ]
        round_ = Round(
            backend.line,
            requests,
            units,
            condition=condition,
            biases=biases,
            record=self._record,
            purse=self._purse,
        )
        for unit, answer in backend.drive(round_, between_steps=between_steps):
            made, trouble = [], None
            for index, text in zip(unit.indices, answer.texts, strict=False):
                kept = without_key(text.text, backend.server.secrets)
                ids: list[int] = []
                if tokens is not None and trouble is None:
                    try:
                        ids = tokens.encode(kept)
                    except BackendFailed as error:
                        trouble = error  # the text was paid for and is kept
                reason = without_key(text.finish_reason, backend.server.secrets)
                made.append(Completion(unit.request, index, kept, reason, None, tuple(ids)))
            if made:
                yield made
            if trouble is not None:
                raise Pausing(trouble.what, trouble.remedy or "Then resume.") from trouble
            between_steps()


def _portions(indices: tuple[int, ...], several: bool) -> list[tuple[int, ...]]:
    size = _MOST_A_REQUEST if several else 1
    return [indices[at : at + size] for at in range(0, len(indices), size)]


def _close(loop: asyncio.AbstractEventLoop, client: Client) -> None:
    # A closed loop, or another one running here at the interpreter's end, has nothing to lose.
    with suppress(RuntimeError):
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
