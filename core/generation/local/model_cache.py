"""Keeps the model that was used last, so that the next run with it starts at once."""

from collections.abc import Callable
from pathlib import Path

from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.generation.local.backend import LocalBackend
from core.generation.servers.backend import ServedBackend

OpenServed = Callable[[ModelChoice], ServedBackend]


class ModelCache:
    """Opens backends and keeps the last local one.

    Args:
        models: folder for converted models.
        open_served: opens a model behind a server; None knows none.
    """

    def __init__(self, models: Path, *, open_served: OpenServed | None = None) -> None:
        self._models = models
        self._open_served = open_served
        self._choice: ModelChoice | None = None
        self._backend: LocalBackend | None = None
        self._served: ServedBackend | None = None

    def kept(self, choice: ModelChoice) -> LocalBackend | None:
        """The local backend of that choice if it is loaded already."""
        return self._backend if choice == self._choice else None

    def backend(
        self, choice: ModelChoice, *, dtype: str | None = None
    ) -> LocalBackend | ServedBackend:
        """A backend; a local one is loaded unless it is kept.

        A served one is opened anew each time, as its connection may have been changed, and the one
        before it is closed.

        Args:
            choice: which model, and where.
            dtype: the number type that a resumed run used; None decides afresh.

        Raises:
            BackendFailed: the model is not to be had.
            BadInput: the kind of backend is unknown, or a server's connection or key is missing.
        """
        kept = self.kept(choice)
        if kept is not None and dtype in (None, kept.metadata.dtype):
            return kept
        if choice.backend == "openai":
            return self._opened(choice)
        from core.generation.local.loading import load

        # Free the old model before the new one comes.
        self._choice, self._backend, kept = None, None, None
        backend = LocalBackend(load(choice, models=self._models, dtype=dtype))
        self._choice, self._backend = choice, backend
        return backend

    def close(self) -> None:
        """Close the connections to servers."""
        if self._served is not None:
            self._served.close()
            self._served = None

    def _opened(self, choice: ModelChoice) -> ServedBackend:
        if self._open_served is None:
            raise BadInput("Models behind servers can't be opened here.", "Use a local model.")
        self.close()
        self._served = self._open_served(choice)
        return self._served
