"""Requests to a served model: sent concurrently, each retried until answered or given up."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed, Pausing, WidesetError
from core.domain.registries.capabilities import Capabilities
from core.domain.spending import AdmittedRequest, SpendingTracker
from core.generation.backends import Request
from core.generation.servers.answers import Answer
from core.generation.servers.completions import CompletionsClient
from core.generation.servers.errors import RequestFailed, ServerError, ServerUnusable
from core.generation.servers.parameters import api_for, body_of, max_prompt_tokens
from core.generation.servers.retries import (
    ConcurrencyLimiter,
    RequestPolicy,
    decide_retry,
    format_wait,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to a server.

    Args:
        cycle: of the iteration it serves, from 1; None for a request outside of a run.
        label_index: the label it asks texts for, in task order; None outside of a run.
        texts_asked: how many texts it asks for.
        texts_returned: how many came back.
        attempt: which try of the same request it is, from 1.
        status: HTTP's; None where no answer came.
        outcome: `ok`, `cancelled`, or an `errors.ErrorKind`.
        message: what went wrong, redacted; empty for `ok`.
        seconds: from sending it to the end of its answer.
        tokens_in: of the prompt, as the server reported; None is unknown.
        tokens_out: generated, as the server reported; None is unknown.
    """

    cycle: int | None
    label_index: int | None
    texts_asked: int
    texts_returned: int
    attempt: int
    status: int | None
    outcome: str
    message: str
    seconds: float
    tokens_in: int | None = None
    tokens_out: int | None = None


RecordAttempt = Callable[[Attempt], None]
"""Called with every attempt, such as to store it."""


def record_nothing(attempt: Attempt) -> None:
    """Forget an attempt."""


@dataclass(frozen=True, slots=True)
class RequestPart:
    """The texts that one HTTP request asks for.

    Args:
        request: position of the request it serves.
        indices: which of its texts.
    """

    request: int
    indices: tuple[int, ...]


@dataclass(kw_only=True)
class ModelEndpoint:
    """One model on one server, and how requests are sent to it.

    Args:
        client: sends.
        model: the server's name for it.
        capabilities: what it can do.
        limiter: how many requests are in flight at once.
        policy: how they are sent.
        rng: draws the jitter of waits.
        lost_in_a_row: requests given up since the last one that was answered.
    """

    client: CompletionsClient
    model: str
    capabilities: Capabilities
    limiter: ConcurrencyLimiter
    policy: RequestPolicy
    rng: np.random.Generator
    lost_in_a_row: int = 0


LOST_IN_A_ROW = 4
"""Requests lost one after the other, and none answered, after which the run pauses."""


