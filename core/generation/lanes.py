"""Lanes: decodings that run side by side, each on its own share of the processor's cores.

Threads inside an operation must meet at its end, a thousand times a step. Where they sleep until
then, waking them costs more than a small operation does; where they spin, a step takes many times
as long as soon as another program wants a core. Lanes meet nowhere: two, each with half the rows
and one core, are as quick as spinning threads on an idle machine and lose little on a busy one.
"""

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class _Lane(threading.Thread, Generic[T]):
    """Runs an iterator ahead of whoever reads its items."""

    def __init__(self, items: Iterator[T], threads: int) -> None:
        super().__init__(daemon=True)
        self._items = items
        self._threads = threads
        self._stopped = threading.Event()
        # Lists of one item, and an empty one at the end.
        self._ready: queue.SimpleQueue[list[T]] = queue.SimpleQueue()
        self._error: BaseException | None = None

    def run(self) -> None:
        import torch

        torch.set_num_threads(self._threads)
        try:
            for item in self._items:
                self._ready.put([item])
                if self._stopped.is_set():
                    break
        except BaseException as error:  # raised again by `items`
            self._error = error
        self._ready.put([])

    def items(self) -> Iterator[T]:
        """The iterator's items as they come, and what it raised."""
        while found := self._ready.get():
            yield from found
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let it end after the item it is at."""
        self._stopped.set()


def side_by_side(lanes: Sequence[Iterator[T]], *, threads: int) -> Generator[T]:
    """Run iterators at the same time, each in a thread of its own.

    Args:
        lanes: what runs; each is used in its own thread alone.
        threads: threads that PyTorch uses within each lane, at least 1.

    Yields:
        The first item of each lane, then the second of each, and so on: the order hangs on the
        lanes alone, not on their speed.

    Raises:
        BaseException: what a lane raised. Then, and when the reader goes, the others stop after
            the item they are at.
    """
    import torch

    if len(lanes) == 1:
        yield from lanes[0]
        return
    whole = torch.get_num_threads()
    running = [_Lane(items, threads) for items in lanes]
    for lane in running:
        lane.start()
    try:
        waiting = [lane.items() for lane in running]
        while waiting:
            for items in list(waiting):
                try:
                    item = next(items)
                except StopIteration:
                    waiting.remove(items)
                else:
                    yield item
    finally:
        for lane in running:
            lane.stop()
        for lane in running:
            lane.join()
        # A thread's number of threads is also what threads begun after it start with.
        torch.set_num_threads(whole)
