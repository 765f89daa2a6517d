"""Writing what a study found: the card, its numbers, and the report."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.errors import BadInput, WidesetError

if TYPE_CHECKING:
    from core.store.database import Database


def write_card(db: "Database", study: str, out: Path, *, as_json: bool) -> None:
    """Write card.md, card.json, points.csv, results.csv and report.html of a study.

    Args:
        db: the store.
        study: the name that its sweeps share.
        out: a folder, which is made.
        as_json: print the card as JSON instead of its table of verdicts.

    Raises:
        WidesetError: there is nothing to tell, or the files can't be written.
    """
    from core.reports.card import card_text, facts_of
    from core.reports.stored_report import stored_report
    from core.store.sweeps import list_sweeps

    sweeps = [one.id for one in list_sweeps(db, study=study)]
    try:
        report = stored_report(db, sweeps, title=f"{study}: what holds")
    except BadInput as error:
        raise WidesetError("No run of the study is assessed.", "Run it again.") from error
    results, found = report.results, report.study
    text = card_text(found, title=f"{study}: what holds", facts=facts_of(results))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "card.md").write_text(text, "utf-8")
        (out / "card.json").write_text(json.dumps(found, indent=1), "utf-8")
        (out / "report.html").write_text(report.html, "utf-8")
        report.points.to_csv(out / "points.csv", index=False)
        results.to_csv(out / "results.csv", index=False)
    except OSError as error:
        raise WidesetError(
            f"{out} can't be written to ({error.strerror}).", "Name another folder with --out."
        ) from error
    if as_json:
        print(json.dumps(found))
    else:
        for one in found["card"]:
            print(f"{one['finding']}. {one['title']}: {one['verdict']}")
    print(f"The card and its numbers are in {out}.", file=sys.stderr)
