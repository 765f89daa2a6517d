"""What jobs share that embed texts and then compute: progress, ending early, questions served."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.diversity.embedding.embedding import embedded
from core.diversity.embedding.encoder import Encoder, encoder_choice_from_dict
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors
from core.jobs.context import JobContext


class Stopped(Exception):
    """The job is to end now; what is stored stays."""


class EmbeddingJob:
    """One such job: reports phase, done, total and seconds_left (None while unknown).

    Args:
        context: the job.
        encoders: opens the encoder.
        choice: an encoder's choice as JSON.
        timer: seconds that only grow.
    """

    def __init__(
        self,
        context: JobContext,
        encoders: Encoders,
        choice: Mapping[str, Any],
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.db = context.db
        self._context = context
        self._encoders = encoders
        self._choice = encoder_choice_from_dict(choice)
        self._timer = timer
        self._phase = ""
        self._encoder: Encoder | None = None

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded at the first call."""
        if self._encoder is None:
            self.between()
            self._encoder = self._encoders.encoder(self._choice)
        return self._encoder

    def report(
        self, phase: str, done: int = 0, total: int = 0, seconds_left: float | None = None
    ) -> None:
        """Say how far it is; a new phase is stored at once."""
        now = {"phase": phase, "done": done, "total": total, "seconds_left": seconds_left}
        self._context.report(now, at_once=phase != self._phase)
        self._phase = phase

    def between(self) -> None:
        """Serve questions; call it every tenth of a second or so.

        Raises:
            Stopped: the job is to end.
        """
        self._context.serve_questions()
        if self._context.should_stop():
            raise Stopped

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, float32 (texts, size); what is missing is embedded and stored."""
        encoder = self.encoder
        self.between()
        return embedded(self.db, encoder, texts, between=self.between, progress=self.pace())

    def pace(self, phase: str = "embedding") -> Callable[[int, int], None]:
        """A progress callback that tells the time left, going by what it saw itself."""
        begun: list[tuple[int, float]] = []

        def report(done: int, total: int) -> None:
            now = self._timer()
            if not begun:
                begun.append((done, now))
            known, start = begun[0]
            left = (now - start) / (done - known) * (total - done) if done > known else None
            self.report(phase, done, total, left)

        return report
