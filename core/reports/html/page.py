"""A report's page: one HTML file that asks nobody for anything, its parts and how they look.

Whatever comes from people or models passes `escaped`; figures stand as JSON in data blocks, in
which no character is left that could end one. The page's own policy (Content Security Policy) lets
two scripts run, known by their hashes, and forbids every request.
"""

import base64
import hashlib
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page.

    Args:
        key: its anchor, a-z and -.
        title: not escaped yet.
        body: HTML.
    """

    key: str
    title: str
    body: str


def escaped(words: object) -> str:
    """Anything as text of HTML or of an attribute in quotes."""
    return html.escape(str(words), quote=True)


def paragraph(words: str, *, quiet: bool = False) -> str:
    """A paragraph; quiet ones are small print."""
    return f'<p class="quiet">{escaped(words)}</p>' if quiet else f"<p>{escaped(words)}</p>"


def items(words: Iterable[str]) -> str:
    """A list; nothing without an item."""
    rows = "".join(f"<li>{escaped(one)}</li>" for one in words)
    return f"<ul>{rows}</ul>" if rows else ""


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()
) -> str:
    """A table.

    Args:
        head: the columns' names.
        rows: cells as text.
        numbers: places of the columns that are set to the right.
    """

    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if place in numbers else ''}>{escaped(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return (
        f'<div class="wide"><table><thead><tr>{cells("th", head)}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def listing(words: str) -> str:
    """Lines as they are, such as a file."""
    return f"<pre>{escaped(words)}</pre>"


def folded(title: str, body: str) -> str:
    """HTML that a reader opens."""
    return f"<details><summary>{escaped(title)}</summary>{body}</details>"


def figure(key: str, drawn: "go.Figure", *, alt: str, caption: str = "") -> str:
    """A figure that the page draws.

    Args:
        key: unique on the page, a-z and -.
        drawn: the figure; its colours of text and background are left to the page.
        alt: what it shows, for those who can't see it.
        caption: below it.
    """
    told = f"<figcaption>{escaped(caption)}</figcaption>" if caption else ""
    height = drawn.layout.height or 450
    return (
        f'<figure><div class="chart" id="{key}" role="img" aria-label="{escaped(alt)}" '
        f'style="min-height:{int(height)}px"></div>'
        f'<script type="application/json" id="{key}-data">{data_block(_plain(drawn))}</script>'
        f"{told}</figure>"
    )


def data_block(value: Any) -> str:
    """JSON that can stand between script tags: nothing in it ends or begins a tag or a comment."""
    written = value if isinstance(value, str) else json.dumps(value)
    for character in "<>&\u2028\u2029":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return written


def page(title: str, intro: str, sections: Sequence[Section]) -> str:
    """The whole file.

    Args:
        title: not escaped yet.
        intro: HTML above the table of contents.
        sections: in order.
    """
    from plotly.offline import get_plotlyjs

    library, ours = get_plotlyjs(), _SCRIPT
    if "</script" in library.lower():
        raise ValueError("plotly.js would end its own script tag")
    policy = (
        f"default-src 'none'; script-src {_hash(library)} {_hash(ours)}; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    contents = "".join(
        f'<li><a href="#{one.key}">{escaped(one.title)}</a></li>' for one in sections
    )
    body = "".join(
        f'<section id="{one.key}"><h2>{escaped(one.title)}</h2>{one.body}</section>'
        for one in sections
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(title)}</title><style>{_LOOK}</style></head><body><main>"
        f"<h1>{escaped(title)}</h1>{intro}"
        f'<nav aria-label="Contents"><ol>{contents}</ol></nav>{body}</main>'
        f"<script>{library}</script><script>{ours}</script></body></html>\n"
    )


def _plain(drawn: "go.Figure") -> str:
    """The figure as JSON without plotly's own look, and without WebGL, which needs code made of
    text."""
    told = json.loads(drawn.to_json() or "{}")
    told.get("layout", {}).pop("template", None)
    for trace in told.get("data", []):
        if trace.get("type") == "scattergl":
            trace["type"] = "scatter"
    return json.dumps({"data": told.get("data", []), "layout": told.get("layout", {})})


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


_SCRIPT = """
(function () {
  'use strict';
  const charts = Array.from(document.querySelectorAll('.chart'));
  const look = function () {
    const style = getComputedStyle(document.body);
    return {
      'font.color': style.color, 'font.family': style.fontFamily,
      'hoverlabel.bgcolor': style.getPropertyValue('--raised').trim(),
      'hoverlabel.font.color': style.color, 'hoverlabel.bordercolor': 'rgba(128,128,128,0.6)',
      'modebar.bgcolor': 'rgba(0,0,0,0)', 'modebar.color': 'rgba(128,128,128,0.7)',
      'modebar.activecolor': style.color
    };
  };
  const draw = function (chart) {
    const told = JSON.parse(document.getElementById(chart.id + '-data').textContent);
    const layout = Object.assign({ autosize: true }, told.layout);
    if (!layout.dragmode) { layout.dragmode = 'zoom'; }
    return Plotly.newPlot(chart, told.data, layout, {
      responsive: true, displaylogo: false,
      modeBarButtonsToRemove: ['select2d', 'lasso2d', 'autoScale2d']
    }).then(function () { return Plotly.relayout(chart, look()); })
      .then(function () { chart.dataset.drawn = 'yes'; });
  };
  const again = function (more) {
    charts.forEach(function (chart) {
      if (chart.dataset.drawn) { Plotly.relayout(chart, Object.assign(look(), more)); }
    });
  };
  // One after the other from the top, so that the page can be read meanwhile.
  charts.reduce(function (before, chart) {
    return before.then(function () { return new Promise(function (on) { setTimeout(on, 0); }); })
      .then(function () { return draw(chart); });
  }, Promise.resolve());
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', function () { again({}); });
  addEventListener('beforeprint', function () {
    again({ width: 680, 'font.color': '#22211E' });
  });
  addEventListener('afterprint', function () { again({ width: null, autosize: true }); });
})();
"""

_LOOK = """
:root {color-scheme: light dark; --page: #FDFCFA; --raised: #F3F1EC; --ink: #22211E;
  --soft: #6B675F; --line: #DFDBD2; --accent: #0F766E}
@media (prefers-color-scheme: dark) {
  :root {--page: #151719; --raised: #24282B; --ink: #E9E7E2; --soft: #A29E96; --line: #34383C;
    --accent: #5BC9BE}
}
body {margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Source Sans 3", sans-serif}
main {max-width: 1040px; margin: 0 auto; padding: 2.5rem 1.5rem 5rem}
h1 {font-size: 2rem; line-height: 1.2; margin: 0 0 0.5rem}
h2 {font-size: 1.35rem; margin: 3rem 0 0.75rem; padding-top: 1rem;
  border-top: 1px solid var(--line)}
h3 {font-size: 1.05rem; margin: 1.75rem 0 0.5rem}
h1, h2, h3, p, li, summary {overflow-wrap: anywhere}
td, th {overflow-wrap: break-word; min-width: 5rem; max-width: 34rem}
td:first-child {min-width: 13rem}
p, li {max-width: 46rem}
a {color: var(--accent)}
.quiet, figcaption {color: var(--soft); font-size: 0.9rem; max-width: 46rem}
.lead {font-size: 1.12rem}
figure {margin: 1rem 0 1.5rem}
dl {display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1.25rem; margin: 1.25rem 0}
dt {color: var(--soft)}
dd {margin: 0; overflow-wrap: anywhere}
nav {background: var(--raised); border-radius: 8px; padding: 0.75rem 1rem; margin: 1.5rem 0}
nav ol {margin: 0; padding-left: 1.25rem; columns: 16rem 3}
.wide {overflow-x: auto}
table {border-collapse: collapse; font-size: 0.9rem; margin: 0.75rem 0; min-width: 50%}
th, td {padding: 0.35rem 0.75rem; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top}
th {color: var(--soft); font-weight: 600}
td.number, th.number {text-align: right; font-variant-numeric: tabular-nums; min-width: 3.5rem}
pre {background: var(--raised); padding: 0.75rem 1rem; border-radius: 8px; font-size: 0.85rem;
  white-space: pre-wrap; overflow-wrap: anywhere}
summary {cursor: pointer; padding: 0.35rem 0; font-weight: 600}
.texts {display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.5rem}
.texts ol {padding-left: 1.4rem; margin: 0.5rem 0}
.texts li {margin: 0.4rem 0; white-space: pre-wrap}
.texts small {color: var(--soft)}
@media print {
  :root {color-scheme: light; --page: #FFF; --raised: #F5F5F5; --ink: #22211E; --soft: #5C5C5C;
    --line: #CCC; --accent: #0F766E}
  main {max-width: none; padding: 0}
  nav, .modebar-container {display: none}
  figure, tr, .texts li {break-inside: avoid}
  h2, h3 {break-after: avoid}
}
"""
