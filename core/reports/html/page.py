"""A report as one HTML file that requests nothing: its blocks, template, scripts and policy.

Blocks are what a section is made of; nothing in them is escaped. Whatever comes from people or
models is escaped by the template; figures stand as JSON in data
blocks, in which no character is left that could end one. The page's Content Security Policy lets
two scripts run, known by their hashes, and forbids every request.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go

_TEMPLATES = Path(__file__).parent / "templates"


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


def render(
    title: str,
    sections: Sequence[Section],
    *,
    lead: str = "",
    facts: Sequence[tuple[str, str]] = (),
    intro: Sequence[Block] = (),
) -> str:
    """The whole file.

    Args:
        title: of the page.
        sections: in order; those without a block are left out.
        lead: a sentence in larger type.
        facts: (name, value) pairs below it.
        intro: blocks above the table of contents.
    """
    from plotly.offline import get_plotlyjs

    library, script = get_plotlyjs(), _read("report.js")
    if "</script" in library.lower():
        raise ValueError("plotly.js would end its own script tag")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(script)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    return _template().render(
        title=title,
        lead=lead,
        facts=facts,
        intro=intro,
        sections=[section for section in sections if section.blocks],
        policy=policy,
        style=_read("report.css"),
        library=library,
        script=script,
    )


def figure_data(figure: "go.Figure") -> str:
    """A figure as JSON for a data block.

    It is without plotly's own template, so that the page's colours hold, and without WebGL, which
    needs code made of text.
    """
    drawn = json.loads(figure.to_json() or "{}")
    drawn.get("layout", {}).pop("template", None)
    for trace in drawn.get("data", []):
        if trace.get("type") == "scattergl":
            trace["type"] = "scatter"
    return data_block({"data": drawn.get("data", []), "layout": drawn.get("layout", {})})


def data_block(value: object) -> str:
    """JSON that can stand between script tags: nothing in it ends or begins a tag or a comment."""
    written = json.dumps(value)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["figure_data"] = figure_data
    return environment.get_template("report.html.j2")


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text("utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
