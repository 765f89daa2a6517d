"""The report: whole, offline, and nothing that people or models wrote is more than text."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from core.analysis.frames.results import results_frame
from core.analysis.study import study
from core.reports.html.page import Chart, Paragraph, Section, data_block, render
from core.reports.html.report import report_html
from core.reports.html.tables import Manifest
from tests.analysis.made_results import measured, results, spec_of, stage

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\" onload='x'"


def frame(**more: Any) -> pd.DataFrame:
    """Eight runs of four conditions with LR, in which nothing determines anything else."""
    rows = []
    for seed in (0, 1):
        for place, (heat, strength) in enumerate([(0.3, 0.0), (0.3, 7.5), (1.3, 0.0), (1.3, 7.5)]):
            chance = 0.01 * ((place * 3 + seed * 5) % 7)
            for inspected, back in (("0", 0.0), ("90", 0.05), ("all", 0.1)):
                rows.append(
                    {
                        "temperature": heat,
                        "suppression": strength,
                        "seed": seed,
                        "run_id": f"r{seed}{place}",
                        "inspected": inspected,
                        "diversity": 0.3 + 0.1 * place + chance,
                        "similarity": 0.7 - 0.02 * ((place * place + seed) % 5),
                        "label_accuracy": 0.8 - 0.05 * place + back + chance / 2,
                        "model_accuracy": 0.6 + 0.01 * (place % 2) + back / 2 + chance,
                        "oracle_accuracy": 0.9,
                        **more,
                    }
                )
    return results(rows)


@pytest.fixture(scope="module")
def hostile() -> str:
    """A report in which all that could be hostile is."""
    made = frame(task=HOSTILE, model=HOSTILE, encoder=HOSTILE, classifier=HOSTILE, other=HOSTILE)
    made["run_name"] = HOSTILE
    texts = {one: [(f"{HOSTILE} {place}", HOSTILE) for place in range(3)] for one in made.condition}
    manifest = Manifest({HOSTILE: {"name": HOSTILE}}, {HOSTILE: HOSTILE})
    return report_html(HOSTILE, made, study(made), texts, manifest=manifest, now=0)


class Tags(HTMLParser):
    """All tags with their attributes, and what stands in script tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script" and self.cdata_elem == "script":
            self.scripts[-1] += data


def test_hostile_words_are_text_everywhere(hostile: str) -> None:
    found = Tags(hostile)
    scripts = [attributes for tag, attributes in found.tags if tag == "script"]
    charts = [attributes for tag, attributes in found.tags if attributes.get("class") == "chart"]
    # A data block for each chart, plotly.js, and ours.
    assert [one.get("type") for one in scripts] == ["application/json"] * len(charts) + [None, None]
    assert len(charts) > 8
    assert not [tag for tag, _ in found.tags if tag in ("img", "iframe", "object", "embed", "link")]
    assert not [name for _, one in found.tags for name in one if name.startswith("on")]
    assert hostile.count("&lt;/script&gt;&lt;script&gt;alert(1)") > 10
    for block in found.scripts[: len(charts)]:
        assert "<" not in block
        assert set(json.loads(block)) == {"data", "layout"}


def test_nothing_of_it_asks_for_anything(hostile: str) -> None:
    found = Tags(hostile)
    addresses = [
        value or ""
        for _, one in found.tags
        for name, value in one.items()
        if name in ("src", "href", "srcset", "action", "data", "poster")
    ]
    assert addresses
    assert all(one.startswith("#") for one in addresses)
    style = hostile.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(one for tag, one in found.tags if one.get("http-equiv"))["content"] or ""
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy
    assert not re.search(r"https?:", policy)


