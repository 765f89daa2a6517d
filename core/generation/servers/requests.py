"""Requests to a served model: sent concurrently, each retried until answered or given up."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed, Pausing, WidesetError
from core.domain.spending import SpendingTracker
from core.generation.backends import Request
from core.generation.servers.answers import Answer
from core.generation.servers.capabilities import Capabilities
from core.generation.servers.errors import RequestFailed, ServerError, ServerUnusable
from core.generation.servers.http_client import TextClient
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
        outcome: `ok`, `cancelled`, or the kind of fault (`failures.Kind`).
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


def record_nothing(attempt: Attempt) -> None:
    """Forget an attempt."""


@dataclass(frozen=True, slots=True)
class RequestPart:
    """What one HTTP request asks for.

    Args:
        request: position of the request it serves.
        indices: which of its texts.
    """

    request: int
    indices: tuple[int, ...]


@dataclass(kw_only=True)
class ModelEndpoint:
    """The way to one model on one server.

    Args:
        client: sends.
        model: the server's name for it.
        capabilities: what it can do.
        limiter: how many requests are under way at once.
        policy: how they are sent.
        rng: draws the jitter of waits.
        lost_in_a_row: requests given up since the last one that was answered.
    """

    client: TextClient
    model: str
    capabilities: Capabilities
    limiter: ConcurrencyLimiter
    policy: RequestPolicy
    rng: np.random.Generator
    lost_in_a_row: int = 0


# So many requests lost one after the other, and none answered, is no accident any more.
LOST_IN_A_ROW = 4


class ConcurrentRequests:
    """See the top of the file.

    Args:
        endpoint: the way to the model.
        requests: as given to `complete`.
        units: how they are divided into HTTP requests.
        condition: the knobs.
        biases: of each request, as sent.
        record: told of every attempt.
        tracker: asked before every attempt; None is no cap.
        top_logprobs: how many of the likeliest first tokens a chat's answers come with.

    Attributes:
        arrived: answers that nobody has taken yet.
        ending: what ends the run, as soon as what is under way has come in.
    """

    def __init__(
        self,
        endpoint: ModelEndpoint,
        requests: Sequence[Request],
        units: Sequence[RequestPart],
        *,
        condition: Condition,
        biases: Sequence[Mapping[str, float]],
        record: RecordAttempt,
        tracker: SpendingTracker | None,
        top_logprobs: int = 0,
    ) -> None:
        self._endpoint = endpoint
        self._requests = requests
        self._units = units
        self._condition = condition
        self._biases = biases
        self._record = record
        self._tracker = tracker
        self._top_logprobs = top_logprobs
        self._settled: list[asyncio.Future[None]] = []
        self._api = api_for(condition, endpoint.capabilities)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.arrived: deque[tuple[RequestPart, Answer]] = deque()
        self.ending: BaseException | None = None

    @property
    def goes_on(self) -> bool:
        """Whether a request is still to come to its end."""
        return bool(self._tasks)

    async def begin(self) -> None:
        """Let all requests queue for their turn."""
        self._news = asyncio.Event()
        for unit in self._units:
            task = asyncio.get_running_loop().create_task(self._serve(unit))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def turn(self, seconds: float) -> None:
        """Go on until something arrives or a request ends, at most so many seconds."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    async def end(self) -> None:
        """Cut off whatever is still under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._sending.discard(task)
        self._news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._end_with(error)

    def _end_with(self, error: BaseException) -> None:
        """Send nothing more; what is under way is paid for, and comes in."""
        if self.ending is None:
            self.ending = error
            for task in self._tasks - self._sending - {asyncio.current_task()}:
                task.cancel()

    async def _serve(self, unit: RequestPart) -> None:
        attempt = 0
        while self.ending is None:
            attempt += 1
            wait = await self._try(unit, attempt)
            if wait is None:
                return
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt, as one that the tracker knows to be waiting."""
        if self._tracker is None:
            await self._endpoint.policy.sleep(seconds)
            return
        self._tracker.retrying += 1
        try:
            await self._endpoint.policy.sleep(seconds)
        finally:
            self._tracker.retrying -= 1

    async def _try(self, unit: RequestPart, attempt: int) -> float | None:
        """One attempt, with its turn, its cap and its record; seconds to wait before the next, None
        if there is to be none."""
        limiter, clock = self._endpoint.limiter, self._endpoint.policy.clock
        task = asyncio.current_task()
        assert task is not None
        await limiter.acquire()
        found: Answer | ServerError | None = None
        try:
            admitted = await self._admitted(unit)
            self._sending.add(task)
            begun = clock()
            try:
                found = await self._ask(unit)
            except RequestFailed as broken:
                found = broken.fault
            finally:
                self._sending.discard(task)
                told = self._attempt(unit, attempt, found, clock() - begun)
                self._settle(admitted, told)
                self._record(told)
            # Before the turn passes to another request, which may be one too many.
            if isinstance(found, Answer):
                self._answered(unit, found)
                return None
            return self._went_wrong(found, attempt, begun)
        finally:
            limiter.release()

    def _answered(self, unit: RequestPart, answer: Answer) -> None:
        self._endpoint.lost_in_a_row = 0
        self._endpoint.limiter.succeeded()
        self.arrived.append((unit, answer))
        self._news.set()

    def _went_wrong(self, fault: ServerError, attempt: int, begun: float) -> float | None:
        endpoint = self._endpoint
        then = decide_retry(fault, attempt, policy=endpoint.policy.retries, rng=endpoint.rng)
        if fault.kind == "too_many_requests":
            endpoint.limiter.back_off(begun, wait=fault.wait if then.step == "retry" else None)
        if then.step == "retry":
            return then.seconds
        if then.step == "stop":
            stopping = BackendFailed if fault.kind == "refused" else ServerUnusable
            self._end_with(stopping(fault.what, fault.remedy))
        elif then.step == "pause":
            self._end_with(_pausing(fault))
        else:
            endpoint.lost_in_a_row += 1
            if endpoint.lost_in_a_row >= LOST_IN_A_ROW:
                said = f"{endpoint.lost_in_a_row} requests in a row were given up. {fault.what}"
                endpoint.lost_in_a_row = 0  # resumed, it is tried anew
                self._end_with(Pausing(said, fault.remedy))
        return None

    async def _admitted(self, unit: RequestPart) -> Any:
        """Admit a request, as soon as the spending limit allows it."""
        if self._tracker is None:
            return None
        tokens_in = max_prompt_tokens(self._requests[unit.request].prompt)
        tokens_out = self._condition.max_tokens * len(unit.indices)
        while (found := self._tracker.admit(tokens_in=tokens_in, tokens_out=tokens_out)) is None:
            settled = asyncio.get_running_loop().create_future()
            self._settled.append(settled)
            await settled
        return found

    def _settle(self, admitted: Any, told: Attempt) -> None:
        if self._tracker is None:
            return
        self._tracker.settle(
            admitted,
            answered=told.texts_returned > 0,
            tokens_in=told.tokens_in,
            tokens_out=told.tokens_out,
        )
        for settled in self._settled:
            if not settled.done():
                settled.set_result(None)
        self._settled.clear()

    async def _ask(self, unit: RequestPart) -> Answer:
        endpoint, request = self._endpoint, self._requests[unit.request]
        body = body_of(
            request,
            self._condition,
            endpoint.capabilities,
            model=endpoint.model,
            api=self._api,
            indices=unit.indices,
            biases=self._biases[unit.request],
        )
        if self._top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self._top_logprobs}
        asked = len(unit.indices)
        open_quote = not request.prompt.is_chat
        if endpoint.policy.streaming and asked == 1:
            return await endpoint.client.ask_piecewise(self._api, body, open_quote=open_quote)
        return await endpoint.client.ask(self._api, body, asked=asked, open_quote=open_quote)

    def _attempt(
        self, unit: RequestPart, attempt: int, found: Answer | ServerError | None, seconds: float
    ) -> Attempt:
        entropy = self._requests[unit.request].entropy
        cycle, label_index = entropy[-2:] if len(entropy) >= 2 else (None, None)
        fault = found.fault if isinstance(found, Answer) else found
        answer = found if isinstance(found, Answer) else Answer(())
        # Where one text's tokens are reported for several, how many there were is not known.
        one_alone = (
            len(unit.indices) > 1 and self._endpoint.capabilities.usage_of_several != "exact"
        )
        status = 200 if isinstance(found, Answer) else (None if fault is None else fault.status)
        outcome = "cancelled" if found is None else ("ok" if fault is None else fault.kind)
        return Attempt(
            cycle=cycle,
            label_index=label_index,
            texts_asked=len(unit.indices),
            texts_returned=len(answer.texts),
            attempt=attempt,
            status=status,
            outcome=outcome,
            message="" if fault is None else fault.what,
            seconds=seconds,
            tokens_in=answer.tokens_in,
            tokens_out=None if one_alone else answer.tokens_out,
        )


def _pausing(fault: ServerError) -> WidesetError:
    if fault.wait is None:
        return Pausing(fault.what, fault.remedy)
    wait = format_wait(fault.wait)
    end = "" if fault.what.endswith((".", "!", "?")) else "."
    return Pausing(f"{fault.what}{end} It asks to wait {wait}.", f"Resume after {wait}.")
