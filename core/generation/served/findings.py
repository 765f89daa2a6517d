"""Findings: what a probe has found so far, and when it gives up asking."""

from collections.abc import Callable
from typing import Any

from core.errors import BackendFailed
from core.generation.served.capabilities import Support
from core.generation.served.failures import Server
from core.generation.served.questions import complaint
from core.generation.served.wire import Reply

_PATIENCE = 2  # questions without an answer before the rest stays unknown


class Findings:
    """Collects what is told of one model.

    Args:
        server: how it is spoken of.

    Attributes:
        known: fields of `Capabilities`, as far as they are known.
        notes: sentences on what went wrong or stays unknown, each once.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self.known: dict[str, Any] = {}
        self.notes: list[str] = []
        self._failed = 0

    def note(self, sentence: str) -> None:
        """Add a sentence, unless it stands there."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def answered(self, knob: str, asked: Callable[[], Reply]) -> Reply | None:
        """The answer to a question that uses a knob; None where it was refused or nothing came.

        Args:
            knob: a field of `Capabilities`; refused, it is noted as such.
            asked: asks. Not called any more once two questions got no answer.
        """
        if self._failed >= _PATIENCE:
            return None
        try:
            reply = asked()
        except BackendFailed as error:
            self._failed += 1
            self.note(f"{knob} stays unknown. {error.what}")
            if self._failed >= _PATIENCE:
                self.note("The probe was broken off; what is missing stays unknown.")
            return None
        if reply.ok:
            return reply
        refused = 400 <= reply.status < 500 and reply.status not in (401, 403, 408, 429)
        verdict: Support = "refused" if refused or reply.status == 501 else "unknown"
        self.known[knob] = verdict
        self.note(f"{knob}: {complaint(reply, self.server)}")
        return None
