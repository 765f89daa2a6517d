"""`python -m core`: the command line."""

import sys

from core.cli import main

if __name__ == "__main__":
    # A terminal that can't show a character gets its number rather than a failure.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