def test_all_parts_are_there_and_equal_input_gives_the_same_file() -> None:
    made = frame(task="Reviews")
    found = study(made)
    texts = {one: [("a fine film", "pos")] for one in made["condition"]}
    told = [report_html("A study", made, found, texts, now=0) for _ in range(2)]
    assert told[0] == told[1]
    anchors = re.findall(r'<section id="([a-z-]+)">', told[0])
    assert anchors == [
        "frontier", "repairs", "paper", "grid", "matters", "card", "advice", "conditions",
        "texts", "again",
    ]  # fmt: skip
    assert all(f'href="#{one}"' in told[0] for one in anchors)
    assert "<dt>date</dt><dd>1970-01-01</dd>" in told[0]
    assert "8 of 4 conditions, 200 texts each" in told[0]
    assert "<td>LR with 90 inspected texts</td>" in told[0]
    assert "a fine film <small>pos</small>" in told[0]
    assert found.sentence[:40] in told[0]
    assert "Inspecting at most 90 texts" in told[0]
    assert told[0].count('class="chart"') == len(
        set(re.findall(r'class="chart" id="([^"]+)"', told[0]))
    )


def test_what_is_not_there_is_left_out_or_said() -> None:
    alone = results([{"diversity": 0.2, "task": "Reviews"}])
    told = report_html("", alone, study(alone), {}, now=0)
    anchors = re.findall(r'<section id="([a-z-]+)">', told)
    assert "repairs" not in anchors
    assert "texts" not in anchors
    assert "No regression: No result has" in told
    assert "1 of 1 condition," in told


def test_tasks_of_one_name_have_charts_of_their_own() -> None:
    made = pd.concat([frame(task="Same", task_key=key) for key in ("a", "b")], ignore_index=True)
    made["condition"] = made["task_key"] + made["condition"]
    made["point"] = made["task_key"] + made["point"]
    made["run_id"] = made["task_key"] + made["run_id"]
    told = report_html("x", made, study(made), {}, now=0)
    headings = re.findall(r"<h3>(Same[^<]*)</h3>", told)
    assert len(set(headings)) == 2


def test_real_assessments_make_a_report() -> None:
    rows = [
        measured(f"r{place}", spec_of(heat), [stage(diversity=(0.2, 0.1, 0.3), label_accuracy=0.5)])
        for place, heat in enumerate((0.3, 1.3))
    ]
    made = results_frame(rows)
    assert "T 1.3 · no suppression · unseeded" in report_html("x", made, study(made), {}, now=0)


def test_json_in_a_page_ends_no_tag() -> None:
    value = {"a": "</script><!--\u2028&", "b": [1, 2.5]}
    block = data_block(value)
    assert not re.search(r"[<>&\u2028]", block)
    assert json.loads(block) == value


def test_figures_have_no_look_of_their_own_and_need_no_code_made_of_text() -> None:
    drawn = go.Figure(go.Scattergl(x=[1], y=[2], name="</script>"))
    chart = Chart("f", drawn, alt='a "chart"', caption="<b>")
    html = render("x", [Section("s", "S", [chart])])
    block = re.search(r'<script type="application/json" id="f-data">(.*?)</script>', html)
    assert block is not None
    data = json.loads(block.group(1))
    assert data["data"][0]["type"] == "scatter"
    assert "template" not in data["layout"]
    assert 'aria-label="a &#34;chart&#34;"' in html
    assert "<figcaption>&lt;b&gt;</figcaption>" in html


def test_a_page_has_a_title_and_a_table_of_contents() -> None:
    sections = [
        Section("one", "A & B", [Paragraph("<p>body</p>", small=True)]),
        Section("empty", "Nothing", []),
    ]
    html = render("<t>", sections, lead="lead", facts=[("runs", "<8>")])
    assert "<title>&lt;t&gt;</title>" in html
    assert '<li><a href="#one">A &amp; B</a></li>' in html
    body = '<p class="quiet">&lt;p&gt;body&lt;/p&gt;</p>'
    assert f'<section id="one"><h2>A &amp; B</h2>{body}</section>' in html
    assert "<dt>runs</dt><dd>&lt;8&gt;</dd>" in html
    assert "Nothing" not in html
