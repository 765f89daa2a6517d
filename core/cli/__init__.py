"""The command line: `wideset ...` or `python -m core ...` does what the pages do."""

from core.cli.main import main

__all__ = ["main"]
