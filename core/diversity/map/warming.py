"""Compiling what maps need, once a machine, in a process of its own, while nobody waits for it.

`python -m core.diversity.map.warming FOLDER` compiles into the folder and leaves a mark in it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from core.diversity.map.umap import version, warm_up

STALE_SECONDS = 600.0
ROOT = Path(__file__).parents[3]

Spawn = Callable[[Sequence[str]], object]


def compile_in_background(folder: Path, *, spawn: Spawn | None = None) -> bool:
    """Start the compiling unless it was done, or is being done, for these versions.

    Never raises: a map that finds nothing compiled compiles for itself.

    Args:
        folder: keeps what is compiled, as `core.diversity.map.umap.MapCache` reads it.
        spawn: starts the command; by default a quiet process of low priority.

    Returns:
        Whether it was started.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        begun = _begun(folder)
        if _done(folder).exists() or (
            begun.exists() and time.time() - begun.stat().st_mtime < STALE_SECONDS
        ):
            return False
        begun.touch()
        (spawn or _spawn)([sys.executable, "-m", "core.diversity.map.warming", str(folder)])
    except OSError:  # a folder that can't be written to, no process to be had
        return False
    return True


def main(folder: Path) -> None:
    """Compile, and say so by a mark."""
    os.nice(10)
    warm_up(folder)
    _done(folder).touch()
    _begun(folder).unlink(missing_ok=True)


def _spawn(command: Sequence[str]) -> None:
    subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def _mark() -> str:
    return version().replace(", ", "-").replace(" ", "-")


def _done(folder: Path) -> Path:
    return folder / f"compiled-{_mark()}"


def _begun(folder: Path) -> Path:
    return folder / f"compiling-{_mark()}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
