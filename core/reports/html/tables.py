"""The sections of a report that are words: recommendation, conditions, texts, how to repeat it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from core.analysis.findings.hypotheses import as_generated
from core.analysis.frames.columns import METRICS
from core.analysis.recommendation import Target, advise
from core.analysis.uninspected import uninspected_accuracy
from core.domain.registries.knobs import condition_words
from core.domain.registries.metrics import COLUMN
from core.domain.registries.stages import ALL, stage_words
from core.domain.wording import counted
from core.figures.compare.columns import varying_knobs
from core.reports.html.charts import heading, tasks_of
from core.reports.html.page import (
    Block,
    Folded,
    Listing,
    Paragraph,
    SampleColumn,
    Samples,
    Table,
    bullets,
)
from core.reports.story.conditions import choose_conditions

Text = tuple[str, str]
"""A text and its label."""

MOST_ROWS = 600
"""Rows of the table of conditions; the data as CSV has all."""
TEXTS = 12
"""Texts shown of a condition."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What repeats a study.

    Args:
        grids: name of a sweep to its grid as JSON-ready data (`SweepRecord.grid`).
        files: name of a sweep to the same as a grid file, where one can say it.
    """

    grids: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def advice_part(points: pd.DataFrame) -> list[Block]:
    """What to choose with no, few and any number of inspected texts, task by task."""
    parts: list[Block] = []
    for name, _, part in tasks_of(points):
        chosen = choose_conditions(part)
        if not len(chosen.points):
            continue
        counts = {str(count) for count in chosen.points["inspected"]} - {ALL}
        budgets = sorted(map(int, counts))
        targets = [
            (f"Inspecting at most {counted(count, 'text')}", count) for count in budgets if count
        ]
        wanted = [("Inspecting no text", 0), *targets, ("Inspecting any number of texts", None)]
        rows = []
        notes: dict[str, None] = {}
        for words, limit in wanted:
            advice = advise(chosen.points, Target(inspected=limit))
            rows.append([words, advice.sentence])
            notes |= dict.fromkeys(advice.notes)
        parts += [*heading(name, points), Table(["", "recommendation"], rows), *bullets(notes)]
    return parts


def conditions_part(points: pd.DataFrame) -> list[Block]:
    """All points with their metrics and intervals; those that were repaired are folded."""
    raw = as_generated(points)
    parts = _conditions(raw)
    if len(raw) < len(points):
        repaired = points.drop(raw.index)
        table, *notes = _conditions(repaired)
        parts += [Folded(f"After repair: {counted(len(repaired), 'point')}", table), *notes]
    return parts


def _conditions(points: pd.DataFrame) -> list[Block]:
    several = points["task_key"].nunique() > 1
    repaired = bool((points["inspected"] != "0").any() or points["filtered"].any())
    shown = [metric for metric in METRICS if points[metric].notna().any()]
    rows = []
    varying = varying_knobs(points)
    shown_rows = points.head(MOST_ROWS)
    others = uninspected_accuracy(shown_rows)
    for place, row in enumerate(shown_rows.to_dict("records")):
        cells = [_condition(row, varying)]
        if several:
            cells.append(str(row["task"]))
        if repaired:
            cells.append(stage_words(str(row["inspected"]), filtered=bool(row["filtered"])))
        for name in shown:
            metric = COLUMN[name]
            value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
            details = [metric.interval_words(low, high)] if low == low and high == high else []
            # After label replacement the inspected texts are correct by definition.
            if name == "label_accuracy" and value == value:
                if row["inspected"] == ALL:
                    details = ["by definition"]
                elif others[place] == others[place]:
                    details.append(f"not inspected: {metric.words(others[place])}")
            cells.append(metric.words(value) + (f" ({'; '.join(details)})" if details else ""))
        rows.append([*cells, f"{row['repeats']}", f"{row['n']:,.0f}"])
    head = ["condition", *(["task"] if several else []), *(["repair"] if repaired else [])]
    columns = range(len(head), len(head) + len(shown) + 2)
    head += [*(COLUMN[name].noun for name in shown), "runs", "texts"]
    left = len(points) - len(rows)
    note: list[Block] = []
    if left:
        note = [Paragraph(f"{counted(left, 'more point')} in the data files.", small=True)]
    return [Table(head, rows, numeric=list(columns)), *note]


def _condition(row: Mapping[Any, Any], varying: Sequence[str]) -> str:
    return condition_words(row, varying=varying, other=str(row["other"]))


def texts_part(points: pd.DataFrame, samples: Mapping[str, Sequence[Text]]) -> list[Block]:
    """The first texts of each task's baseline and most diverse condition."""
    parts: list[Block] = []
    for name, _, part in tasks_of(points):
        chosen = choose_conditions(part)
        boxes: list[SampleColumn] = []
        raw = as_generated(part)
        for condition in dict.fromkeys([chosen.baseline, chosen.most_diverse]):
            texts = samples.get(condition, ())
            if not texts:
                continue
            row = raw[raw["condition"] == condition].iloc[0]
            words = _condition(row.to_dict(), varying_knobs(raw))
            boxes.append(SampleColumn(words, texts[:TEXTS]))
        if boxes:
            parts += [*heading(name, points), Samples(boxes)]
    if not parts:
        return []
    words = (
        "The first usable texts of the most conservative and of the most diverse setting, chosen "
        "by their knobs; each with the label it was generated for. A language model wrote them."
    )
    return [Paragraph(words, small=True), *parts]


def manifest_part(manifest: Manifest) -> list[Block]:
    """Grids and commands."""
    words = (
        "Results by this program are the same for the same version of it, model, seed and kind of "
        "machine. Save a grid as grid.toml and run it; the reference must be there, too."
    )
    parts: list[Block] = [
        Paragraph(words),
        Listing("python -m core sweep grid.toml --dry-run\npython -m core sweep grid.toml"),
    ]
    for name, grid in manifest.grids.items():
        if name in manifest.files:
            parts.append(Folded(f"{name} as a grid file", Listing(manifest.files[name])))
        written = json.dumps(grid, indent=1, ensure_ascii=False)
        parts.append(Folded(f"{name} as JSON", Listing(written)))
    return parts
