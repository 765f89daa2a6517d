"""Writing what a study found: the card, its numbers, and the report."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import WidesetError

if TYPE_CHECKING:
    import pandas as pd

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


def facts_of(results: "pd.DataFrame") -> dict[str, str]:
    """What a card rests on, for people."""
    raw = results[(results["inspected"].astype(str) == "0") & ~results["filtered"].astype(bool)]

    def listed(column: str) -> str:
        return ", ".join(sorted({str(one) for one in raw[column] if str(one)}))

    n = raw["n"]
    conditions = raw.drop_duplicates(["condition"])["condition"].nunique()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "language model": listed("model"),
        "tasks": listed("task"),
        "runs": f"{raw['run_id'].nunique()} of {conditions} conditions, "
        f"{n.min():.0f} to {n.max():.0f} texts each",
        "encoder": listed("encoder"),
        "classifier": listed("classifier"),
        "oracle's own accuracy": ", ".join(
            f"{task} {mean:.3f}"
            for task, mean in raw.groupby("task")["oracle_accuracy"].mean().items()
        ),
    }
