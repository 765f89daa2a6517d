"""Compiling beside the worker: begun once, begun again after a failure, done once for all."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.diversity.map import warming
from core.diversity.map.warming import STALE_SECONDS, compile_in_background


def test_it_is_begun_once_and_again_when_it_came_to_nothing(tmp_path: Path) -> None:
    commands: list[Sequence[str]] = []
    folder = tmp_path / "numba"
    assert compile_in_background(folder, spawn=commands.append)
    assert not compile_in_background(folder, spawn=commands.append)
    assert [list(command[1:]) for command in commands] == [
        ["-m", "core.diversity.map.warming", str(folder)]
    ]
    (begun,) = folder.glob("compiling-*")
    long_ago = begun.stat().st_mtime - STALE_SECONDS - 1
    os.utime(begun, (long_ago, long_ago))
    assert compile_in_background(folder, spawn=commands.append)


def test_what_is_compiled_is_not_compiled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warmed: list[Path] = []
    monkeypatch.setattr(warming, "warm_up", warmed.append)
    monkeypatch.setattr(os, "nice", lambda _: 0)
    commands: list[Sequence[str]] = []
    assert compile_in_background(tmp_path, spawn=commands.append)
    warming.main(tmp_path)
    assert warmed == [tmp_path]
    assert not compile_in_background(tmp_path, spawn=commands.append)
    assert [path.name.split("-")[0] for path in tmp_path.iterdir()] == ["compiled"]


def test_no_folder_and_no_process_are_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not compile_in_background(tmp_path / "file" / "numba")

    def fail(_: Sequence[str]) -> None:
        raise OSError("no process")

    assert not compile_in_background(tmp_path / "numba", spawn=fail)


def test_the_real_process_compiles(tmp_path: Path, model_cache: Path) -> None:
    # Into the folder that all tests of a run share: what it compiles is compiled for them, too.
    started: list[subprocess.Popen[bytes]] = []
    folder = model_cache / "numba"
    for mark in folder.glob("compil*"):
        mark.unlink()
    assert compile_in_background(
        folder,
        spawn=lambda command: started.append(subprocess.Popen(command, cwd=warming.ROOT)),
    )
    assert started[0].wait(timeout=280) == 0
    assert [path.name.split("-")[0] for path in folder.glob("compil*")] == ["compiled"]
    assert list(folder.rglob("*.nbi"))
    assert not compile_in_background(folder)
