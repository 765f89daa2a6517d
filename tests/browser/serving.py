"""A real server of the app, in a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from core.domain.settings import Home
from tests.browser.fake_worker import PIDS

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 120.0  # seconds: the machine may be busy with other things


def wait_until(true: Callable[[], object], *, what: str, seconds: float = PATIENCE) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not come true in time.
    """
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.05)


class Server:
    """The app, served for a home on a free port.

    Args:
        home: what it shows.
        real: with the real worker behind it instead of the fake one.
    """

    def __init__(self, home: Home, *, real: bool = False) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.home = home
        self.url = f"http://127.0.0.1:{port}"
        module = "streamlit" if real else "tests.browser.fake_app"
        environment = {**os.environ, "WIDESET_HOME": str(home.folder)}
        if real:  # with as many threads as a person's, beside other tests or not
            environment.pop("OMP_NUM_THREADS", None)
        self._log = (home.folder / f"server-{port}.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "run", "app.py", f"--server.port={port}"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> "Server":
        wait_until(self._healthy, what="the server answers")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._log.close()

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait()

    def _healthy(self) -> bool:
        assert self.process.poll() is None, Path(self._log.name).read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=10) as answer:
                return answer.status == 200
        except OSError:
            return False


def worker_pids(home: Home) -> list[int]:
    """The processes of fake workers that were started for a home and still live."""
    try:
        pids = [int(line) for line in (home.folder / PIDS).read_text().split()]
    except FileNotFoundError:
        return []
    return [pid for pid in pids if _is_worker(pid)]


def end_workers(home: Home) -> None:
    """End the fake workers of a home."""
    for pid in worker_pids(home):
        os.kill(pid, signal.SIGKILL)


def _is_worker(pid: int) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"fake_worker" in command
