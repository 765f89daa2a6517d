"""The paper's findings 6 and 7, on label replacement and out-of-scope filtering, as hypotheses."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.analysis.findings.hypotheses import (
    Hypothesis,
    counted,
    difference_hypothesis,
    pool,
    unit_words,
    untested_hypothesis,
)
from core.analysis.pairs import (
    SAME,
    Effect,
    Verdict,
    effect,
    matched,
    over_tasks,
    task_labels,
    verdict,
    within,
)
from core.analysis.uninspected import uninspected_accuracy
from core.classification.evaluation.intervals import wilson
from core.domain.wording import percent, points

SMALL = 0.01
"""OOSF changes little if model accuracy changes by less than this on average: one point."""

ONE_WAY = 0.95
"""OOSF would be consistent if this share of the pairs that change went one way."""

_MORE_DIVERSE = "LR gains the more, the more diverse the data is"

_EVEN = 1e-12  # a change below it is none
_SURE = 1 - 1e-12  # Fisher's z of a perfect correlation has no end

Numbers = npt.NDArray[np.float64]


def replacement_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 6: LR raises model accuracy, and the more, the more diverse the data is.

    The gain is a run's own, repaired against as generated. Its correlation with the diversity as
    generated is at the largest budget, with Fisher's interval; of several tasks Fisher's z of each
    is tested over the tasks. Told, too, is what LR does for the labels of texts that nobody
    inspected: the paper tells label accuracy over all, which inspection alone raises.
    """
    plain = frame[~frame["filtered"].astype(bool)]
    # As generated no text is inspected: the accuracy of the others is that of all.
    rest = plain["label_accuracy"].where(plain["inspected"] == "0", uninspected_accuracy(plain))
    plain = plain.assign(label_accuracy=rest)
    budgets = sorted(
        set(plain["inspected"]) - {"0"}, key=lambda budget: (budget == "all", budget.zfill(9))
    )
    unit = unit_words(frame, "runs")
    if not budgets:
        missing = "no result is repaired by LR"
        return [
            untested_hypothesis(
                "gain", "LR raises model accuracy", "model_accuracy", 1, unit, missing
            ),
            untested_hypothesis(
                "gain_by_diversity", _MORE_DIVERSE, "correlation", 1, unit, missing
            ),
        ]
    hypotheses = []
    for budget in budgets:
        side = np.select([plain["inspected"] == "0", plain["inspected"] == budget], [0, 1], -1)
        pairs = matched(plain, side, ("a", "b"), but=("inspected",))
        inspected = "all texts" if budget == "all" else f"{budget} texts"
        gain = pairs["model_accuracy_b"] - pairs["model_accuracy_a"]
        words = f"LR raises model accuracy with {inspected} inspected"
        missing = "" if gain.notna().any() else "no run has model accuracy before and after LR"
        hypotheses.append(
            difference_hypothesis(
                f"gain_{budget}", words, "model_accuracy", 1, gain, unit, missing, pairs=pairs
            )
        )
        others = pairs["label_accuracy_b"] - pairs["label_accuracy_a"]
        if others.notna().any():
            hypotheses.append(
                difference_hypothesis(
                    f"others_{budget}",
                    f"LR raises label accuracy of the texts not inspected with {inspected} "
                    "inspected",
                    "label_accuracy",
                    1,
                    others,
                    unit,
                    "",
                    pairs=pairs,
                    counts=False,
                )
            )
    return [*hypotheses, _by_diversity(pairs, gain, unit, inspected)]


def _by_diversity(pairs: pd.DataFrame, gain: pd.Series, unit: str, inspected: str) -> Hypothesis:
    x, y = pairs["diversity_a"].to_numpy(np.float64), gain.to_numpy(np.float64)
    of, _ = pd.factorize(task_labels(pairs))
    whole = correlation(x, y, groups=of)
    each = [
        correlation(x[of == task], y[of == task], groups=of[of == task]) for task in np.unique(of)
    ]
    means = np.clip([task_effect.mean for task_effect in each], -_SURE, _SURE)
    zs = over_tasks(np.arctanh(means), [str(place) for place in range(len(each))])
    low, high = (None if end is None else math.tanh(end) for end in (zs.low, zs.high))
    of_tasks = Effect(math.tanh(zs.mean), low, high, zs.n)
    pooled = pool(whole, of_tasks, unit)
    missing = (
        "" if pooled.effect.low is not None else "there are too few runs of different diversity"
    )
    return Hypothesis(
        "gain_by_diversity",
        _MORE_DIVERSE,
        "correlation",
        1,
        pooled.effect,
        verdict(pooled.effect, 1),
        pooled.unit,
        missing,
        remark=f"The gain is that with {inspected} inspected.",
        independent=pooled.independent,
        independent_unit=pooled.independent_unit,
    )


