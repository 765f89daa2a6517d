"""Requests to a served model: sent concurrently, each retried until answered or given up."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from core.domain.errors import BackendFailed, Pausing, WidesetError
from core.domain.runs import Attempt
from core.domain.spending import AdmittedRequest, SpendingTracker
from core.generation.servers.answers import Answer
from core.generation.servers.errors import RequestFailed, ServerError, ServerUnusable
from core.generation.servers.http_client import CompletionsClient
from core.generation.servers.parameters import ServerRequest
from core.generation.servers.retries import (
    ConcurrencyLimiter,
    RequestPolicy,
    decide_retry,
    format_wait,
)

RecordAttempt = Callable[[Attempt], None]
"""Called with every attempt, such as to store it."""


def record_nothing(attempt: Attempt) -> None:
    """Forget an attempt."""


def attempt_of(
    result: Answer | ServerError | None,
    *,
    cycle: int | None,
    label: str | None,
    texts_asked: int,
    usage_known: bool,
    model: str,
    attempt: int = 1,
    seconds: float = 0.0,
) -> Attempt:
    """A request as it is recorded.

    Args:
        result: what came of it; None where it was cancelled.
        cycle, label, texts_asked, attempt, seconds: as of `Attempt`.
        usage_known: whether the server reports the tokens of all its texts. Where it reports those
            of one text for several, the number of all is unknown.
        model: that was asked.
    """
    answer = result if isinstance(result, Answer) else Answer(())
    error = answer.error if isinstance(result, Answer) else result
    status = 200 if isinstance(result, Answer) else (None if error is None else error.status)
    outcome = "cancelled" if result is None else ("ok" if error is None else error.kind)
    return Attempt(
        cycle=cycle,
        label=label,
        texts_asked=texts_asked,
        texts_returned=len(answer.texts),
        attempt=attempt,
        status=status,
        outcome=outcome,
        message="" if error is None else error.what,
        seconds=max(0.0, seconds),
        tokens_in=answer.usage.tokens_in,
        tokens_out=answer.usage.tokens_out if usage_known else None,
        other_model="" if is_same_model(model, answer.model) else answer.model,
    )


def is_same_model(asked: str, answering: str) -> bool:
    """Whether an answer's model is the one asked; Ollama answers for `name` as `name:latest`, and
    a server that names none is taken at its word."""
    return answering.removesuffix(":latest") in ("", asked.removesuffix(":latest"))


@dataclass(kw_only=True)
class ModelEndpoint:
    """One model on one server, and how requests are sent to it.

    Args:
        client: sends.
        limiter: how many requests are in flight at once.
        policy: how they are sent.
        lost_in_a_row: requests given up since the last one that was answered.
    """

    client: CompletionsClient
    limiter: ConcurrencyLimiter
    policy: RequestPolicy
    lost_in_a_row: int = 0


LOST_IN_A_ROW = 4
"""Requests lost one after the other, and none answered, after which the run pauses."""


class ConcurrentRequests:
    """One round of requests, sent concurrently, each tried until it is answered or given up.

    Args:
        endpoint: of the model.
        requests: all of them.
        record: called with every attempt.
        tracker: admits every attempt; None is no spending limit.

    Attributes:
        answers: answers that nobody has taken yet.
        failure: what ends the run, as soon as what is in flight has come in.
    """

    def __init__(
        self,
        endpoint: ModelEndpoint,
        requests: Sequence[ServerRequest],
        *,
        record: RecordAttempt,
        tracker: SpendingTracker | None,
    ) -> None:
        self._endpoint = endpoint
        self._requests = requests
        self._record = record
        self._tracker = tracker
        self._settled: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.answers: deque[tuple[ServerRequest, Answer]] = deque()
        self.failure: BaseException | None = None

    @property
    def running(self) -> bool:
        """Whether any request has not ended yet."""
        return bool(self._tasks)

    async def start(self) -> None:
        """Let all requests queue for their turn."""
        self._changed = asyncio.Event()
        for request in self._requests:
            task = asyncio.get_running_loop().create_task(self._run(request))
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

    async def _run(self, request: ServerRequest) -> None:
        for attempt in count(1):
            if self.failure is not None:
                return
            wait = await self._try(request, attempt)
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

    async def _try(self, request: ServerRequest, attempt: int) -> float | None:
        """One attempt, with its turn, its cap and its record; seconds to wait before the next, None
        if there is to be none."""
        limiter, clock = self._endpoint.limiter, self._endpoint.policy.clock
        task = asyncio.current_task()
        assert task is not None
        await limiter.acquire()
        result: Answer | ServerError | None = None
        try:
            admitted = await self._admit(request)
            self._sending.add(task)
            begun = clock()
            try:
                result = await self._send(request)
            except RequestFailed as failed:
                result = failed.error
            finally:
                self._sending.discard(task)
                sent = attempt_of(
                    result,
                    cycle=request.cycle,
                    label=request.label,
                    texts_asked=len(request.indices),
                    usage_known=request.usage_known,
                    model=self._endpoint.client.server.model,
                    attempt=attempt,
                    seconds=clock() - begun,
                )
                self._settle(admitted, sent)
                self._record(sent)
            # Before the turn passes to another request, which may be one too many.
            if isinstance(result, Answer):
                self._handle_answer(request, result)
                return None
            return self._handle_error(result, attempt, begun)
        finally:
            limiter.release()

    def _handle_answer(self, request: ServerRequest, answer: Answer) -> None:
        self._endpoint.lost_in_a_row = 0
        self._endpoint.limiter.succeeded()
        self.answers.append((request, answer))
        self._changed.set()

    def _handle_error(self, error: ServerError, attempt: int, begun: float) -> float | None:
        endpoint = self._endpoint
        decision = decide_retry(
            error, attempt, policy=endpoint.policy.retries, rng=endpoint.policy.rng
        )
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

    async def _admit(self, request: ServerRequest) -> AdmittedRequest | None:
        """Wait until the spending limit allows the request; None without a limit."""
        if self._tracker is None:
            return None
        tokens_in, tokens_out = request.max_tokens_in, request.max_tokens_out
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

    async def _send(self, request: ServerRequest) -> Answer:
        client, expected = self._endpoint.client, request.expected
        if self._endpoint.policy.streaming and expected.n == 1:
            return await client.stream(request.body, expected)
        return await client.ask(request.body, expected)


def _pausing(error: ServerError) -> WidesetError:
    if error.retry_after is None:
        return Pausing(error.what, error.remedy)
    wait = format_wait(error.retry_after)
    return Pausing(f"{error.what} It asks to wait {wait}.", f"Resume after {wait}.")
