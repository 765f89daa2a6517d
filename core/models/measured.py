"""What was measured on this machine, remembered beside the models.

A measurement wavers, and what hangs on it must not: it is made once and then remembered.
"""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def recalled(file: Path, key: str) -> Any:
    """What was remembered under this key, as JSON gives it; None if nothing was, or the file is
    unreadable."""
    return _read(file).get(key)


def remember(file: Path, key: str, value: Any) -> None:
    """Keep a JSON-ready value; where nothing can be written, the next load measures again."""
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}-{os.getpid()}")
        unfinished.write_text(json.dumps({**_read(file), key: value}, indent=2))
        unfinished.replace(file)


def seconds_of(call: Callable[[], Any], *, repeats: int = 5) -> float:
    """The shortest of some timed calls after a first one that is not counted, in seconds."""
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def _read(file: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
