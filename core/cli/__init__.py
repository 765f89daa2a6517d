"""The command line: `python -m core ...` does what the pages do, without a page."""

from core.cli.program import main

__all__ = ["main"]
