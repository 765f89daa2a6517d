"""What all models that run on this machine share: devices, threads, memory, the hub, timings."""

import contextlib
import ctypes
import gc
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.domain.errors import BackendFailed

WORKS_OFFLINE = "Without a network, 'embedded' and local folders with safetensors files work."


def share_the_processor() -> None:
    """Let PyTorch's threads sleep while they wait for each other; call it before torch is imported.

    By default they spin: quicker where the machine is idle and threads meet often, but as soon as
    another program wants one of the cores a step takes two to twenty times as long. What needs the
    speed runs in lanes (see `core.generation.local.backend`), whose threads do not meet.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def give_memory_back() -> None:
    """Return freed memory to the system; glibc alone keeps it (half a gigabyte after a load)."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def pick_device(wanted: str) -> str:
    """Resolve `auto` to CUDA, MPS or the CPU, and see that a named device is there.

    Raises:
        BackendFailed: the named device is not there.
    """
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next((name for name, available in there.items() if available), "cpu")
    if not there.get(wanted, True):
        raise BackendFailed(
            f"This machine has no device '{wanted}' that PyTorch can use.", "Choose auto or cpu."
        )
    return wanted


def half_precision(device: str) -> str | None:
    """The half-precision type of a device that always gains by one; None for the CPU, which may
    not: there a measurement decides."""
    import torch

    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "float16" if device == "mps" else None


def loading_options(source: str) -> dict[str, bool]:
    """What transformers is told at every load: where it may look, and that no code is run.

    Args:
        source: a local folder or an id of the Hugging Face hub.
    """
    # Code that comes with a model is never run; left open, transformers asks on the terminal.
    offline = Path(source).is_dir() or not hub_answers()
    return {"trust_remote_code": False, "local_files_only": offline}


def hub_answers() -> bool:
    """Whether the Hugging Face hub can be reached: a file of a hub that can't be is asked for
    again and again, for most of a minute."""
    import transformers

    hub: Any = transformers.utils.hub
    try:
        hub.get_session().head(hub.constants.ENDPOINT, timeout=5)
    except Exception:  # offline by choice, without a network, behind a proxy that refuses
        return False
    return True


def why_not_loaded(source: str, error: Exception) -> str:
    """Why nothing came: for a path in our words, as transformers takes it for an id of the hub.

    Args:
        source: what was asked for.
        error: what transformers raised.

    Returns:
        One line that ends with a full stop.
    """
    problem = folder_problem(source)
    if problem:
        return problem
    line = str(error).strip().split("\n")[0][:200]
    return line if line.endswith(".") else f"{line}."


def folder_problem(source: str) -> str:
    """Why a path holds no model, a line that ends with a full stop; empty for a folder with one
    and for what is no path."""
    path = Path(source)
    with contextlib.suppress(OSError):  # a name too long for a file
        if path.is_file():
            return "it is a file, not a folder."
        if path.is_dir() and not (path / "config.json").is_file():
            return "the folder holds no config.json."
        if not path.exists() and (source.startswith(("/", ".", "~")) or source.count("/") > 1):
            return "there is no such folder."
    return ""


# How torch says it, on CUDA and MPS and on a CPU.
_NO_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out."""
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _NO_MEMORY)
    )


class Portion:
    """How many texts go through the model at once.

    Args:
        size: at first, at least 1.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.first = size

    def parts(self, rows: Any) -> list[Any]:
        """The rows of a batch, cut into portions."""
        return [rows[start : start + self.size] for start in range(0, len(rows), self.size)]

    def halve(self) -> None:
        """Go on with half as many.

        Raises:
            BackendFailed: it is one text already.
        """
        if self.size == 1:
            raise BackendFailed(
                "Memory ran out with a single text at once.",
                "Choose a smaller model, fewer tokens a text, or the device cpu.",
            )
        self.size = (self.size + 1) // 2
        give_memory_back()


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


def _read(file: Path) -> dict[str, object]:
    try:
        loaded = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
