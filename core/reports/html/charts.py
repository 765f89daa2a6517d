"""The sections of a report that are charts, from points and a study."""

from collections.abc import Iterator

import pandas as pd

from core.analysis.findings.hypotheses import as_generated
from core.analysis.frames.columns import METRICS
from core.analysis.frames.paper import (
    AVERAGE,
    CLASSIFIER,
    ENCODER,
    NOTE,
    paper_conditions,
    paper_label_replacement,
    paper_name,
)
from core.analysis.frames.results import mixtures
from core.analysis.regression import PAPER_COEFFICIENTS, PAPER_NOTE, Regression
from core.analysis.study import Study
from core.domain.registries.knobs import AXES
from core.domain.registries.metrics import COLUMN
from core.figures.compare.forest import card_figure, coefficients_figure, residuals_figure
from core.figures.compare.frontier import PATH, FrontierView, frontier_figure
from core.figures.compare.grid_heatmap import grid_heatmap
from core.figures.compare.paper import PaperView, repair_panels, temperature_panels
from core.reports.card import (
    REGRESSION_HEAD,
    card_rows,
    chance_words,
    regression_rows,
    verdicts_head,
)
from core.reports.html.page import Block, Chart, Folded, Heading, Paragraph, Table, bullets

MOST_TASKS = 12
"""Tasks with charts of their own; the numbers of all are in the tables."""

_PANEL_KNOBS = ("temperature", "suppression")

_UNLIKE = (
    f"{NOTE} Its encoder ({ENCODER}) and its classifier ({CLASSIFIER}) are not ours: look at "
    "directions and orders of size, not at values."
)


