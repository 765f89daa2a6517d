"""The served backend: texts from a model behind a server with OpenAI's API.

Only the worker uses it. Requests run concurrently on an event loop that only turns while somebody
waits for texts; what arrives while a text is being stored waits in the sockets.
"""

import asyncio
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from core.domain.conditions import Condition
from core.domain.connections import Connection
from core.domain.errors import BackendFailed, Pausing
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import ModelMetadata, RunSpec
from core.domain.spending import SpendingTracker
from core.generation.backends import Completion, Request
from core.generation.prompts import Prompt
from core.generation.servers.answers import Answer, GeneratedText
from core.generation.servers.errors import ServerInfo
from core.generation.servers.http_client import MAX_BYTES, CompletionsClient, HttpClient
from core.generation.servers.keys import Key, without_key
from core.generation.servers.parameters import (
    ServerRequest,
    api_for,
    server_requests,
    unsupported_knobs,
)
from core.generation.servers.requests import (
    ConcurrentRequests,
    ModelEndpoint,
    RecordAttempt,
    record_nothing,
)
from core.generation.servers.retries import ConcurrencyLimiter, RequestPolicy
from core.generation.servers.suppression import method_used
from core.generation.servers.tokenizers import Tokenizer, exempt_tokens

# The longest wait before others may work (`between_steps`), in seconds.
_WAIT_SECONDS = 0.04


class ServedBackend:
    """See `core.generation.backends.Backend`.

    Args:
        connection: which server.
        model: the server's name for the model.
        key: of the connection; None sends none.
        tokenizer: the model's; None is unknown, and then no logit bias is sent.
        capabilities: what probing found; None is unknown: one text a request, no seed, no
            parameter of a particular server's.
        limiter: shared by all that ask this server for this model; None makes one.
        policy: how requests are sent; None takes the default.
    """

    repeatable = False

    def __init__(
        self,
        connection: Connection,
        model: str,
        *,
        key: Key | None = None,
        tokenizer: Tokenizer | None = None,
        capabilities: Capabilities | None = None,
        limiter: ConcurrencyLimiter | None = None,
        policy: RequestPolicy | None = None,
    ) -> None:
        base_url, policy = connection.base_url, policy or RequestPolicy()
        self.connection = connection
        self.model = model
        self.tokenizer = tokenizer
        unknown = Capabilities(base_url=base_url, model=model)
        self.capabilities = replace(capabilities or unknown, base_url=base_url, model=model)
        secrets = () if key is None else (key.value_for(base_url),)
        self.server = ServerInfo(base_url, model, connection.key_variable, secrets)
        http = HttpClient(
            base_url,
            key=key,
            deadline=policy.deadline,
            max_bytes=MAX_BYTES,
            transport=policy.transport,
        )
        client = CompletionsClient(self.server, http)
        at_once = connection.requests_at_once
        self.endpoint = ModelEndpoint(
            client=client,
            limiter=limiter or ConcurrencyLimiter(at_once, clock=policy.clock, sleep=policy.sleep),
            policy=policy,
        )
        self._loop = asyncio.new_event_loop()
        self._closing = weakref.finalize(self, _close, self._loop, client)

    def __repr__(self) -> str:
        return f"ServedBackend({self.server!r})"

    def close(self) -> None:
        """Close the connections; it can't be used any more."""
        self._closing()

    @property
    def metadata(self) -> ModelMetadata:
        """What was resolved when it was opened; see `for_run` for a run's."""
        capabilities = self.capabilities
        return ModelMetadata(
            backend="openai",
            model=self.model,
            base_url=self.connection.base_url,
            server=capabilities.server,
            tokenizer="" if self.tokenizer is None else self.tokenizer.name,
            several_texts=capabilities.n == "exact",
            seed=capabilities.seed == "exact",
            left_out=tuple(unsupported_knobs(capabilities)),
            probed_at=capabilities.probed_at,
        )

    @property
    def exempt_tokens(self) -> frozenset[int]:
        """End tokens and tokens with a quote in them, as far as they are known."""
        return exempt_tokens(self.tokenizer)

    def token_text(self, token: int) -> str:
        """How a token reads."""
        return f"token {token}" if self.tokenizer is None else self.tokenizer.token_text(token)

    def for_run(
        self,
        spec: RunSpec,
        *,
        record: RecordAttempt = record_nothing,
        tracker: SpendingTracker | None = None,
        before: ModelMetadata | None = None,
    ) -> "ServedRun":
        """The backend for one run.

        Args:
            spec: the run; the metadata says which route and which suppression it takes.
            record: called with every attempt.
            tracker: admits every request; what it raises lets what is in flight come in, and then
                ends the call. None is no spending limit.
            before: of the run where it was begun before; how its answers are read stays as it was.
        """
        unwraps = before is None or bool(before.unwraps)
        return ServedRun(self, spec.condition, spec.task.label_names, record, tracker, unwraps)

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool = False,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        """See `core.generation.backends.Backend.complete`; nothing is put on record."""
        return ServedRun(self, condition).complete(
            requests, condition, first_soon=first_soon, between_steps=between_steps
        )

    def send(
        self,
        requests: Sequence[ServerRequest],
        *,
        record: RecordAttempt,
        tracker: SpendingTracker | None,
        between_steps: Callable[[], None],
    ) -> Iterator[tuple[ServerRequest, Answer]]:
        """Send the requests and turn the loop until all have ended; each answer at once.

        Raises:
            WidesetError: what ended the requests, after all that was in flight has come in.
        """
        loop = self._loop
        sent = ConcurrentRequests(self.endpoint, requests, record=record, tracker=tracker)
        loop.run_until_complete(sent.start())
        try:
            between_steps()
            while sent.running or sent.answers:
                if not sent.answers:
                    loop.run_until_complete(sent.wait(_WAIT_SECONDS))
                    between_steps()
                while sent.answers:
                    request, answer = sent.answers.popleft()
                    yield request, replace(answer, texts=tuple(map(self._safe, answer.texts)))
        finally:
            loop.run_until_complete(sent.cancel())
        if sent.failure is not None:
            raise sent.failure

    def _safe(self, text: GeneratedText) -> GeneratedText:
        """A text without the key, wherever the server may have repeated it."""
        secrets = self.server.secrets
        return GeneratedText(
            without_key(text.text, secrets),
            without_key(text.finish_reason, secrets),
            tuple((without_key(token, secrets), value) for token, value in text.likeliest),
            text.stripped,
        )


