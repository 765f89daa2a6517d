"""`make bench`, or `python -m tests.benchmarks [--only NAME] [--json]`."""

import argparse
import importlib
import json
import os
import sys

from tests.benchmarks.report import machine

NAMES = (
    "store",
    "startup",
    "explore",
    "compare",
    "worker",
    "embedding",
    "diversity",
    "decoding",
    "projection",
    "interventions",
    "training",
    "sweep",
)


def main() -> int:
    """Run the benchmarks one after the other; 1 if one missed its mark."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=NAMES, help="only this one; repeatable")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of each (%(default)s)")
    parser.add_argument(
        "--all", action="store_true", help="slow contenders, too (decoding: some minutes more)"
    )
    parser.add_argument(
        "--no-check", action="store_true", help="exit with 0 whatever the numbers are"
    )
    options = parser.parse_args()
    # Nothing is downloaded while the time is taken.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    here = machine()
    if not options.json:
        print("; ".join(f"{key} {value}" for key, value in here.items()), flush=True)
    reports = []
    for name in options.only or NAMES:
        reports.append(importlib.import_module(f"tests.benchmarks.{name}").run(options))
        if not options.json:
            print(f"\n{reports[-1]}", flush=True)
    if options.json:
        json.dump({"machine": here, "reports": [r.to_dict() for r in reports]}, sys.stdout)
        print()
    return int(any(report.failures for report in reports) and not options.no_check)


if __name__ == "__main__":
    sys.exit(main())
