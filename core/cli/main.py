"""The program: which commands there are, and how their errors are shown.

Exit codes: 0; 1 for a failure; 2 for input that can't be used, with one line on stderr.
"""

import errno
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from typer.main import get_command

from core import __version__
from core.cli.app import App, Group, Session
from core.cli.output import one_line
from core.domain.errors import WidesetError

if TYPE_CHECKING:
    from core.jobs.context import Handler

# Where each command is, and what it does in a line. A command's module is imported when it is
# called, so that each starts as fast as what it needs.
COMMANDS = {
    "generate": ("core.cli.generate", "Generate texts for every label of a task."),
    "runs": ("core.cli.runs", "List the runs."),
    "show": ("core.cli.runs", "Show the settings of a run."),
    "resume": ("core.cli.generate", "Finish a run that was stopped."),
    "export": ("core.cli.runs", "Write the texts of a run to a file."),
    "measure": ("core.cli.data.measure", "Measure how diverse texts are."),
    "relabel": ("core.cli.data.relabel", "Replace labels by an oracle's or its proxies'."),
    "filter": ("core.cli.data.filter", "Remove texts that are out of scope."),
    "train": ("core.cli.training.train", "Train a classifier and test it."),
    "classify": ("core.cli.training.classify", "Ask a language model for labels and score it."),
    "sweep": ("core.cli.sweeps.sweep", "Run a grid of conditions."),
    "replicate": ("core.cli.sweeps.replicate", "Run the paper's grid and check its findings."),
    "report": ("core.cli.sweeps.report", "Write a study as one HTML file that works offline."),
    "probe": ("core.cli.servers.probe", "Find out what a server's model can do."),
    "connections": ("core.cli.servers.connections", "List, add or remove servers."),
    "batch": ("core.cli.servers.batch", "Write and read files of OpenAI's Batch API."),
    "demo": ("core.cli.sweeps.demo", "Open the demo project, or build it anew."),
    "tasks": ("core.cli.runs", "List the tasks."),
    "reference": ("core.cli.data.reference", "Add, list and delete references."),
    "worker": ("core.cli.generate", "Run queued jobs until idle."),
}

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class _LazyCommands(Group):
    """The commands, each imported when it is called."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        command: Any = get_command(import_module(module).app)
        # A module holds one command, several, or one with subcommands.
        return getattr(command, "commands", {}).get(cmd_name, command)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


app = App(
    cls=_LazyCommands,
    subcommand_metavar="COMMAND ...",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="COMMAND --help shows a command's options. Exit codes: 0; 1 for a failure; 2 for input "
    "that can't be used.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"Wideset {__version__}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the details of a failure; with any command, too.")
    ] = False,
) -> None:
    """Wideset generates labelled texts with a language model and keeps them in a store (the
    folder WIDESET_HOME, else your user data folder).
    """


def main(
    argv: Sequence[str] | None = None, *, handlers: "Mapping[str, Handler] | None" = None
) -> int:
    """Run a command.

    Args:
        argv: the arguments after the program's name; None takes the process's.
        handlers: who runs which kind of job, where this process runs one; None for the worker's
            own (`core.jobs.registry`).

    Returns:
        The exit code, 0 to 2.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in arguments  # allowed anywhere, so that it can be added to a failed line
    try:
        _run([word for word in arguments if word != "--debug"], Session(handlers))
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        path = _program_name() if context is None else context.command_path
        message = error.format_message().strip().rstrip(".")
        return _show_error(f"{path}: {message}. See {path} --help.", error.exit_code, debug)
    except WidesetError as error:
        return _show_error(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        return _show_error("Interrupted.", 1, debug)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; what Python flushes at its end must go nowhere.
        _discard(sys.stdout)
        return 1
    except Exception as error:
        if isinstance(error, OSError) and _output_failed(error):
            message = f"The output can't be written ({error.strerror})."
            return _show_error(f"{message} Free some space, or send it elsewhere.", 1, debug)
        hint = "" if debug else " See the details with --debug."
        message = f"{type(error).__name__}: {error}".rstrip(": .")
        return _show_error(f"Wideset failed ({message}).{hint}", 1, debug)
    return 0


def _run(arguments: list[str], session: Session) -> None:
    """Parse the arguments and run the command; Typer's own handling of errors is not used."""
    command: Any = get_command(app)
    try:
        with command.make_context(_program_name(), arguments, obj=session) as context:
            command.invoke(context)
    except typer.Exit:  # the end of --help and --version
        pass
    sys.stdout.flush()


def _program_name() -> str:
    return "wideset" if Path(sys.argv[0]).stem == "wideset" else "python -m core"


def _output_failed(error: OSError) -> bool:
    """Whether it is standard output that is full or broken, rather than some file."""
    if error.filename is not None or error.errno not in _NO_ROOM:
        return False
    try:
        sys.stdout.write("\n")
        sys.stdout.flush()
    except OSError:
        return True
    return False


def _discard(stream: TextIO) -> None:
    """Send what Python flushes at its end nowhere, so that it does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _show_error(line: str, code: int, debug: bool) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        _discard(sys.stdout)
    try:
        if debug:
            traceback.print_exc()
        print(one_line(line), file=sys.stderr, flush=True)
    except OSError:  # standard error can't be written either
        _discard(sys.stderr)
    return code
