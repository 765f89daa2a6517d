"""Steps of a story: one idea each, with its words, numbers and figure."""

from dataclasses import dataclass
from typing import Literal

from core.analysis.pairs import Verdict
from core.diversity.measures.lexical import Opening

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
