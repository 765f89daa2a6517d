"""Embedding texts by way of the store, with progress."""

import time
from collections.abc import Callable, Sequence

from core.diversity.embedding.encoder import Encoder, EncoderChoice, embedded
from core.diversity.measures.live import Encoders
from core.diversity.measures.remote_clique import Vectors
from core.domain.progress import JobProgress
from core.services.progress import Progress, countdown
from core.store.database import Database


class Embedder:
    """Embeds texts with one encoder, which is loaded when it is first needed.

    Args:
        db: the store, where each vector is computed once.
        encoders: opens the encoder.
        choice: which encoder.
        progress: reports the phase "embedding" and is asked whether to stop.
        timer: monotonic seconds.
    """

    def __init__(
        self,
        db: Database,
        encoders: Encoders,
        choice: EncoderChoice,
        progress: Progress,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.db = db
        self.choice = choice
        self.progress = progress
        self._encoders = encoders
        self._timer = timer
        self._encoder: Encoder | None = None

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded at the first call.

        Raises:
            BackendFailed: it can't be loaded.
        """
        if self._encoder is None:
            self.progress.checkpoint()
            self._encoder = self._encoders.encoder(self.choice)
            self.progress.checkpoint()
        return self._encoder

    def embed(self, texts: Sequence[str]) -> Vectors:
        """The texts' vectors, float32 (texts, size); what is missing is embedded and stored.

        Raises:
            BackendFailed: the encoder can't be loaded or failed.
            Stopped: the work is to end; vectors that are stored stay.
        """
        vectors = embedded(
            self.db,
            self.encoder,
            texts,
            between=self.progress.checkpoint,
            progress=countdown(self.progress, "embedding", timer=self._timer),
        )
        self.progress.checkpoint()
        return vectors

    def phase(self, name: str, done: int | None = 0, total: int | None = 0) -> None:
        """Report a phase of what the embeddings are for."""
        self.progress.report(JobProgress(phase=name, done=done, total=total))
