"""The paper's findings 1 to 4, on its knobs, as hypotheses.

A hypothesis compares pairs or squares of results as generated that differ in its subject alone
(`core.analysis.pairs`). The same functions read the paper's own values and ours.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pandas as pd

from core.analysis.findings.hypotheses import (
    Hypothesis,
    as_generated,
    difference_hypothesis,
    unit_words,
)
from core.analysis.pairs import factorial_cells, knob_pairs, levels, task_labels
from core.domain.registries.knobs import KNOB
from core.domain.registries.metrics import COLUMN

_KNOB_WORDS: Mapping[str, str] = {
    "suppression": "logit suppression",
    "temperature": "high temperature",
    "seeding": "seeding with real examples",
}


def suppression_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 1: suppression raises diversity and lowers label accuracy and similarity."""
    return _knob_hypotheses(
        frame, "suppression", {"diversity": 1, "label_accuracy": -1, "similarity": -1}
    )


def temperature_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 2: so does high temperature with diversity and label accuracy, but less.

    "Less" is suppression alone against temperature alone, all else alike. It counts for diversity;
    for label accuracy it is only shown, as the paper's own figures don't separate the two there.
    """
    squares = factorial_cells(as_generated(frame))
    hypotheses = _knob_hypotheses(frame, "temperature", {"diversity": 1, "label_accuracy": -1})
    sides: list[tuple[str, Literal[1, -1]]] = [("diversity", 1), ("label_accuracy", -1)]
    for metric, direction in sides:
        more = "raises" if direction > 0 else "lowers"
        hypotheses.append(
            difference_hypothesis(
                f"{metric}_less",
                f"suppression alone {more} {COLUMN[metric].noun} more than temperature alone",
                metric,
                direction,
                squares[f"{metric}_01"] - squares[f"{metric}_10"],
                unit_words(frame, "squares"),
                _square_missing(squares),
                pairs=squares,
                counts=metric == "diversity",
            )
        )
    return hypotheses


def combination_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 3: suppression and temperature raise model accuracy, and don't add up."""
    squares = factorial_cells(as_generated(frame))
    both, heat, bias, none = (squares[f"model_accuracy_{at}"] for at in ("11", "10", "01", "00"))
    effects: list[tuple[str, str, Literal[1, -1], pd.Series]] = [
        ("suppression_alone", "suppression alone raises model accuracy", 1, bias - none),
        ("temperature_alone", "high temperature alone raises model accuracy", 1, heat - none),
        (
            "interaction",
            "both together raise model accuracy by less than the sum of each alone",
            -1,
            both - heat - bias + none,
        ),
    ]
    return [
        difference_hypothesis(
            name,
            words,
            "model_accuracy",
            direction,
            differences,
            unit_words(frame, "squares"),
            _square_missing(squares),
            pairs=squares,
        )
        for name, words, direction, differences in effects
    ]


def seeding_hypotheses(frame: pd.DataFrame) -> list[Hypothesis]:
    """Finding 4: seeding with real examples raises diversity and model accuracy.

    All seeded runs of one seed share their examples, so that few draws of these stand behind many
    pairs; a remark says so.
    """
    hypotheses = _knob_hypotheses(frame, "seeding", {"diversity": 1, "model_accuracy": 1})
    pairs = knob_pairs(as_generated(frame), "seeding")
    if "seed" not in pairs or not len(pairs):
        return hypotheses
    draws = int(pairs.groupby(task_labels(pairs))["seed"].nunique().max())
    each = " of each task" if task_labels(pairs).nunique() > 1 else ""
    words = f"{draws} draws" if draws > 1 else "1 draw"
    remark = f"Runs of one seed share their seed examples: the pairs{each} rest on {words} of them."
    return [replace(hypothesis, remark=remark) for hypothesis in hypotheses]


def _knob_hypotheses(
    frame: pd.DataFrame, knob: str, directions: Mapping[str, Literal[1, -1]]
) -> list[Hypothesis]:
    frame = as_generated(frame)
    pairs = knob_pairs(frame, knob)
    missing = "" if len(pairs) else f"no two results differ in {KNOB[knob].title.lower()} alone"
    between = _between(frame, knob)
    return [
        difference_hypothesis(
            metric,
            f"{_KNOB_WORDS[knob]}{between} {'raises' if direction > 0 else 'lowers'} "
            f"{COLUMN[metric].noun}",
            metric,
            direction,
            pairs[f"{metric}_b"] - pairs[f"{metric}_a"],
            unit_words(frame, "pairs"),
            missing,
            pairs=pairs,
        )
        for metric, direction in directions.items()
    ]


def _between(frame: pd.DataFrame, knob: str) -> str:
    pairs = {levels(part, knob) for _, part in frame.groupby(["task_key", "task"], sort=False)}
    both = [pair for pair in pairs if pair]
    return f" ({both[0][0]:g} to {both[0][1]:g})" if len(both) == 1 else ""


def _square_missing(squares: pd.DataFrame) -> str:
    return "" if len(squares) else "no results cross two temperatures with suppression off and on"
