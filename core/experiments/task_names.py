"""Names of tasks in results: charts and cards know tasks by them, so no two may share one."""

import pandas as pd

from core.diversity.texts_frame import display_names


def named_apart(results: pd.DataFrame) -> pd.DataFrame:
    """Two tasks of one name get two: "Trial", "Trial (2)"; done again it changes nothing.

    Args:
        results: a results or a points frame.
    """
    names = dict(zip(results["task_key"], results["task"], strict=True))
    apart = dict(zip(names, display_names(list(names.values())), strict=True))
    return results.assign(task=results["task_key"].map(apart).astype("str"))
