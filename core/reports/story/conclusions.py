"""What a story concludes: downstream utility, the recommended setting, and the paper's claims."""

import math

import numpy as np
import pandas as pd

from core.analysis.contrasts import contrast, with_pooled_intervals
from core.analysis.findings.hypotheses import Hypothesis, as_generated
from core.analysis.findings.hypotheses import counted as counted_units
from core.analysis.findings.knobs import (
    seeding_hypotheses,
    suppression_hypotheses,
    temperature_hypotheses,
)
from core.analysis.findings.repair import replacement_hypotheses
from core.analysis.recommendation import Target, advise
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import ALL, RAW, STAGES
from core.domain.wording import capitalized, counted
from core.reports.story.conditions import StoryConditions
from core.reports.story.step import Bar, BarKind, Step, Support, basis_sentence, change_sentence

UTILITY = COLUMN["model_accuracy"]


def utility_step(conditions: StoryConditions, results: pd.DataFrame, inspected: str) -> Step:
    """Compare classifiers trained on the baseline, the most diverse and the repaired data.

    Where both are repaired alike, they are compared repaired: that shows what the knobs brought and
    not what the repair did.

    Args:
        conditions: of the story.
        results: their results.
        inspected: the stage of LR, empty without one.
    """
    bars = _bars(conditions, results, inspected)
    stage = inspected if any(bar.kind == "baseline repaired" for bar in bars) else RAW
    before, after = ((name, stage) for name in (conditions.baseline, conditions.most_diverse))
    difference = contrast(results, UTILITY.column, before, after)
    raw = as_generated(results)
    real = float(raw["oracle_accuracy"].mean())
    notes = [str(raw["classifier"].iloc[0])]
    if bars and math.isfinite(real):
        bars.append(Bar("real", "real texts", real, math.nan, math.nan))
        notes.append("Real texts: the reference classifier, trained on the reference's own texts")
    basis = basis_sentence(difference, conditions=len(as_generated(conditions.points)))
    note = ". ".join(filter(None, [*notes, basis.rstrip(".")]))
    note = f"{capitalized(note)}." if note else ""
    if not difference.known:
        sentence = "Not both sides were measured." if bars else "No classifier was trained."
        title = "Downstream utility was not measured"
        return Step("utility", title, sentence, note=note, bars=tuple(bars))
    corrected = stage != RAW
    data = "corrected diverse data" if corrected else "diverse data"
    titles = {
        "up": f"Worth it: {data} trains a better classifier",
        "down": f"Not worth it here: {data} does worse",
        "unclear": f"{capitalized(data)} shows no clear gain",
    }
    both = ", both corrected" if corrected else ""
    name = f"With the diverse data instead of the baseline{both}, accuracy on real test texts"
    sentence = change_sentence(name, UTILITY, difference)
    if math.isfinite(real):
        sentence += f" Real training texts reach {UTILITY.words(real)}."
    return Step("utility", titles[difference.direction], sentence, note=note, bars=tuple(bars))


def _bars(conditions: StoryConditions, results: pd.DataFrame, inspected: str) -> list[Bar]:
    points = with_pooled_intervals(conditions.points, results, vain=False)
    sides: list[tuple[BarKind, BarKind, str, str]] = [
        ("most_diverse", "most_diverse repaired", "diverse", conditions.most_diverse)
    ]
    if conditions.differ:
        sides.insert(0, ("baseline", "baseline repaired", "baseline", conditions.baseline))
    wanted = [(kind, name, condition, RAW) for kind, _, name, condition in sides]
    if inspected:
        few = "all inspected" if inspected == ALL else f"{inspected} inspected"
        wanted += [
            (kind, f"{name}, {few}", condition, inspected) for _, kind, name, condition in sides
        ]
    bars = []
    for kind, name, condition, stage in wanted:
        rows = points[
            (points["condition"] == condition)
            & (points["inspected"] == stage)
            & ~points["filtered"].astype(bool)
        ]
        for value, low, high in rows[
            [f"{UTILITY.column}{end}" for end in ("", "_low", "_high")]
        ].itertuples(index=False):
            if math.isfinite(value):
                bars.append(Bar(kind, name, value, low, high))
    return bars


def recommendation_step(points: pd.DataFrame, results: pd.DataFrame, inspected: str) -> Step:
    """The point with the highest utility that inspects no more texts than the story does.

    Args:
        points: those of the story's conditions.
        results: theirs.
        inspected: the stage of LR that the story speaks of; empty without one.
    """
    support = supported_hypotheses(results, inspected)
    limit = int(inspected) if inspected.isdecimal() else None
    advice = advise(points, Target(inspected=limit))
    best = advice.best
    if best is None:
        title = "Recommended setting: not measured"
        return Step("recommendation", title, advice.sentence, support=support)
    measured = np.isfinite(points[UTILITY.column].to_numpy(np.float64)).any()
    metric = UTILITY if measured else COLUMN["diversity"]
    estimate = best.metrics[metric.column]
    scope = (
        f"Inspecting at most {counted(limit, 'text')}" if limit is not None else "Of all measured"
    )
    words = metric.estimate_words(estimate.value, estimate.low, estimate.high)
    sentence = f"{scope}, {best.condition}, {best.repair}, has the highest {metric.noun}: {words}."
    other = advice.runner_up
    if other is not None:
        value = metric.words(other.metrics[metric.column].value)
        sentence += f" Next: {other.condition}, {other.repair}, {value}."
    size = f" of {best.n:,.0f} texts" if best.n is not None else ""
    stages = "; ".join(
        f"{stage.short}: {stage.for_stakeholders}" for stage in STAGES if stage.short in sentence
    )
    note = (
        f"The best of {counted(len(points), 'measured point')} is partly chance (winner's curse): "
        f"expect slightly less from a new run. Based on {counted(best.repeats, 'run')}{size}."
        + (f" {stages}." if stages else "")
    )
    return Step("recommendation", "Recommended setting", sentence, note=note, support=support)


def supported_hypotheses(results: pd.DataFrame, inspected: str) -> tuple[Support, ...]:
    """The paper's claims that these results can test, on all pairs that differ in one thing alone.

    Args:
        results: of one task, encoder and classifier.
        inspected: the stage of LR that the story speaks of; empty without one.
    """
    # The paper is about these knobs and label replacement, so they are named.
    hypotheses = [
        *suppression_hypotheses(results)[:2],
        *temperature_hypotheses(results)[:2],
        *seeding_hypotheses(results),
        *(
            hypothesis
            for hypothesis in replacement_hypotheses(results)
            if hypothesis.name in (f"gain_{inspected}", "gain_all")
        ),
    ]
    return tuple(_support(hypothesis) for hypothesis in hypotheses if not hypothesis.missing)


def _support(hypothesis: Hypothesis) -> Support:
    effect, metric = hypothesis.effect, COLUMN[hypothesis.measure]
    interval = "too few for an interval"
    if effect.low is not None and effect.high is not None:
        interval = metric.difference_interval_words(effect.low, effect.high)
    return Support(
        capitalized(hypothesis.words),
        hypothesis.verdict,
        "" if math.isnan(effect.mean) else metric.difference_words(effect.mean),
        interval,
        counted_units(effect.n, hypothesis.unit),
    )
