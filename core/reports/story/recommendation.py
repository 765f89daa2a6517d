"""Standing: where to stand at the end of a story, and what its data supports and what not."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import Claim, counted
from core.analysis.findings.knobs import seeding_claims, suppression_claims, temperature_claims
from core.analysis.findings.repair import replacement_claims
from core.analysis.naming import TITLES, interval_words, value_words
from core.analysis.pairs import Verdict
from core.analysis.recommendation import Target, advise
from core.reports.story.wording import between_words, run_words


@dataclass(frozen=True, slots=True)
class Support:
    """A claim of the paper, and what these data say of it.

    Args:
        words: the claim.
        verdict: whether it holds here.
        effect: the mean difference, in words.
        between: its interval, in words.
        n: what the interval is over: "8 pairs of runs".
    """

    words: str
    verdict: Verdict
    effect: str
    between: str
    n: str


def standing(points: pd.DataFrame, inspected: str) -> tuple[str, str, str]:
    """Title, sentence and note: which point has most of what counts, within the budget.

    Args:
        points: those of a cast.
        inspected: the stage of LR that the story speaks of; empty without one. No more texts are to
            be looked at than at it.
    """
    limit = int(inspected) if inspected.isdecimal() else None
    found = advise(points, Target(inspected=limit))
    best = found.best
    if best is None:
        return "Where to stand: not measured", found.sentence, ""
    measured = np.isfinite(points["model_accuracy"].to_numpy(np.float64)).any()
    aim = "model_accuracy" if measured else "diversity"
    metric = best.metrics[aim]
    within = f"With a look at {limit} texts at most" if limit is not None else "Of all measured"
    said = f"{within}, {best.condition}, {best.repair}, has the highest {TITLES[aim]}"
    said += f": {value_words(aim, metric['value'])}"
    said += (
        "."
        if metric["low"] is None
        else f" ({interval_words(aim, metric['low'], metric['high'])})."
    )
    other = found.runner_up
    if other is not None:
        its = value_words(aim, other.metrics[aim]["value"])
        said += f" Next: {other.condition}, {other.repair}, {its}."
    size = f" of {best.n:,.0f} texts" if best.n is not None else ""
    note = (
        f"The best of {len(points)} measured points is partly so by luck: expect a little less of "
        f"a new run. It rests on {run_words(best.repeats)}{size}."
    )
    return "Where to stand", said, note


def supported(results: pd.DataFrame, inspected: str) -> tuple[Support, ...]:
    """The paper's claims that these results can test, on all pairs that differ in one thing alone.

    Args:
        results: of one task, encoder and classifier.
        inspected: the stage of LR that the story speaks of; empty without one.
    """
    claims = [
        *suppression_claims(results)[:2],
        *temperature_claims(results)[:2],
        *seeding_claims(results),
        *(
            one
            for one in replacement_claims(results)
            if one.name in (f"gain_{inspected}", "gain_all")
        ),
    ]
    return tuple(_support(one) for one in claims if not one.missing)


def _support(claim: Claim) -> Support:
    found = claim.effect
    between = "too few for an interval"
    if found.low is not None and found.high is not None:
        between = between_words(claim.measure, found.low, found.high)
    effect = (
        value_words(claim.measure, found.mean, signed=True) if not math.isnan(found.mean) else ""
    )
    return Support(
        f"{claim.words[:1].upper()}{claim.words[1:]}",
        claim.verdict,
        effect,
        between,
        counted(found.n, claim.unit),
    )
