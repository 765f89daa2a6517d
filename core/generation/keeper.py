"""Keeps the model that was used last, so that the next run with it starts at once."""

from pathlib import Path

from core.errors import BadInput
from core.generation.local import LocalBackend
from core.runs import ModelChoice


class ModelKeeper:
    """Opens backends and keeps the last one.

    Args:
        models: folder for converted models.
    """

    def __init__(self, models: Path) -> None:
        self._models = models
        self._choice: ModelChoice | None = None
        self._backend: LocalBackend | None = None

    def kept(self, choice: ModelChoice) -> LocalBackend | None:
        """The backend of that choice if it is loaded already."""
        return self._backend if choice == self._choice else None

    def backend(self, choice: ModelChoice, *, dtype: str | None = None) -> LocalBackend:
        """A backend, loaded unless it is kept.

        Args:
            choice: which model, and where.
            dtype: the number type that a resumed run used; None decides afresh.

        Raises:
            BackendFailed: the model is not to be had.
            BadInput: the kind of backend is unknown.
        """
        kept = self.kept(choice)
        if kept is not None and dtype in (None, kept.facts["dtype"]):
            return kept
        if choice.backend != "local":
            raise BadInput(f"The backend '{choice.backend}' is unknown.", "Use local.")
        from core.generation.loading import load

        # Free the old model before the new one comes.
        self._choice, self._backend, kept = None, None, None
        backend = LocalBackend(load(choice, models=self._models, dtype=dtype))
        self._choice, self._backend = choice, backend
        return backend
