"""One round of requests, sent side by side, each tried until it is answered or given up."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from core.conditions import Condition
from core.errors import BackendFailed, Pausing, WidesetError
from core.generation.backends import Request
from core.generation.served.answers import Answer
from core.generation.served.attempts import Attempt, Record
from core.generation.served.failures import Fault, ServerClosed, ServerFault
from core.generation.served.line import Line, Purse, Unit
from core.generation.served.parameters import api_for, body_of
from core.generation.served.prompt_tokens import tokens_at_most
from core.generation.served.retrying import after, waiting

# So many requests lost one after the other, and none answered, is no accident any more.
LOST_IN_A_ROW = 4


class Round:
    """See the top of the file.

    Args:
        line: the way to the model.
        requests: as given to `complete`.
        units: how they are divided into HTTP requests.
        condition: the knobs.
        biases: of each request, as sent.
        record: told of every attempt.
        purse: asked before every attempt; None is no cap.
        top_logprobs: how many of the likeliest first tokens a chat's answers come with.

    Attributes:
        arrived: answers that nobody has taken yet.
        ending: what ends the run, as soon as what is under way has come in.
    """

    def __init__(
        self,
        line: Line,
        requests: Sequence[Request],
        units: Sequence[Unit],
        *,
        condition: Condition,
        biases: Sequence[Mapping[str, float]],
        record: Record,
        purse: Purse | None,
        top_logprobs: int = 0,
    ) -> None:
        self._line = line
        self._requests = requests
        self._units = units
        self._condition = condition
        self._biases = biases
        self._record = record
        self._purse = purse
        self._top_logprobs = top_logprobs
        self._settled: list[asyncio.Future[None]] = []
        self._api = api_for(condition, line.capabilities)
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending: set[asyncio.Task[None]] = set()
        self.arrived: deque[tuple[Unit, Answer]] = deque()
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

    async def _serve(self, unit: Unit) -> None:
        attempt = 0
        while self.ending is None:
            attempt += 1
            wait = await self._try(unit, attempt)
            if wait is None:
                return
            await self._rest(wait)

    async def _rest(self, seconds: float) -> None:
        """Wait before the next attempt, as one that the purse knows to be waiting."""
        if self._purse is None:
            await self._line.manner.sleep(seconds)
            return
        self._purse.retrying += 1
        try:
            await self._line.manner.sleep(seconds)
        finally:
            self._purse.retrying -= 1

    async def _try(self, unit: Unit, attempt: int) -> float | None:
        """One attempt, with its turn, its cap and its record; seconds to wait before the next, None
        if there is to be none."""
        pace, clock = self._line.pace, self._line.manner.clock
        task = asyncio.current_task()
        assert task is not None
        await pace.enter()
        found: Answer | Fault | None = None
        try:
            admitted = await self._admitted(unit)
            self._sending.add(task)
            begun = clock()
            try:
                found = await self._ask(unit)
            except ServerFault as broken:
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
            pace.leave()

    def _answered(self, unit: Unit, answer: Answer) -> None:
        self._line.lost_in_a_row = 0
        self._line.pace.succeeded()
        self.arrived.append((unit, answer))
        self._news.set()

    def _went_wrong(self, fault: Fault, attempt: int, begun: float) -> float | None:
        line = self._line
        then = after(fault, attempt, retrying=line.manner.retrying, rng=line.rng)
        if fault.kind == "too_many_requests":
            line.pace.slower(begun, wait=fault.wait if then.step == "retry" else None)
        if then.step == "retry":
            return then.seconds
        if then.step == "stop":
            stopping = BackendFailed if fault.kind == "refused" else ServerClosed
            self._end_with(stopping(fault.what, fault.remedy))
        elif then.step == "pause":
            self._end_with(_pausing(fault))
        else:
            line.lost_in_a_row += 1
            if line.lost_in_a_row >= LOST_IN_A_ROW:
                said = f"{line.lost_in_a_row} requests in a row were given up. {fault.what}"
                line.lost_in_a_row = 0  # resumed, it is tried anew
                self._end_with(Pausing(said, fault.remedy))
        return None

    async def _admitted(self, unit: Unit) -> Any:
        """What the purse gives for a request, as soon as it does."""
        if self._purse is None:
            return None
        tokens_in = tokens_at_most(self._requests[unit.request].prompt)
        tokens_out = self._condition.max_tokens * len(unit.indices)
        while (found := self._purse.admit(tokens_in=tokens_in, tokens_out=tokens_out)) is None:
            settled = asyncio.get_running_loop().create_future()
            self._settled.append(settled)
            await settled
        return found

    def _settle(self, admitted: Any, told: Attempt) -> None:
        if self._purse is None:
            return
        self._purse.settle(
            admitted,
            answered=told.texts_returned > 0,
            tokens_in=told.tokens_in,
            tokens_out=told.tokens_out,
        )
        for settled in self._settled:
            if not settled.done():
                settled.set_result(None)
        self._settled.clear()

    async def _ask(self, unit: Unit) -> Answer:
        line, request = self._line, self._requests[unit.request]
        body = body_of(
            request,
            self._condition,
            line.capabilities,
            model=line.model,
            api=self._api,
            indices=unit.indices,
            biases=self._biases[unit.request],
        )
        if self._top_logprobs:
            body |= {"logprobs": True, "top_logprobs": self._top_logprobs}
        asked = len(unit.indices)
        open_quote = not request.prompt.is_chat
        if line.manner.streaming and asked == 1:
            return await line.client.ask_piecewise(self._api, body, open_quote=open_quote)
        return await line.client.ask(self._api, body, asked=asked, open_quote=open_quote)

    def _attempt(
        self, unit: Unit, attempt: int, found: Answer | Fault | None, seconds: float
    ) -> Attempt:
        entropy = self._requests[unit.request].entropy
        cycle, label_index = entropy[-2:] if len(entropy) >= 2 else (None, None)
        fault = found.fault if isinstance(found, Answer) else found
        answer = found if isinstance(found, Answer) else Answer(())
        # Where one text's tokens are reported for several, how many there were is not known.
        one_alone = len(unit.indices) > 1 and self._line.capabilities.usage_of_several != "exact"
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


def _pausing(fault: Fault) -> WidesetError:
    if fault.wait is None:
        return Pausing(fault.what, fault.remedy)
    wait = waiting(fault.wait)
    end = "" if fault.what.endswith((".", "!", "?")) else "."
    return Pausing(f"{fault.what}{end} It asks to wait {wait}.", f"Resume after {wait}.")
