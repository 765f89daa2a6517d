"""`python -m core`: the command line."""

import os
import sys

if __name__ == "__main__":
    # Closed by who started us (>&-): what is printed goes nowhere, rather than being a failure.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    # A terminal that can't show a character gets its number rather than a failure.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        from core.cli import main

        sys.exit(main())
    except KeyboardInterrupt:  # while modules load; later on `main` hears it
        sys.exit("Interrupted.")
