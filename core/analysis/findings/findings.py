"""The replication card: which of the paper's findings hold for our results."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import Hypothesis, counted
from core.analysis.findings.knobs import (
    combination_hypotheses,
    seeding_hypotheses,
    suppression_hypotheses,
    temperature_hypotheses,
)
from core.analysis.findings.regression import regression_hypotheses
from core.analysis.findings.repair import filtering_hypotheses, replacement_hypotheses
from core.analysis.frames.paper import (
    AVERAGE,
    FOUR,
    paper_conditions,
    paper_filtering,
    paper_label_replacement,
    task_keys,
)
from core.analysis.pairs import Verdict
from core.analysis.regression import PAPER_COEFFICIENTS
from core.domain.registries.metrics import COLUMN
from core.domain.wording import listed, percent

FINDING_TITLES: Mapping[int, str] = {
    1: "Logit suppression raises diversity and lowers label accuracy and similarity",
    2: "High temperature raises diversity and lowers label accuracy, less than suppression does",
    3: "Each alone raises model accuracy; together the benefits do not add up",
    4: "Seeding with real examples raises diversity and model accuracy",
    5: "Label accuracy, diversity and similarity each go with higher model accuracy",
    6: "Label replacement raises model accuracy, the more the more diverse the data",
    7: "Out-of-scope filtering changes little, and not consistently",
}
"""The paper's findings by number; the eighth is a failure to be looked at, not a hypothesis."""

HYPOTHESES: Mapping[int, Callable[[pd.DataFrame], list[Hypothesis]]] = {
    1: suppression_hypotheses,
    2: temperature_hypotheses,
    3: combination_hypotheses,
    4: seeding_hypotheses,
    6: replacement_hypotheses,
    7: filtering_hypotheses,
}
"""By the number of the finding; the fifth is a regression."""

POOLED = (
    "Results of one task are alike, so over several tasks each counts once: an effect is the mean "
    "of the tasks' own, its interval Student's t over them (Ibragimov and Müller 2010), and fewer "
    "than three tasks decide nothing. Beside it stands what comes out if all were independent, "
    "which is too narrow."
)

EIGHT = "the eight tasks"


