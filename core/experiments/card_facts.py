"""What a replication card rests on, for people."""

import time

import pandas as pd

from core.generation.conversion import EMBEDDED_NAME


def facts_of(results: pd.DataFrame, *, now: float | None = None) -> dict[str, str]:
    """Date, model, tasks, sizes, encoder and classifier, as `card_text` shows them.

    Args:
        results: a results frame with one row as generated at least.
        now: seconds since 1970, UTC; None is this moment.
    """
    raw = results[(results["inspected"].astype(str) == "0") & ~results["filtered"].astype(bool)]

    def listed(column: str) -> str:
        return ", ".join(sorted({str(one) for one in raw[column] if str(one)}))

    n = [f"{size:.0f}" for size in sorted({raw["n"].min(), raw["n"].max()})]
    conditions = raw.drop_duplicates(["condition"])["condition"].nunique()
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime(now)),
        "language model": listed("model").replace("embedded", f"{EMBEDDED_NAME} (embedded)"),
        "tasks": listed("task"),
        "runs": f"{raw['run_id'].nunique()} of {conditions} conditions, "
        f"{' to '.join(dict.fromkeys(n))} texts each",
        "encoder": listed("encoder"),
        "classifier": listed("classifier"),
        "oracle's own accuracy": ", ".join(
            f"{task} {mean:.3f}"
            for task, mean in raw.groupby("task")["oracle_accuracy"].mean().items()
        ),
    }