def filtering_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 7: OOSF changes model accuracy little (`SMALL`) and not one way (`ONE_WAY`).

    It takes the same texts out of a run at all stages of LR, so a run's changes there count once,
    as their mean. Rows of points count as one run each.
    """
    side = frame["filtered"].to_numpy(np.int_)
    pairs = matched(frame, side, ("a", "b"), but=("filtered",))
    pairs = pairs.assign(change=pairs["model_accuracy_b"] - pairs["model_accuracy_a"])
    unit = unit_words(frame, "pairs")
    if "run_id" in frame:
        unit = unit_words(frame, "runs")
        of_run = [name for name in SAME if name in pairs and name != "inspected"]
        pairs = pairs.groupby(of_run, sort=False, dropna=False)["change"].mean().reset_index()
    change, tasks = pairs["change"].to_numpy(np.float64), task_labels(pairs)
    pooled = pool(effect(change), over_tasks(change, list(tasks)), unit)
    missing = "" if pooled.effect.n else "no result is there with and without OOSF"
    moved = np.isfinite(change) & (np.abs(change) > _EVEN)
    gains = np.where(moved, change > 0, np.nan)
    whole = Effect(math.nan, None, None, 0)
    if moved.any():
        interval = wilson(int(np.nansum(gains)), int(moved.sum()))
        whole = Effect(interval.mean, interval.low, interval.high, int(moved.sum()))
    share = pool(whole, _cut(over_tasks(gains, list(tasks))), unit)
    return [
        Hypothesis(
            "small",
            f"OOSF changes model accuracy by less than {points(SMALL).lstrip('+')} on average",
            "model_accuracy",
            0,
            pooled.effect,
            within(pooled.effect, SMALL),
            pooled.unit,
            missing,
            independent=pooled.independent,
            independent_unit=pooled.independent_unit,
        ),
        Hypothesis(
            "both_ways",
            f"less than {percent(ONE_WAY, digits=0)} of the {unit.partition(' ')[0]} that OOSF "
            "changes go one way",
            "share",
            0,
            share.effect,
            both_ways(share.effect),
            share.unit,
            missing or ("" if share.effect.n else f"OOSF changed no {counted(1, unit)[2:]}"),
            independent=share.independent,
            independent_unit=share.independent_unit,
        ),
    ]


def _cut(share: Effect) -> Effect:
    """With an interval that stays from 0 to 1."""
    if share.low is None or share.high is None:
        return share
    return Effect(share.mean, max(0.0, share.low), min(1.0, share.high), share.n)


def both_ways(share: Effect) -> Verdict:
    """Whether a share of gains, with its interval, is neither nearly none nor nearly all."""
    if share.low is None or share.high is None or share.n < 3:
        return "undecided"
    if share.low > 1 - ONE_WAY and share.high < ONE_WAY:
        return "holds"
    return "does not" if share.high < 1 - ONE_WAY or share.low > ONE_WAY else "undecided"


def correlation(x: Numbers, y: Numbers, *, groups: npt.NDArray[np.intp]) -> Effect:
    """Pearson's correlation within groups, with Fisher's interval (95%; Fisher 1921).

    Args:
        x: (n,), NaN left out.
        y: likewise.
        groups: whose means are taken off; each beyond the first costs a degree of freedom.

    Returns:
        Without interval where there are fewer than four free rows or one of both is constant.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y, groups = x[known].copy(), y[known].copy(), groups[known]
    for group in np.unique(groups):
        of = groups == group
        x[of], y[of] = x[of] - x[of].mean(), y[of] - y[of].mean()
    free = len(x) - max(0, len(np.unique(groups)) - 1)
    spread = math.sqrt(float((x**2).sum()) * float((y**2).sum()))
    if free < 4 or spread < 1e-12:
        return Effect(math.nan, None, None, len(x))
    r = min(1.0, max(-1.0, float((x * y).sum()) / spread))
    if abs(r) > 1 - 1e-12:
        return Effect(r, r, r, len(x))
    reach = 1.959963984540054 / math.sqrt(free - 3)
    low, high = (math.tanh(math.atanh(r) + side * reach) for side in (-1, 1))
    return Effect(r, low, high, len(x))