def tasks_of(points: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Name, anchor and points of each task, in order."""
    for place, (_, part) in enumerate(points.groupby("task_key", sort=False)):
        if place < MOST_TASKS:
            yield str(part["task"].iloc[0]), f"task-{place}", part


def frontier_part(points: pd.DataFrame) -> list[Block]:
    """The frontier of each task."""
    parts: list[Block] = []
    for name, key, part in tasks_of(points):
        parts += [
            *heading(name, points),
            Chart(
                f"frontier-{key}",
                frontier_figure(part),
                alt="Label accuracy over diversity, a mark for each condition",
                caption="A mark for each condition as generated. Ringed: Pareto-optimal. A mark's "
                "area and colour show model accuracy.",
            ),
            *bullets(mixtures(part)),
        ]
    return parts


def repairs_part(points: pd.DataFrame) -> list[Block]:
    """Label replacement and filtering, task by task; empty where nothing was repaired."""
    raw = as_generated(points)
    if len(raw) == len(points):
        return []
    parts: list[Block] = []
    for name, key, part in tasks_of(points):
        filtered = bool(part["filtered"].astype(bool).any())
        together = pd.concat([part, paper_label_replacement()], ignore_index=True)
        shown = [
            name for name in METRICS if COLUMN[name].unit == "share" and part[name].notna().any()
        ]
        parts += [
            *heading(name, points),
            Chart(
                f"arrows-{key}",
                frontier_figure(part, FrontierView(budget=PATH, filtered=filtered, pareto=False)),
                alt="Arrows from each condition to where label replacement brings it",
                caption="Label replacement, by texts inspected. The oracle both relabels and "
                "judges: with all texts inspected, all labels are right by definition.",
            ),
        ]
        if shown and (part["inspected"] != "0").any():
            parts.append(
                Chart(
                    f"repairs-{key}",
                    repair_panels(together, task=str(part["task"].iloc[0]), metrics=shown),
                    alt="Accuracy over the number of inspected texts, ours and the paper's",
                    caption="Pale and dashed: the paper, means of its eight tasks, whose sets "
                    f"hold 5,600 texts. {NOTE}",
                )
            )
    return parts


def paper_part(points: pd.DataFrame) -> list[Block]:
    """The paper's four panels, ours over its own."""
    parts: list[Block] = []
    for name, key, part in tasks_of(points):
        its = paper_name(str(part["task_key"].iloc[0])) or AVERAGE
        together = pd.concat([part, paper_conditions(its)], ignore_index=True)
        raw = as_generated(part)
        change = bool(((raw["suppression"] == 0) & (raw["seeding"] == 0)).any())
        against = "the mean of its eight tasks" if its == AVERAGE else f"its {its}"
        shown = "Changes against no suppression and no seeding at the lowest temperature. "
        behind = f"Pale and dashed: the paper, {against}. {_UNLIKE}"
        parts += [
            *heading(name, points),
            Chart(
                f"paper-{key}",
                temperature_panels(
                    together,
                    PaperView(paper_tasks={name: its}, relative=change),
                    tasks=[name],
                    metrics=[name for name in METRICS if part[name].notna().any()] or list(METRICS),
                ),
                alt="Metrics over temperature by suppression and seeding, ours and the paper's",
                caption=f"{shown if change else ''}{behind}",
            ),
        ]
    return parts


def grid_part(points: pd.DataFrame) -> list[Block]:
    """Each metric over temperature and suppression."""
    raw = as_generated(points)
    # The panels are over temperature and suppression, as in the paper; other knobs are facets.
    facets = ["task_key", *(knob.name for knob in AXES if knob.name not in _PANEL_KNOBS)]
    facet = next((name for name in facets if raw[name].nunique() > 1), None)
    parts: list[Block] = []
    for metric in METRICS:
        if raw[metric].notna().any():
            parts.append(Heading(COLUMN[metric].column_title))
            parts.append(
                Chart(
                    f"grid-{metric.replace('_', '-')}",
                    grid_heatmap(
                        points, metric=metric, facet="task" if facet == "task_key" else facet
                    ),
                    alt=f"{COLUMN[metric].column_title} over temperature and suppression",
                )
            )
    return parts


def matters_part(study: Study) -> list[Block]:
    """The regression: sentence, coefficients, residuals, and every specification as a table."""
    specification = study.main_specification
    fit = study.regression["as generated"][specification]
    parts: list[Block] = [Paragraph(study.sentence)]
    if isinstance(fit, Regression):
        residuals = pd.DataFrame(
            {
                "point": fit.points,
                "name": fit.run_ids,
                "fitted": fit.fitted,
                "residual": fit.residuals,
            }
        )
        parts += [
            Chart(
                "coefficients",
                coefficients_figure(
                    pd.DataFrame(fit.coefficients).rename(columns={"name": "term"}),
                    paper=PAPER_COEFFICIENTS,
                    scale=f"coefficient, {specification}",
                ),
                alt="Coefficients with their intervals, and the paper's",
                caption=f"Diamonds: the paper. {PAPER_NOTE}",
            ),
            Chart(
                "residuals",
                residuals_figure(residuals, unit="model accuracy, standardised"),
                alt="Residuals over fitted values",
                caption="A bend or a funnel would mean that the model does not fit.",
            ),
            *bullets(fit.notes),
        ]
    parts.append(Folded("All specifications", Table(REGRESSION_HEAD, regression_rows(study))))
    return parts


def card_part(study: Study) -> list[Block]:
    """The replication card, with each finding's sentence."""
    verdicts = [
        [
            finding.heading,
            finding.verdict,
            *(findings[place].verdict for findings in study.card_by_task.values()),
        ]
        for place, finding in enumerate(study.card)
    ]
    chance = chance_words(study.card)
    parts: list[Block] = [Table(verdicts_head(study), verdicts)]
    parts += [Paragraph(chance, small=True)] if chance else []
    rows = card_rows(study.card)
    if rows:
        parts.append(
            Chart(
                "card-chart",
                card_figure(rows, own_scales=True, axis="effect of each claim"),
                alt="The effect that each claim is about, with interval and verdict",
                caption=f"Hollow diamonds: the paper. {NOTE}",
            )
        )
    for finding in study.card:
        parts += [
            Heading(finding.heading),
            Paragraph(finding.sentence),
            *bullets([*finding.missing, *finding.notes]),
        ]
    return parts


def heading(name: str, points: pd.DataFrame) -> list[Block]:
    """The task's name where there are several."""
    return [Heading(name)] if points["task_key"].nunique() > 1 else []
