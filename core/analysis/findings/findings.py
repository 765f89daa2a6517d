"""The replication card: which of the paper's findings hold for our results."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from core.analysis.findings.hypotheses import Claim, counted
from core.analysis.findings.knobs import (
    seeding_claims,
    suppression_claims,
    temperature_claims,
    together_claims,
)
from core.analysis.findings.regression import regression_claims
from core.analysis.findings.repair import filtering_claims, replacement_claims
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
from core.domain.metrics import COLUMN
from core.domain.wording import listed, percent

TITLES_OF: Mapping[int, str] = {
    1: "Logit suppression raises diversity and lowers label accuracy and similarity",
    2: "High temperature raises diversity and lowers label accuracy, less than suppression does",
    3: "Each alone raises model accuracy; together the benefits do not add up",
    4: "Seeding with real examples raises diversity and model accuracy",
    5: "Label accuracy, diversity and similarity each go with higher model accuracy",
    6: "Label replacement raises model accuracy, the more the more diverse the data",
    7: "Out-of-scope filtering changes little, and not consistently",
}
"""The paper's findings by number; the eighth is a failure to be looked at, not a claim."""

CLAIMS: Mapping[int, Callable[[pd.DataFrame], list[Claim]]] = {
    1: suppression_claims,
    2: temperature_claims,
    3: together_claims,
    4: seeding_claims,
    6: replacement_claims,
    7: filtering_claims,
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
        title: the claim.
        verdict: `holds` if all claims that count and can be tested hold; `does not` if one of them
            does not; else undecided.
        sentence: the verdict with what it rests on.
        claims: its parts on our results.
        paper: the paper's effect by the claim's name, None where it is not known.
        paper_of: which of the paper's values these are.
        missing: what can't be tested with these results, and why; empty if all can.
        notes: further sentences.
    """

    number: int
    title: str
    verdict: Verdict
    sentence: str
    claims: tuple[Claim, ...]
    paper: Mapping[str, float | None]
    paper_of: str
    missing: tuple[str, ...]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: the paper's effect stands with each claim, as `paper`."""
        return {
            "finding": self.number,
            "title": self.title,
            "verdict": self.verdict,
            "sentence": self.sentence,
            "claims": [
                {**claim.to_dict(), "paper": self.paper.get(claim.name)} for claim in self.claims
            ],
            "paper_of": self.paper_of,
            "missing": list(self.missing),
            "notes": list(self.notes),
        }


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
    found = []
    for number in TITLES_OF:
        if number == 5:
            told = regression_claims(frame)
            of = "its table; specification not stated"
            found.append(
                _finding(5, told.claims, dict(PAPER_COEFFICIENTS), of, (*told.notes, *notes))
            )
            continue
        claims = tuple(CLAIMS[number](frame))
        paper, of = _paper_effects(number, tuple(ours))
        found.append(_finding(number, claims, paper, of, notes))
    return found


@cache
def _paper_effects(number: int, ours: tuple[str, ...]) -> tuple[dict[str, float | None], str]:
    if number in (6, 7):
        frame = paper_label_replacement() if number == 6 else paper_filtering()
        of = f"means of {EIGHT}" if number == 6 else FOUR
        told = {claim.name: claim for claim in CLAIMS[number](frame)}
    else:
        of = listed(ours) if ours and len(ours) < 8 else EIGHT
        told = {claim.name: claim for claim in CLAIMS[number](paper_conditions(*ours))}
        for claim in CLAIMS[number](paper_conditions(AVERAGE)):
            if math.isnan(told[claim.name].effect.mean):  # similarity is read off the means alone
                told[claim.name] = claim
    means = {name: claim.effect.mean for name, claim in told.items()}
    return {name: None if math.isnan(mean) else mean for name, mean in means.items()}, of


def _finding(
    number: int,
    claims: tuple[Claim, ...],
    paper: Mapping[str, float | None],
    of: str,
    notes: tuple[str, ...],
) -> Finding:
    counted = [claim for claim in claims if claim.counts and not claim.missing]
    verdicts = {claim.verdict for claim in counted}
    overall: Verdict = "undecided"
    if "does not" in verdicts:
        overall = "does not"
    elif verdicts == {"holds"}:
        overall = "holds"
    missing = tuple(
        f"It can't be tested whether {claim.words}: {claim.missing}."
        for claim in claims
        if claim.missing
    )
    told_of = (claim.remark for claim in claims if claim.remark and not claim.missing)
    remarks = tuple(dict.fromkeys(told_of))
    told = "; ".join(_claim_words(one, paper.get(one.name)) for one in claims if not one.missing)
    said = {
        "holds": "Holds here",
        "does not": "Does not hold here",
        "undecided": "Undecided",
    }[overall]
    sentence = f"{said}: {told}." if told else f"{said}: {claims[0].missing}."
    return Finding(
        number,
        TITLES_OF[number],
        overall,
        sentence,
        claims,
        {claim.name: paper.get(claim.name) for claim in claims},
        of,
        missing,
        (*remarks, *notes),
    )


def _claim_words(claim: Claim, paper: float | None) -> str:
    found = claim.effect
    ends = "no interval"
    if found.low is not None and found.high is not None:
        unit = _value(claim, 0.0).partition(" ")[2]  # told once, with the mean
        ends = " to ".join(
            _value(claim, end).removesuffix(f" {unit}") for end in (found.low, found.high)
        )
    beside = f", paper {_value(claim, paper)}" if paper is not None else ""
    return (
        f"{claim.words}: {claim.verdict} ({_value(claim, found.mean)}, {ends}, "
        f"{counted(found.n, claim.unit)}{beside})"
    )


def _value(claim: Claim, value: float) -> str:
    if claim.measure == "share":
        return f"{percent(value, digits=0)} gains"
    if claim.measure in ("correlation", "coefficient"):
        return f"{np.round(value, 2) + 0.0:+.2f}"
    return COLUMN[claim.measure].difference_words(value)
