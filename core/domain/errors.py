"""The errors that reach a person: one sentence of what happened, one of what to do."""


class WidesetError(Exception):
    """Something failed that a person can do something about.

    Args:
        what: one sentence saying what happened.
        remedy: one sentence saying what to do next; may be empty.
    """

    exit_code = 1

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(f"{what} {remedy}".strip())
        self.what = what
        self.remedy = remedy


class BadInput(WidesetError):
    """What the person gave can't be used; nothing was spent or changed."""

    exit_code = 2


class HomeUnusable(WidesetError):
    """The home folder can't be created or written to."""


class StoreUnusable(WidesetError):
    """The store is corrupt, from a newer version, or otherwise refused; the file is untouched."""


class StoreBusy(WidesetError):
    """The store stayed locked for longer than the timeout; trying again is safe."""


class StoreFull(WidesetError):
    """The disk (or the store's size limit) is full; the last write was rolled back."""


class StaleEdit(WidesetError):
    """Somebody else changed the same thing in the meantime; nothing was overwritten."""


class BackendFailed(WidesetError):
    """The language model could not be loaded or did not answer."""


class Pausing(WidesetError):
    """The job is to wait for a person; what it made is kept, and Resume goes on."""


class NoAnswer(WidesetError):
    """The worker did not answer a question in time, or can't answer it."""
