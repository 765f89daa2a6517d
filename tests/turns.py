"""Turns: how tests that run side by side, in processes of their own, leave one the machine alone.

A test takes its turn by locks on two files that all workers share. `beside` shares the room with
others that do; `alone` waits until the room is empty. Both pass a gate, which the one who waits to
be alone holds meanwhile, so that it is not kept waiting by those who come later.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """The turns of one process.

    Args:
        folder: where the shared files lie; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._gate = (folder / "gate").open("w")
        self._room = (folder / "room").open("w")

    def close(self) -> None:
        """Close the files, which gives every turn back."""
        self._gate.close()
        self._room.close()

    @contextmanager
    def beside(self) -> Iterator[None]:
        """Run beside others."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_SH)
        fcntl.flock(self._gate, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Run while nobody else does."""
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        try:
            fcntl.flock(self._room, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(self._room, fcntl.LOCK_UN)
            fcntl.flock(self._gate, fcntl.LOCK_UN)
