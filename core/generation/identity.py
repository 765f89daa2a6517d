"""Identity: a run that goes on must go on with the very model that it began with."""

from collections.abc import Mapping
from typing import Any

from core.errors import BackendFailed

# A run whose model differs in one of these can't go on as the same dataset.
_IDENTITY = ("model", "fingerprint", "device", "dtype", "linear", "engine", "forward", "tokenizer")


def check_identity(before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """See that a run can go on as the same dataset.

    Args:
        before: the model's facts when the run began; empty for one that has not.
        now: its facts now.

    Raises:
        BackendFailed: they differ in what decides the texts.
    """
    for key in _IDENTITY:
        if before and before.get(key) != now.get(key):
            raise BackendFailed(
                f"The model's {key} was '{before.get(key)}' when this run began and is"
                f" '{now.get(key)}' now, so it can't go on as the same dataset.",
                "Start a new run with the same settings.",
            )
