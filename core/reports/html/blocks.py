"""Blocks: what a section of a report is made of, before it is HTML. Nothing here is escaped."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading within a section."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph; a small one is a note."""

    text: str
    small: bool = False
    kind: ClassVar[str] = "paragraph"


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list."""

    texts: Sequence[str]
    kind: ClassVar[str] = "bullets"


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines as they are, such as a file."""

    text: str
    kind: ClassVar[str] = "listing"


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `numeric` columns (places from 0) are aligned to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """Texts with their labels below a title."""

    title: str
    texts: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Samples:
    """Texts side by side."""

    columns: Sequence[SampleColumn]
    kind: ClassVar[str] = "samples"


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure that the page draws.

    Args:
        key: unique on the page, a-z and -.
        figure: its colours of text and background are left to the page.
        alt: what it shows, for those who can't see it.
        caption: below it.
    """

    key: str
    figure: "go.Figure"
    alt: str
    caption: str = ""
    kind: ClassVar[str] = "chart"

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.figure.layout.height or 450)


@dataclass(frozen=True, slots=True)
class Folded:
    """A block that a reader opens."""

    title: str
    block: "Block"
    kind: ClassVar[str] = "folded"


Block = Heading | Paragraph | Bullets | Listing | Table | Samples | Chart | Folded


def bullets(texts: Iterable[str]) -> list[Block]:
    """A list as blocks: none without an item."""
    items = list(texts)
    return [Bullets(items)] if items else []


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Args:
        key: its anchor, a-z and -.
        title: in sentence case.
        blocks: in order; a section without any is left out.
    """

    key: str
    title: str
    blocks: Sequence[Block]