class ServedRun:
    """A served backend as one run uses it; made by `ServedBackend.for_run`."""

    repeatable = False

    def __init__(
        self,
        backend: ServedBackend,
        condition: Condition,
        label_names: Sequence[str] = (),
        record: RecordAttempt = record_nothing,
        tracker: SpendingTracker | None = None,
        unwraps: bool = True,
    ) -> None:
        self._backend, self._condition, self._label_names = backend, condition, label_names
        self._record, self._tracker, self._unwraps = record, tracker, unwraps

    @property
    def metadata(self) -> ModelMetadata:
        """The backend's, with the route and the suppression that the run really uses."""
        return replace(
            self._backend.metadata,
            api=api_for(self._condition, self._backend.capabilities),
            suppression=method_used(self._condition),
            unwraps=self._unwraps,
        )

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
        backend, capabilities = self._backend, self._backend.capabilities
        tokenizer = backend.tokenizer
        # A spending limit rests on reported tokens: where those of several texts are not known,
        # each request asks for one.
        limited = self._tracker is not None and self._tracker.needs_usage
        several = capabilities.n == "exact" and (
            capabilities.usage_of_several == "exact" or not limited
        )
        sent = server_requests(
            requests,
            condition,
            capabilities,
            tokenizer,
            several=several,
            label_names=self._label_names,
            unwrap=self._unwraps,
        )
        for request, answer in backend.send(
            sent, record=self._record, tracker=self._tracker, between_steps=between_steps
        ):
            completions, failure = [], None
            for index, generated in zip(request.indices, answer.texts, strict=False):
                ids: list[int] = []
                if tokenizer is not None and failure is None:
                    try:
                        ids = tokenizer.encode(generated.text)
                    except BackendFailed as error:
                        failure = error  # the text was paid for and is kept
                completions.append(
                    Completion(
                        request.position,
                        index,
                        generated.text,
                        generated.finish_reason,
                        None,
                        tuple(ids),
                        generated.stripped,
                    )
                )
            if completions:
                yield completions
            if failure is not None:
                raise Pausing(failure.what, failure.remedy or "Then resume.") from failure
            between_steps()


def _close(loop: asyncio.AbstractEventLoop, client: CompletionsClient) -> None:
    # A closed loop, or another one running here at the interpreter's end, has nothing to lose.
    with suppress(RuntimeError):
        loop.run_until_complete(client.close())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def ask_all(
    backend: ServedBackend,
    prompts: Sequence[Prompt],
    *,
    max_tokens: int,
    logit_bias: tuple[tuple[int, float], ...] = (),
    top_logprobs: int = 0,
    record: RecordAttempt = record_nothing,
    tracker: SpendingTracker | None = None,
    between: Callable[[], None] = lambda: None,
) -> Iterator[tuple[int, GeneratedText]]:
    """The answers, each as soon as it comes; a question whose tries are spent has none.

    They are asked for at temperature 0 where the server has that knob.

    Args:
        backend: of the model.
        prompts: chats.
        max_tokens: of an answer.
        logit_bias: (token id, bias), the same for all.
        top_logprobs: how many of the likeliest first tokens come with an answer.
        record: called with every attempt.
        tracker: admits every request.
        between: called at least every few hundredths of a second; what it raises ends the call.

    Yields:
        (position of the prompt, answer).

    Raises:
        BadInput: the server has no exact logit bias, and one is wanted.
        BackendFailed: the server refuses.
        Pausing: it does not answer now, or the cap is reached.
    """
    capabilities, tokenizer = backend.capabilities, backend.tokenizer
    condition = Condition(
        temperature=1.0 if "temperature" in unsupported_knobs(capabilities) else 0.0,
        frequency_penalty=0.0,
        max_tokens=max_tokens,
        prompt="chat",
        logit_bias=logit_bias,
    )
    requests = [Request(prompt, (0,), (), (position,)) for position, prompt in enumerate(prompts)]
    sent = server_requests(
        requests, condition, capabilities, tokenizer, several=False, top_logprobs=top_logprobs
    )
    for request, answer in backend.send(
        sent, record=record, tracker=tracker, between_steps=between
    ):
        for generated in answer.texts[:1]:
            yield request.position, generated
