"""The command line as a process: help, exit codes, and errors of one line."""

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import core.cli.runs
from core import __version__
from core.cli import main
from core.domain.settings import Home

ROOT = Path(__file__).parents[2]
COMMANDS = [
    "generate",
    "runs",
    "show",
    "resume",
    "export",
    "measure",
    "relabel",
    "filter",
    "train",
    "classify",
    "sweep",
    "replicate",
    "report",
    "probe",
    "connections",
    "batch",
    "demo",
    "tasks",
    "reference",
    "worker",
]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "core", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.alone
def test_help_lists_every_command_and_is_quick() -> None:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = run("--help")
        seconds.append(time.perf_counter() - start)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.findall(r"^  ([a-z]+)  ", done.stdout, re.MULTILINE) == COMMANDS
    assert min(seconds) < 0.5


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: python -m core {command} ")
    assert "-h, --help" in done.stdout


def test_the_command_line_loads_nothing_heavy_by_itself() -> None:
    script = (
        "import sys, core.cli; heavy = {'torch', 'pandas', 'numpy', 'pyarrow', 'transformers'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", script], cwd=ROOT, text=True) == "[]\n"


def test_the_entry_point_is_the_same_program() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["scripts"]["wideset"].partition(":")
    script = (
        f"import sys; from {module} import {function}; "
        f"sys.argv[0] = '/venv/bin/wideset'; sys.exit({function}())"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        [*command, "--version"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, f"Wideset {__version__}\n")
    done = subprocess.run(
        [*command, "tasks", "--nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "wideset tasks: No such option: --nonsense. See wideset tasks --help.\n"


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"Wideset {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "python -m core: Missing command."),
        (["paint"], "python -m core: No such command 'paint'."),
        (["generate"], "python -m core generate: Missing option '--task'."),
        (
            ["generate", "--task", "sst2", "--temperature", "warm"],
            "python -m core generate: Invalid value for '--temperature': ",
        ),
        (
            ["generate", "--task", "sst2", "--prompt", "B"],
            "Invalid value for '--prompt': 'B' is not one of 'A', 'C', 'chat'.",
        ),
        (
            ["generate", "--task", "sst2", "--temp", "1"],
            "core generate: No such option: --temp",
        ),
        (["runs", "more\x1b[2J"], "Got unexpected extra argument(s) (more\\x1b[2J)"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_2(
    arguments: list[str], message: str, home: Home
) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.rstrip().endswith("--help.")
    assert not home.store.exists()


def test_an_unusable_home_is_one_line_and_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("runs", WIDESET_HOME=str(tmp_path / "file" / "home"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Wideset can't write to its home folder")
    assert done.stderr.count("\n") == 1


def test_a_foreign_store_is_one_line_and_1(home: Home) -> None:
    home.store.write_bytes(b"not a database" * 100)
    done = run("tasks")
    assert done.returncode == 1
    assert "is damaged or no Wideset store" in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_unexpected_error_is_one_line_and_1(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr(core.cli.runs, "list_tasks", fail)
    assert main(["tasks"]) == 1
    assert capsys.readouterr().err == (
        "Wideset failed (ZeroDivisionError: a b). See the details with --debug.\n"
    )
    for arguments in (["--debug", "tasks"], ["tasks", "--debug"]):
        assert main(arguments) == 1
        shown = capsys.readouterr().err
        assert shown.startswith("Traceback (most recent call last):")
        assert shown.endswith("Wideset failed (ZeroDivisionError: a b).\n")


def test_a_reader_that_stops_reading_is_no_error(home: Home) -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "core", "tasks", "--json"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "")


def test_closed_streams_are_no_error(home: Home) -> None:
    python = f"{shlex.quote(sys.executable)} -m core tasks"
    for command in (f"{python} >&-", f"{python} 2>&-", f"{python} >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"exec {command}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_ctrl_c_while_modules_load_is_one_line() -> None:
    script = """
import runpy, sys
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "core.cli":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
runpy.run_module("core", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "Interrupted.\n")


def test_a_worker_without_work_ends_after_its_time(home: Home) -> None:
    done = run("worker", "--idle-seconds", "0")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_worker_needs_a_length_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--idle-seconds", "nan"]) == 2
    assert "--idle-seconds is nan" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("tasks",), ("tasks", "--json"), ("--help",)])
def test_a_full_disk_behind_the_output_is_told_in_two_sentences(
    arguments: tuple[str, ...], unbuffered: str, tmp_path: Path
) -> None:
    given = {**os.environ, "WIDESET_HOME": str(tmp_path), "PYTHONUNBUFFERED": unbuffered}
    command = [sys.executable, "-m", "core", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=given,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "The output can't be written (No space left on device). Free some space, or send it "
        "elsewhere.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is full")
def test_an_error_that_nobody_can_hear_keeps_its_exit_code() -> None:
    given = {**os.environ, "PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "core", "tasks", "--nonsense"],
            stdout=full,
            stderr=full,
            cwd=ROOT,
            env=given,
            check=False,
        )
    assert done.returncode == 2
