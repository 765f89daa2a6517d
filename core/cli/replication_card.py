"""Writing what a study found: the card, its numbers, and the report."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import WidesetError

if TYPE_CHECKING:
    from core.store.database import Database


def write_card(db: "Database", study: str, out: Path, *, as_json: bool) -> None:
    """Write card.md, card.json, points.csv and results.csv of a study.

    Args:
        db: the store.
        study: the name that its sweeps share.
        out: a folder, which is made.
        as_json: print the card as JSON instead of its table of verdicts.

    Raises:
        WidesetError: there is nothing to tell, or the files can't be written.
    """
    from core.experiments.card_facts import facts_of
    from core.experiments.card_text import card_text
    from core.experiments.results import points_frame, results_frame
    from core.experiments.stored_results import stored_results
    from core.experiments.study import study as concluded

    results = results_frame(stored_results(db, study=study))
    if not len(results):
        raise WidesetError("No run of the study is assessed.", "Run it again.")
    found = concluded(results)
    text = card_text(found, title=f"{study}: what holds", facts=facts_of(results))
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "card.md").write_text(text, "utf-8")
        (out / "card.json").write_text(json.dumps(found, indent=1), "utf-8")
        points_frame(results).to_csv(out / "points.csv", index=False)
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
