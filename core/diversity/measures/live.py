"""Remote-Clique of a run while its texts arrive: embedded and added up batch by batch."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from core.diversity.embedding.encoder import Encoder, EncoderChoice, embedded
from core.diversity.measures.remote_clique import CliqueSum
from core.domain.errors import BackendFailed
from core.domain.progress import CurvePoint, DiversityProgress
from core.store.database import Database

MAX_POINTS = 120
_PAUSE = 1.0  # seconds between two batches, so that decoding is not interrupted for each text
_BATCH = 64


class Encoders(Protocol):
    """Opens encoders; `core.diversity.embedding.loading.EncoderCache` is the real one."""

    def encoder(self, choice: EncoderChoice) -> Encoder:
        """A loaded encoder."""
        ...


class LiveClique:
    """Follows a run's usable texts, duplicates included.

    The encoder is opened with the first batch, so that it holds up no first text. One that can't
    be had is told in `progress` and ends the following, never the run.

    Args:
        db: the store, which caches the vectors.
        encoders: opens the encoder.
        choice: which encoder.
        timer: monotonic seconds.
    """

    def __init__(
        self,
        db: Database,
        encoders: Encoders,
        choice: EncoderChoice,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._encoders = encoders
        self._choice = choice
        self._timer = timer
        self._waiting: list[str] = []
        self._encoder: Encoder | None = None
        self._sum: CliqueSum | None = None
        self._points: list[CurvePoint] = []
        self._step = 1
        self._problem: str | None = None
        self._next = 0.0

    def add(self, texts: Sequence[str]) -> None:
        """Note texts that arrived, in their order."""
        self._waiting.extend(texts)

    def prepare(self) -> None:
        """Load the encoder now, where waiting for it later would hold up something else."""
        try:
            self._encoder = self._encoder or self._encoders.encoder(self._choice)
        except BackendFailed as error:
            self._problem = str(error)

    def catch_up(self, *, between: Callable[[], None], at_once: bool = False) -> None:
        """Embed what waits, a second after the last time at the earliest.

        Args:
            between: called between two batches of the encoder; what it raises goes through.
            at_once: do it now, as at a run's end.

        Raises:
            StoreFull, StoreBusy: vectors could not be stored; nothing is lost, the texts wait.
        """
        if self._problem is not None or not self._waiting:
            return
        if not at_once and self._timer() < self._next:
            return
        try:
            encoder = self._encoder or self._encoders.encoder(self._choice)
            self._encoder = encoder
            total = self._sum or CliqueSum(encoder.size)
            self._sum = total
            while self._waiting:
                batch = self._waiting[:_BATCH]
                vectors = embedded(self._db, encoder, batch, between=between)
                done = 0
                while done < len(batch):
                    part = vectors[done : done + self._step]
                    total.add(part)
                    done += len(part)
                    self._note(total)  # which may make the step longer
                del self._waiting[: len(batch)]
        except (BackendFailed, ValueError) as error:
            self._problem = str(error)
        self._next = self._timer() + _PAUSE

    def progress(self) -> DiversityProgress:
        """What is known so far."""
        now = self._sum.estimate() if self._sum is not None else None
        return DiversityProgress(
            n=now.n if now is not None else 0,
            value=now.value if now is not None else None,
            low=now.low if now is not None else None,
            high=now.high if now is not None else None,
            curve=tuple(self._points),
            encoder=None if self._encoder is None else self._encoder.facts["model"],
            fingerprint=None if self._encoder is None else self._encoder.fingerprint,
            problem=self._problem,
        )

    def _note(self, total: CliqueSum) -> None:
        estimate = total.estimate()
        if estimate.value is None:
            return
        self._points.append((estimate.n, estimate.value, estimate.low, estimate.high))
        if len(self._points) > MAX_POINTS:
            # Half as dense from now on; the last point stays, as it is the score itself.
            last = self._points[-1]
            self._points = self._points[::2]
            if self._points[-1] != last:
                self._points.append(last)
            self._step *= 2
