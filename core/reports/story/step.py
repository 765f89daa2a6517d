"""Steps of a story: one idea each, with its words, numbers and figure."""

from dataclasses import dataclass
from typing import Literal

from core.diversity.measures.lexical import Opening
from core.reports.story.downstream_utility import Bar
from core.reports.story.recommendation import Support

Kind = Literal["samples", "openings", "beside", "frontier", "repairs", "worth", "standing"]
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
class Step:
    """One idea; nothing in it is escaped.

    Args:
        kind: which figure belongs to it.
        title: the idea; it claims nothing that the data does not support.
        sentence: what the numbers say.
        numbers: the few that count.
        note: in small type: what it rests on.
        left: texts of the narrow condition, for "samples" and "beside".
        right: of the wide one.
        openings: for "openings", the commonest first.
        texts: of how many these are.
        bars: for "worth".
        support: for "standing".
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
