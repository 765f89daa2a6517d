"""What all commands' parsers share: one-line errors, and the options that every command has."""

import argparse
import sys
from typing import Any, NoReturn, TypeAlias

from core.domain.errors import BadInput

HELP_HINT = "COMMAND --help shows a command's options."

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"


class Usage(BadInput):
    """The command line itself is wrong."""


class _Help(argparse.HelpFormatter):
    """Help in which the longest command has its words on its own line too."""

    def add_argument(self, action: argparse.Action) -> None:
        """Add an action; argparse itself forgets how far commands are indented."""
        commands = isinstance(action, argparse._SubParsersAction)
        if commands:
            self._indent()
        super().add_argument(action)
        if commands:
            self._dedent()


class Parser(argparse.ArgumentParser):
    """A parser whose errors are exceptions, so that they come out as one line like all others."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        # Abbreviations would turn into other options as options are added.
        super().__init__(*args, **{"allow_abbrev": False, "formatter_class": _Help, **kwargs})  # type: ignore[arg-type]
        self.add_argument(
            "--debug",
            action="store_true",
            default=argparse.SUPPRESS,
            help="show the details of a failure",
        )

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print help or the version; argparse itself forgets that it can't be written."""
        (file or sys.stderr).write(message)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            Usage: always.
        """
        raise Usage(f"{self.prog}: {message}.", f"See {self.prog} --help.")


def one_line(text: str) -> str:
    """A message on one line, without characters that a terminal would obey."""
    return " ".join(
        "".join(
            c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}"
            for c in word
        )
        for word in text.split()
    )
