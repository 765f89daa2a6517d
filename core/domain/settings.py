"""Settings of the installation: the home folder and what lies in it."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_IMODE

from core.domain.errors import HomeUnusable


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds all that Wideset keeps: the store, its backups, converted models."""

    folder: Path
    models_folder: Path | None = None

    @property
    def store(self) -> Path:
        """The SQLite file."""
        return self.folder / "wideset.sqlite3"

    @property
    def models(self) -> Path:
        """Language models converted once for fast loading; several homes may share a folder."""
        return self.models_folder or self.folder / "models"

    @property
    def worker_log(self) -> Path:
        """What the worker process prints."""
        return self.folder / "worker.log"

    def prepare(self) -> "Home":
        """Create the folder if need be, for this user alone, and see that it can be written to.

        The store and the log in an existing folder become this user's alone, too.

        Raises:
            HomeUnusable: it can't.
        """
        probe = self.folder / f".writable-{os.getpid()}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            probe.write_bytes(b"")
            probe.unlink(missing_ok=True)  # another thread may probe at the same time
            if not self.worker_log.exists():
                self.worker_log.touch(mode=0o600)
            for file in filter(Path.exists, (self.store, self.worker_log)):
                if (mode := file.stat().st_mode) & 0o077:
                    with suppress(PermissionError):  # another user's, who shares the folder
                        file.chmod(S_IMODE(mode) & ~0o077)
        except OSError as error:
            raise HomeUnusable(
                f"Wideset can't write to its home folder {self.folder} ({error.strerror}).",
                "Set WIDESET_HOME to a folder that you can write to.",
            ) from error
        return self


def home_from(environment: Mapping[str, str] = os.environ) -> Home:
    """The home folder: `WIDESET_HOME`, else the platform's user data folder.

    `WIDESET_MODELS` puts the converted models elsewhere.
    """
    chosen = environment.get("WIDESET_HOME", "").strip()
    models = environment.get("WIDESET_MODELS", "").strip()
    shared = Path(models).expanduser().absolute() if models else None
    if chosen:
        return Home(Path(chosen).expanduser().absolute(), shared)
    from platformdirs import user_data_path

    return Home(user_data_path("wideset", appauthor=False), shared)
