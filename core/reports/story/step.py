"""Steps of a story: one idea each, with its words, numbers and figure.

The sentences say a difference, its basis and a knob; nothing is escaped.
"""

import re
from dataclasses import dataclass
from typing import Literal

from core.analysis.contrasts import Contrast
from core.analysis.pairs import Verdict
from core.diversity.measures.lexical import Opening
from core.domain.registries.knob import Knob
from core.domain.registries.metrics import Metric
from core.domain.wording import counted

Kind = Literal[
    "samples", "openings", "side_by_side", "frontier", "repairs", "utility", "recommendation"
]
BarKind = Literal["baseline", "most_diverse", "baseline repaired", "most_diverse repaired", "real"]
Text = tuple[str, str]
"""A text and its label."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number in large type.

    Args:
        name: what it is.
        value: in words.
        detail: its interval, or what it was before; may be empty.
    """

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """The data a classifier was trained on, and its accuracy on real test texts (0 to 1).

    Args:
        kind: which data.
        name: in words.
        value: the mean over runs.
        low: lower end of its 95% interval; NaN without one.
        high: upper end.
    """

    kind: BarKind
    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Support:
    """A claim of the paper, and what these data say of it.

    Args:
        claim: in words.
        verdict: whether it holds here.
        effect: the mean difference, in words.
        interval: its interval, in words.
        n: what the interval is over: "8 pairs of runs".
    """

    claim: str
    verdict: Verdict
    effect: str
    interval: str
    n: str


@dataclass(frozen=True, slots=True)
class Step:
    """One idea; nothing in it is escaped.

    Args:
        kind: which figure belongs to it.
        title: the idea; it claims nothing that the data does not support.
        sentence: what the numbers say.
        numbers: the few that count.
        note: in small type: what it is based on.
        left: texts of the baseline, for "samples" and "side_by_side".
        right: of the most diverse condition.
        openings: for "openings", the most common first.
        texts: of how many texts these are.
        bars: for "utility".
        support: for "recommendation".
    """

    kind: Kind
    title: str
    sentence: str
    numbers: tuple[Number, ...] = ()
    note: str = ""
    left: tuple[Text, ...] = ()
    right: tuple[Text, ...] = ()
    openings: tuple[Opening, ...] = ()
    texts: int = 0
    bars: tuple[Bar, ...] = ()
    support: tuple[Support, ...] = ()


def change_sentence(name: str, metric: Metric, difference: Contrast) -> str:
    """A sentence on a difference, as far as its interval supports it."""
    if not difference.known:
        return f"{name} was not measured on both sides."
    before, after = difference.before, difference.after
    ends = f"{metric.words(before)} to {metric.words(after)}"
    change = metric.change_words(before, after)
    if difference.low is None or difference.high is None:
        return f"{name} changes from {ends} ({change}); there are too few runs for an interval."
    interval = metric.difference_interval_words(difference.low, difference.high)
    if difference.direction == "unclear":
        return f"{name} changes from {ends}: {change}, but the interval ({interval}) includes 0."
    verb = "rises" if difference.direction == "up" else "falls"
    return f"{name} {verb} from {ends}: {change} ({interval})."


def basis_sentence(difference: Contrast, *, conditions: int) -> str:
    """Where the interval is from, or why there is none; empty where nothing was measured.

    Args:
        difference: whose interval it is.
        conditions: how many there are whose repeats the spread is of.
    """
    runs = counted(difference.runs, "run")
    if difference.basis == "repeats":
        return (
            f"Intervals are 95%, from the spread among the repeats of all {conditions} settings; "
            f"{runs} per side."
        )
    if difference.basis == "texts":
        return (
            f"Intervals are 95%, from the texts of {runs} per side: another seed may give a "
            "different result."
        )
    if difference.runs and difference.known:
        verb = "is" if difference.runs == 1 else "are"
        return f"{runs} per side {verb} too few for an interval."
    return ""


def knob_words(knob: Knob) -> str:
    """A knob explained in half a sentence: "T = temperature: higher is more varied"."""
    clause = re.split(r"[:;.]", knob.help)[0]
    letter = re.match(r"[A-Z](?= )", knob.short)
    name = f"{letter[0]} = {knob.title.lower()}" if letter else knob.title.lower()
    return f"{name}: {clause[:1].lower()}{clause[1:]}"
