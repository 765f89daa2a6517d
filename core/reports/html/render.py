"""A report as one HTML file that requests nothing: the template, its scripts and its policy.

Whatever comes from people or models is escaped by the template; figures stand as JSON in data
blocks, in which no character is left that could end one. The page's Content Security Policy lets
two scripts run, known by their hashes, and forbids every request.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.reports.html.blocks import Block, Section

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go

_TEMPLATES = Path(__file__).parent / "templates"


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


def data_block(value: Any) -> str:
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
