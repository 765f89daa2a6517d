"""Arithmetic: in which number type and with which layers a model computes on this machine.

Both are measured once and then remembered beside the converted models: a measurement wavers, and
the same seed must give the same dataset tomorrow.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from core import measured
from core.generation.linears import WAYS

_FILE = "arithmetic.json"


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a model computes.

    Args:
        dtype: `float32`, `bfloat16` or `float16`.
        linear: how linear layers are computed, a key of `linears.WAYS`.
    """

    dtype: str
    linear: str


def remembered(models: Path, key: str) -> Arithmetic | None:
    """What was measured before under this key; None if nothing was, or the file is unreadable.

    Args:
        models: folder of converted models.
        key: model, device, version of torch and number of threads in one text.
    """
    try:
        found = measured.recalled(models / _FILE, key)
        return None if found is None or found["linear"] not in WAYS else Arithmetic(**found)
    except (TypeError, KeyError):
        return None


def remember(models: Path, key: str, arithmetic: Arithmetic) -> None:
    """Keep a measurement; where nothing can be written, the next load measures again."""
    measured.remember(models / _FILE, key, asdict(arithmetic))


def settled(
    models: Path, key: str, *, dtype: str | None, measure: Callable[[], Arithmetic]
) -> Arithmetic:
    """The remembered arithmetic, else the measured one, which is remembered from now on.

    Args:
        models: folder of converted models.
        key: see `remembered`.
        dtype: what a resumed run computed in: a memory of another type does not count.
        measure: measures, for that type if there is one.
    """
    known = remembered(models, key)
    if known is not None and dtype in (None, known.dtype):
        return known
    fresh = measure()
    remember(models, key, fresh)
    return fresh
