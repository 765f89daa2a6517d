"""The paper's findings 6 and 7, on label replacement and out-of-scope filtering, as claims."""

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from core.classification.intervals import wilson
from core.experiments.claims import Claim, of_differences, unit_words, untested
from core.experiments.naming import value_words
from core.experiments.pairs import Effect, Verdict, effect, matched, verdict, within

SMALL = 0.01
"""OOSF changes little if model accuracy changes by less than this on average: one point."""

ONE_WAY = 0.95
"""OOSF would be consistent if this share of the pairs that change went one way."""

_MORE_DIVERSE = "LR gains the more, the more diverse the data is"

Numbers = npt.NDArray[np.float64]


def replacement_claims(frame: pd.DataFrame) -> list[Claim]:
    """Finding 6: LR raises model accuracy, and the more, the more diverse the data is.

    The gain is a run's own, repaired against as generated. Its correlation with the diversity as
    generated is at the largest budget, within tasks (each task's means taken off), with Fisher's
    interval.
    """
    plain = frame[~frame["filtered"].astype(bool)]
    budgets = sorted(set(plain["inspected"]) - {"0"}, key=lambda one: (one == "all", one.zfill(9)))
    unit = unit_words(frame, "runs")
    if not budgets:
        missing = "no result is repaired by LR"
        return [
            untested("gain", "LR raises model accuracy", "model_accuracy", 1, unit, missing),
            untested("gain_by_diversity", _MORE_DIVERSE, "correlation", 1, unit, missing),
        ]
    claims = []
    for budget in budgets:
        side = np.select([plain["inspected"] == "0", plain["inspected"] == budget], [0, 1], -1)
        pairs = matched(plain, side, ("a", "b"), but=("inspected",))
        inspected = "all texts" if budget == "all" else f"{budget} texts"
        gain = pairs["model_accuracy_b"] - pairs["model_accuracy_a"]
        words = f"LR raises model accuracy with {inspected} inspected"
        missing = "" if gain.notna().any() else "no run has model accuracy before and after LR"
        claims.append(
            of_differences(f"gain_{budget}", words, "model_accuracy", 1, gain, unit, missing)
        )
    of, _ = pd.factorize(pairs["task_key"] + "\n" + pairs["task"])
    found = correlation(
        pairs["diversity_a"].to_numpy(np.float64), gain.to_numpy(np.float64), groups=of
    )
    missing = "" if found.low is not None else "there are too few runs of different diversity"
    claims.append(
        Claim(
            "gain_by_diversity",
            _MORE_DIVERSE,
            "correlation",
            1,
            found,
            verdict(found, 1),
            unit,
            missing,
            remark=f"The gain is that with {inspected} inspected.",
        )
    )
    return claims


def filtering_claims(frame: pd.DataFrame) -> list[Claim]:
    """Finding 7: OOSF changes model accuracy little (`SMALL`) and not one way (`ONE_WAY`)."""
    side = frame["filtered"].to_numpy(np.int_)
    pairs = matched(frame, side, ("a", "b"), but=("filtered",))
    change = (pairs["model_accuracy_b"] - pairs["model_accuracy_a"]).to_numpy(np.float64)
    found = effect(change)
    missing = "" if found.n else "no result is there with and without OOSF"
    moved = change[np.isfinite(change) & (np.abs(change) > 1e-12)]
    share = Effect(math.nan, None, None, 0)
    if len(moved):
        told = wilson(int((moved > 0).sum()), len(moved))
        share = Effect(told.mean, told.low, told.high, len(moved))
    return [
        Claim(
            "small",
            "OOSF changes model accuracy by less than "
            f"{value_words('model_accuracy', SMALL, signed=True).lstrip('+')} on average",
            "model_accuracy",
            0,
            found,
            within(found, SMALL),
            unit_words(frame, "pairs"),
            missing,
        ),
        Claim(
            "both_ways",
            f"less than {100 * ONE_WAY:.0f} % of the pairs that OOSF changes go one way",
            "share",
            0,
            share,
            both_ways(share),
            unit_words(frame, "pairs"),
            missing or ("" if share.n else "OOSF changed no pair"),
        ),
    ]


def both_ways(share: Effect) -> Verdict:
    """Whether a share of gains, with its interval, is neither nearly none nor nearly all."""
    if share.low is None or share.high is None or share.n < 3:
        return "undecided"
    if share.low > 1 - ONE_WAY and share.high < ONE_WAY:
        return "holds"
    return "does not" if share.high < 1 - ONE_WAY or share.low > ONE_WAY else "undecided"


def correlation(x: Numbers, y: Numbers, *, groups: npt.NDArray[np.intp]) -> Effect:
    """Pearson's correlation within groups, with Fisher's interval (95 %; Fisher 1921).

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
