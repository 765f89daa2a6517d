"""Report: a study as one HTML file that works offline, its charts live."""

from collections.abc import Mapping, Sequence

import pandas as pd

from core import __version__
from core.analysis.contrasts import with_common_intervals
from core.analysis.frames.results import named_apart, only_idle, points_frame
from core.analysis.study import Study
from core.reports.card import card_metadata
from core.reports.html.charts import (
    card_part,
    frontier_part,
    grid_part,
    matters_part,
    paper_part,
    repairs_part,
)
from core.reports.html.page import Paragraph, Section, bullets, render
from core.reports.html.tables import (
    Manifest,
    Text,
    advice_part,
    conditions_part,
    manifest_part,
    texts_part,
)

REPORT_VERSION = 2
"""Raised when a report says or draws something differently."""


def report_html(
    title: str,
    results: pd.DataFrame,
    study: Study,
    samples: Mapping[str, Sequence[Text]],
    *,
    manifest: Manifest | None = None,
    now: float | None = None,
) -> str:
    """The file; equal arguments give equal files.

    Args:
        title: what was studied; any text.
        results: a results frame with one row as generated at least.
        study: of these results.
        samples: usable texts by `condition`, of one run each; those that are there are shown.
        manifest: what repeats it.
        now: seconds since 1970, UTC; None is this moment.
    """
    results = named_apart(results)
    points = with_common_intervals(points_frame(results), results)
    plainer = _without_the_common(points)
    metadata = {
        **card_metadata(results, now=now),
        "settings": _common(points),
        "Wideset": __version__,
    }
    notes = (
        "Intervals are 95%, from the spread among the repeats of all of a task's conditions at "
        "that stage; where there are too few, from the condition's own repeats or its one run's "
        "texts. Hover over a chart for details; drag to zoom."
    )
    sections = [
        Section("frontier", "What diversity costs", frontier_part(points)),
        Section("repairs", "What repair brings back", repairs_part(points)),
        Section("paper", "The paper's panels", paper_part(points)),
        Section("grid", "The grid", grid_part(points)),
        Section("matters", "What goes with model accuracy", matters_part(study)),
        Section("card", "The paper's findings here", card_part(study)),
        Section("advice", "Recommended setting", advice_part(plainer)),
        Section("conditions", "All conditions", conditions_part(plainer)),
        Section("texts", "Sample texts", texts_part(plainer, samples)),
        Section("again", "How to repeat it", manifest_part(manifest or Manifest())),
    ]
    return render(
        title,
        sections,
        lead=study.sentence,
        facts=[(name, str(value)) for name, value in metadata.items() if value],
        intro=[*bullets(study.mixtures), Paragraph(notes, small=True)],
    )


def _without_the_common(points: pd.DataFrame) -> pd.DataFrame:
    """What all share need not be said of each: model, and settings that are unusual throughout."""
    same = {}
    for name in ("model", "other"):
        if points[name].nunique() == 1:
            same[name] = only_idle(str(points[name].iloc[0])) if name == "other" else ""
    return points.assign(**same).astype(dict.fromkeys(same, "str"))


def _common(points: pd.DataFrame) -> str:
    """Unusual settings that all points share."""
    settings = points["other"].unique()
    return str(settings[0]) if len(settings) == 1 else ""
