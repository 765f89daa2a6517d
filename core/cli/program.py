"""The program: which commands there are, and how their errors come out.

Exit codes: 0; 1 for a failure; 2 for input that can't be used, with one line on stderr.
"""

import errno
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from core import __version__
from core.cli import (
    batch,
    classify,
    connections,
    demo,
    export,
    generate,
    measure,
    probe,
    reference,
    relabel,
    replicate,
    report,
    resume,
    runs,
    show,
    sweep,
    tasks,
    train,
    worker,
)
from core.cli import filter as filtering
from core.cli.parser import HELP_HINT, Parser, Usage, one_line
from core.domain.errors import WidesetError

if TYPE_CHECKING:
    from core.jobs.context import Handler

COMMANDS = (
    generate,
    runs,
    show,
    resume,
    export,
    measure,
    relabel,
    filtering,
    train,
    classify,
    sweep,
    replicate,
    report,
    probe,
    connections,
    batch,
    demo,
    tasks,
    reference,
    worker,
)


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def main(
    argv: Sequence[str] | None = None, *, handlers: "Mapping[str, Handler] | None" = None
) -> int:
    """Run a command.

    Args:
        argv: the arguments after the program's name; None takes the process's.
        handlers: who runs which kind of job, where this process runs one; None stands for
            those of `core.jobs.registry.Desk`.

    Returns:
        The exit code, 0 to 2.
    """
    debug = "--debug" in (sys.argv[1:] if argv is None else argv)
    try:
        try:
            args = _parser().parse_args(argv)
        except SystemExit as end:  # argparse's own end of --help and --version
            sys.stdout.flush()
            return int(end.code or 0)
        args.handlers = handlers
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except Usage as error:
        return _complain(f"{error.what} {error.remedy}", 2, debug)
    except WidesetError as error:
        return _complain(str(error), error.exit_code, debug)
    except KeyboardInterrupt:
        return _complain("Interrupted.", 1, debug)
    except BrokenPipeError:
        # The reader (head, less) has seen enough; what Python flushes at its end must go nowhere.
        _print_nowhere(sys.stdout)
        return 1
    except Exception as error:
        if isinstance(error, OSError) and _output_failed(error):
            said = f"The output can't be written ({error.strerror})."
            return _complain(f"{said} Free some space, or send it elsewhere.", 1, debug)
        hint = "" if debug else " See the details with --debug."
        said = f"{type(error).__name__}: {error}".rstrip(": .")
        return _complain(f"Wideset failed ({said}).{hint}", 1, debug)


def _parser() -> Parser:
    parser = Parser(
        prog="python -m core",
        description=(
            "Wideset generates labelled texts with a language model and keeps them in a store "
            "(the folder WIDESET_HOME, else your user data folder)."
        ),
        epilog=f"{HELP_HINT} Exit codes: 0; 1 for a failure; 2 for input that can't be used.",
    )
    parser.add_argument("--version", action="version", version=f"Wideset {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    for command in COMMANDS:
        command.add_to(commands)
    return parser


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


def _print_nowhere(stream: TextIO) -> None:
    """What Python flushes at its end must not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _complain(line: str, code: int, debug: bool) -> int:
    try:
        sys.stdout.flush()
    except OSError:
        _print_nowhere(sys.stdout)
    try:
        if debug:
            traceback.print_exc()
        print(one_line(line), file=sys.stderr, flush=True)
    except OSError:  # nobody is left to be told
        _print_nowhere(sys.stderr)
    return code
