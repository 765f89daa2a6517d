"""`python -m core` and `wideset`: the command line."""

import os
import sys


def start() -> int:
    """Run the command line on the process's arguments and streams.

    Returns:
        The exit code.
    """
    # Closed by the caller (>&-): what is printed goes nowhere, rather than being a failure.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    # A terminal that can't show a character gets its number rather than a failure.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        from core.cli import main

        return main()
    except KeyboardInterrupt:  # while modules load; later on `main` hears it
        print("Interrupted.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(start())
