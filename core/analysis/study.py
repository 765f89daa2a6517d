"""Study: all that is concluded from a frame of results, computed once and stored as JSON.

This loads statsmodels: a job or a command calls it, a page reads what it gave.
"""

from typing import Any

import pandas as pd

from core.analysis.findings.findings import card
from core.analysis.findings.hypotheses import as_generated
from core.analysis.frames.paper import NOTE
from core.analysis.frames.results import mixtures, named_apart, points_frame
from core.analysis.regression import (
    PAPER_COEFFICIENTS,
    PAPER_NOTE,
    SPECIFICATIONS,
    CannotRegress,
    regress,
)

STUDY_VERSION = 4
"""Raised when a study computes or names something differently."""


def study(results: pd.DataFrame) -> dict[str, Any]:
    """What the results support, JSON-ready (no NaN); equal results give equal studies.

    Args:
        results: a results frame, filtered to the tasks and models that are meant.

    Returns:
        `version`; `n`: results, `runs`, `points`, `tasks`; `mixtures`: sentences;
        `regression`: by stage ("as generated", "all stages") and specification
        (`Regression.to_dict`, or `{"refused": why, "remedy": what to do}`); `paper_coefficients`
        and `paper_note`; `sentence`: on the data as generated, within task where there are several
        tasks; `card`: `Finding.to_dict` of each; `card_by_task`: the same by task name where there
        are several tasks (`named_apart`); `paper_source`.
    """
    results = named_apart(results)
    points = points_frame(results)
    tasks = list(dict.fromkeys(zip(results["task_key"], results["task"], strict=True)))
    regression = {
        stage: {specification: _regression(rows, specification) for specification in SPECIFICATIONS}
        for stage, rows in (("as generated", as_generated(results)), ("all stages", results))
    }
    main = regression["as generated"][
        "standardised within task" if len(tasks) > 1 else "standardised"
    ]
    by_task = {
        name: [finding.to_dict() for finding in card(results[results["task_key"] == key])]
        for key, name in tasks
        if len(tasks) > 1
    }
    return {
        "version": STUDY_VERSION,
        "n": len(results),
        "runs": int(results["run_id"].nunique()),
        "points": len(points),
        "tasks": [name for _, name in tasks],
        "mixtures": mixtures(points),
        "regression": regression,
        "paper_coefficients": dict(PAPER_COEFFICIENTS),
        "paper_note": PAPER_NOTE,
        "sentence": main.get("sentence") or f"No regression: {main['refused']} {main['remedy']}",
        "card": [finding.to_dict() for finding in card(results)],
        "card_by_task": by_task,
        "paper_source": NOTE,
    }


def _regression(rows: pd.DataFrame, specification: Any) -> dict[str, Any]:
    try:
        return regress(rows, specification=specification).to_dict()
    except CannotRegress as error:
        return {"refused": error.what, "remedy": error.remedy}