@dataclass(frozen=True, slots=True)
class Finding:
    """What our results say of one finding.

    Args:
        number: 1 to 7, as in the paper's summary.
        title: what it says.
        verdict: `holds` if all hypotheses that count and can be tested hold; `does not` if one
            does not; else undecided.
        sentence: the verdict with what it rests on.
        hypotheses: its parts on our results, each with the paper's effect.
        paper_of: which of the paper's values these are.
        missing: what can't be tested with these results, and why; empty if all can.
        notes: further sentences.
    """

    number: int
    title: str
    verdict: Verdict
    sentence: str
    hypotheses: tuple[Hypothesis, ...]
    paper_of: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def heading(self) -> str:
        """Number and title."""
        return f"{self.number}. {self.title}"

    @property
    def tested(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that these results can test."""
        return tuple(hypothesis for hypothesis in self.hypotheses if not hypothesis.missing)

    @property
    def deciding(self) -> tuple[Hypothesis, ...]:
        """Those of them that the verdict depends on."""
        return tuple(hypothesis for hypothesis in self.hypotheses if hypothesis.decides)


def card(results: pd.DataFrame) -> list[Finding]:
    """Findings 1 to 7, tested on results of one task, or over several (`pairs.over_tasks`).

    Args:
        results: a results frame, filtered to the tasks and the models that are meant; or a points
            frame, of which each row then counts as one run.
    """
    frame = results.assign(inspected=results["inspected"].astype(str))
    names = {key: name for name, key in task_keys().items()}
    ours = sorted(names[key] for key in set(frame["task_key"]) if key in names)
    tasks = frame[["task_key", "task"]].drop_duplicates()
    notes = (POOLED,) if len(tasks) > 1 else ()
    findings = []
    for number in FINDING_TITLES:
        if number == 5:
            regressed = regression_hypotheses(frame)
            of = "its table; specification not stated"
            every_note = (*regressed.notes, *notes)
            findings.append(_finding(5, regressed.hypotheses, PAPER_COEFFICIENTS, of, every_note))
            continue
        hypotheses = tuple(HYPOTHESES[number](frame))
        paper, of = _paper_effects(number, tuple(ours))
        findings.append(_finding(number, hypotheses, paper, of, notes))
    return findings


@cache
def _paper_effects(number: int, ours: tuple[str, ...]) -> tuple[dict[str, float | None], str]:
    if number in (6, 7):
        frame = paper_label_replacement() if number == 6 else paper_filtering()
        of = f"means of {EIGHT}" if number == 6 else FOUR
        by_name = {hypothesis.name: hypothesis for hypothesis in HYPOTHESES[number](frame)}
    else:
        of = listed(ours) if ours and len(ours) < 8 else EIGHT
        by_name = {
            hypothesis.name: hypothesis
            for hypothesis in HYPOTHESES[number](paper_conditions(*ours))
        }
        for hypothesis in HYPOTHESES[number](paper_conditions(AVERAGE)):
            if math.isnan(
                by_name[hypothesis.name].effect.mean
            ):  # similarity is read off the means alone
                by_name[hypothesis.name] = hypothesis
    means = {name: hypothesis.effect.mean for name, hypothesis in by_name.items()}
    return {name: None if math.isnan(mean) else mean for name, mean in means.items()}, of


def _finding(
    number: int,
    hypotheses: tuple[Hypothesis, ...],
    paper: Mapping[str, float | None],
    of: str,
    notes: tuple[str, ...],
) -> Finding:
    hypotheses = tuple(
        replace(hypothesis, paper=paper.get(hypothesis.name)) for hypothesis in hypotheses
    )
    tested = [hypothesis for hypothesis in hypotheses if not hypothesis.missing]
    verdicts = {hypothesis.verdict for hypothesis in hypotheses if hypothesis.decides}
    overall: Verdict = "undecided"
    if "does not" in verdicts:
        overall = "does not"
    elif verdicts == {"holds"}:
        overall = "holds"
    heading = {
        "holds": "Holds here",
        "does not": "Does not hold here",
        "undecided": "Undecided",
    }[overall]
    reasons = "; ".join(map(_hypothesis_words, tested)) or hypotheses[0].missing
    remarks = dict.fromkeys(hypothesis.remark for hypothesis in tested if hypothesis.remark)
    return Finding(
        number,
        FINDING_TITLES[number],
        overall,
        f"{heading}: {reasons}.",
        hypotheses,
        of,
        tuple(
            f"It can't be tested whether {hypothesis.words}: {hypothesis.missing}."
            for hypothesis in hypotheses
            if hypothesis.missing
        ),
        (*remarks, *notes),
    )


def _hypothesis_words(hypothesis: Hypothesis) -> str:
    effect, paper = hypothesis.effect, hypothesis.paper
    ends = "no interval"
    if effect.low is not None and effect.high is not None:
        unit = _value(hypothesis, 0.0).partition(" ")[2]  # told once, with the mean
        ends = " to ".join(
            _value(hypothesis, end).removesuffix(f" {unit}") for end in (effect.low, effect.high)
        )
    beside = f", paper {_value(hypothesis, paper)}" if paper is not None else ""
    return (
        f"{hypothesis.words}: {hypothesis.verdict} ({_value(hypothesis, effect.mean)}, {ends}, "
        f"{counted(effect.n, hypothesis.unit)}{beside})"
    )


def _value(hypothesis: Hypothesis, value: float) -> str:
    if hypothesis.measure == "share":
        return f"{percent(value, digits=0)} gains"
    if hypothesis.measure in ("correlation", "coefficient"):
        return f"{np.round(value, 2) + 0.0:+.2f}"
    return COLUMN[hypothesis.measure].difference_words(value)