class ConcurrentRequests:
    """One round of requests, sent concurrently, each tried until it is answered or given up.

    Args:
        endpoint: of the model.
        requests: as given to `complete`.
        parts: how they are divided into HTTP requests.
        condition: the knobs.
        biases: of each request, as sent.
        record: called with every attempt.
        tracker: admits every attempt; None is no spending limit.
        top_logprobs: how many of the likeliest first tokens a chat's answers come with.

    Attributes:
        answers: answers that nobody has taken yet.
        failure: what ends the run, as soon as what is in flight has come in.
    """

    def __init__(
        self,
        endpoint: ModelEndpoint,
        requests: Sequence[Request],
        parts: Sequence[RequestPart],
        *,
        condition: Condition,
        biases: Sequence[Mapping[str, float]],
        record: RecordAttempt,
        tracker: SpendingTracker | None,
        top_logprobs: int = 0,
    ) -> None:
        # Nine parameters: clock, sleep and random generator are handed in for tests.
        self._endpoint = endpoint
        self._requests = requests
        self._parts = parts
        self._condition = condition
        self._biases = biases
        self._record = record
        self._tracker = tracker
        self._top_logprobs = top_logprobs
        self._settled: list[asyncio.Future[None]] = []
        self._api = api_for(condition, endpoint.capabilities)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.answers: deque[tuple[RequestPart, Answer]] = deque()
        self.failure: BaseException | None = None

    @property
    def running(self) -> bool:
        """Whether any request has not ended yet."""
        return bool(self._tasks)

    async def start(self) -> None:
        """Let all requests queue for their turn."""
        self._changed = asyncio.Event()
        for part in self._parts:
            task = asyncio.get_running_loop().create_task(self._run_part(part))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def wait(self, seconds: float) -> None:
        """Go on until something arrives or a request ends, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    async def cancel(self) -> None:
        """Cancel whatever is still in flight."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._sending.discard(task)
        self._changed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Send nothing more; what is in flight is paid for, and comes in."""
        if self.failure is None:
            self.failure = error
            for task in self._tasks - self._sending - {asyncio.current_task()}:
                task.cancel()

    async def _run_part(self, part: RequestPart) -> None:
        attempt = 0
        while self.failure is None:
            attempt += 1
            wait = await self._try(part, attempt)
            if wait is None:
                return
            await self._wait_to_retry(wait)

    async def _wait_to_retry(self, seconds: float) -> None:
        """Wait before the next attempt, as one that the tracker knows to be waiting."""
        if self._tracker is None:
            await self._endpoint.policy.sleep(seconds)
            return
        self._tracker.retrying += 1
        try:
            await self._endpoint.policy.sleep(seconds)
        finally:
            self._tracker.retrying -= 1

    async def _try(self, part: RequestPart, attempt: int) -> float | None:
        """One attempt, with its turn, its cap and its record; seconds to wait before the next, None
        if there is to be none."""
        limiter, clock = self._endpoint.limiter, self._endpoint.policy.clock
        task = asyncio.current_task()
        assert task is not None
        await limiter.acquire()
        result: Answer | ServerError | None = None
        try:
            admitted = await self._admit(part)
            self._sending.add(task)
            begun = clock()
            try:
                result = await self._send(part)
            except RequestFailed as failed:
                result = failed.error
            finally:
                self._sending.discard(task)
                sent = self._describe(part, attempt, result, clock() - begun)
                self._settle(admitted, sent)
                self._record(sent)
            # Before the turn passes to another request, which may be one too many.
            if isinstance(result, Answer):
                self._handle_answer(part, result)
                return None
            return self._handle_error(result, attempt, begun)
        finally:
            limiter.release()

    def _handle_answer(self, part: RequestPart, answer: Answer) -> None:
        self._endpoint.lost_in_a_row = 0
        self._endpoint.limiter.succeeded()
        self.answers.append((part, answer))
        self._changed.set()

    def _handle_error(self, error: ServerError, attempt: int, begun: float) -> float | None:
        endpoint = self._endpoint
        decision = decide_retry(error, attempt, policy=endpoint.policy.retries, rng=endpoint.rng)
        if error.kind == "too_many_requests":
            wait = error.retry_after if decision.step == "retry" else None
            endpoint.limiter.back_off(begun, wait=wait)
        if decision.step == "retry":
            return decision.seconds
        if decision.step == "stop":
            stopping = BackendFailed if error.kind == "refused" else ServerUnusable
            self._fail(stopping(error.what, error.remedy))
        elif decision.step == "pause":
            self._fail(_pausing(error))
        else:
            endpoint.lost_in_a_row += 1
            if endpoint.lost_in_a_row >= LOST_IN_A_ROW:
                what = f"{endpoint.lost_in_a_row} requests in a row were given up. {error.what}"
                endpoint.lost_in_a_row = 0  # resumed, it is tried anew
                self._fail(Pausing(what, error.remedy))
        return None

    async def _admit(self, part: RequestPart) -> AdmittedRequest | None:
        """Wait until the spending limit allows the request; None without a limit."""
        if self._tracker is None:
            return None
        tokens_in = max_prompt_tokens(self._requests[part.request].prompt)
        tokens_out = self._condition.max_tokens * len(part.indices)
        while (admitted := self._tracker.admit(tokens_in=tokens_in, tokens_out=tokens_out)) is None:
            settled = asyncio.get_running_loop().create_future()
            self._settled.append(settled)
            await settled
        return admitted

    def _settle(self, admitted: AdmittedRequest | None, attempt: Attempt) -> None:
        if self._tracker is None or admitted is None:
            return
        self._tracker.settle(
            admitted,
            answered=attempt.texts_returned > 0,
            tokens_in=attempt.tokens_in,
            tokens_out=attempt.tokens_out,
        )
        for settled in self._settled:
            if not settled.done():
                settled.set_result(None)
        self._settled.clear()

    async def _send(self, part: RequestPart) -> Answer:
        endpoint, request = self._endpoint, self._requests[part.request]
        body = body_of(
            request,
            self._condition,
            endpoint.capabilities,
            model=endpoint.model,
            api=self._api,
            indices=part.indices,
            biases=self._biases[part.request],
        )
        if self._top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self._top_logprobs}
        n, open_quote = len(part.indices), not request.prompt.is_chat
        if endpoint.policy.streaming and n == 1:
            return await endpoint.client.stream(self._api, body, open_quote=open_quote)
        return await endpoint.client.ask(self._api, body, n=n, open_quote=open_quote)

    def _describe(
        self, part: RequestPart, attempt: int, result: Answer | ServerError | None, seconds: float
    ) -> Attempt:
        """The attempt as it is recorded; without a result it was cancelled."""
        entropy = self._requests[part.request].entropy
        cycle, label_index = entropy[-2:] if len(entropy) >= 2 else (None, None)
        answer = result if isinstance(result, Answer) else Answer(())
        error = answer.error if isinstance(result, Answer) else result
        # Where the tokens of one text are reported for several, the number of all is unknown.
        unknown = len(part.indices) > 1 and self._endpoint.capabilities.usage_of_several != "exact"
        status = 200 if isinstance(result, Answer) else (None if error is None else error.status)
        outcome = "cancelled" if result is None else ("ok" if error is None else error.kind)
        return Attempt(
            cycle=cycle,
            label_index=label_index,
            texts_asked=len(part.indices),
            texts_returned=len(answer.texts),
            attempt=attempt,
            status=status,
            outcome=outcome,
            message="" if error is None else error.what,
            seconds=seconds,
            tokens_in=answer.tokens_in,
            tokens_out=None if unknown else answer.tokens_out,
        )


def _pausing(error: ServerError) -> WidesetError:
    if error.retry_after is None:
        return Pausing(error.what, error.remedy)
    wait = format_wait(error.retry_after)
    end = "" if error.what.endswith((".", "!", "?")) else "."
    return Pausing(f"{error.what}{end} It asks to wait {wait}.", f"Resume after {wait}.")
