"""What matters: the regression of model accuracy, and the replication card."""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial

import pandas as pd
import streamlit as st

from core.analysis.findings.findings import Finding
from core.analysis.findings.hypotheses import counted as counted_units
from core.analysis.frames.paper import NOTE
from core.analysis.regression import (
    PAPER_COEFFICIENTS,
    PAPER_NOTE,
    SPECIFICATIONS,
    Regression,
    Specification,
    sentence,
)
from core.analysis.study import Study, StudyStage
from core.figures.compare.forest import card_figure, coefficients_figure, residuals_figure
from core.jobs.handlers.conclusions import studied
from core.jobs.queue import LIVE
from core.reports.card import (
    card_metadata,
    card_rows,
    card_text,
    chance_words,
    claim_words,
    coefficient_interval,
    effect_words,
    how_many,
    interval_words,
    p_cell,
    predictor_title,
)
from pages.components.compare.comparison import Comparison, names_of, stage_of, stages_of
from pages.components.jobs import show_work
from pages.components.shell import AppContext, escape_markdown

_BADGES = {
    "holds": ":green-badge[:material/check: holds]",
    "does not": ":red-badge[:material/close: does not hold]",
    "undecided": ":gray-badge[:material/question_mark: undecided]",
}
_POOLED = "All tasks"


def _show_card(comparison: Comparison, study: Study) -> None:
    """Draw the replication card."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### The paper's findings here", width="content")
        st.space("stretch")
        for words, ending, content in (
            ("Card as Markdown", "md", _markdown),
            ("As JSON", "json", _json),
        ):
            st.download_button(
                words,
                partial(content, comparison, study),
                file_name=f"wideset-card.{ending}",
                icon=":material/download:",
                on_click="ignore",
                key=f"card-{ending}",
            )
    findings = _choose_task(study)
    count = dict.fromkeys(_BADGES, 0)
    for finding in findings:
        count[finding.verdict] += 1
    st.caption(
        f"{count['holds']} of {len(findings)} hold, {count['does not']} do not, "
        f"{count['undecided']} are undecided, for this model and this number of texts. "
        + escape_markdown(f"{chance_words(findings)} {NOTE}")
    )
    for finding in findings:
        _show_finding(finding)
    _show_figure(findings)


def _choose_task(study: Study) -> Sequence[Finding]:
    if not study.card_by_task:
        return study.card
    chosen = st.segmented_control(
        "Tasks",
        [_POOLED, *study.card_by_task],
        format_func=escape_markdown,
        default=_POOLED,
        key="card_task",
        required=True,
        label_visibility="collapsed",
    )
    return study.card_by_task.get(chosen or _POOLED, study.card)


def _show_figure(findings: Sequence[Finding]) -> None:
    """Draw every tested claim that counts; a finding holds if all its claims hold."""
    st.markdown("**All effects** :small[:gray[a finding holds if all its claims hold]]")
    st.plotly_chart(
        card_figure(card_rows(findings), own_scales=True, axis="effect of each claim"),
        key="card_figure",
        config={"displayModeBar": False},
        alt="The effects that the findings claim, each with its interval and verdict",
    )


def _show_finding(finding: Finding) -> None:
    title = f"{finding.number}\\. {escape_markdown(finding.title)} {_BADGES[finding.verdict]}"
    title += f" :small[:gray[{how_many(finding).strip()}]]" if how_many(finding) else ""
    with st.expander(title, key=f"finding-{finding.number}"):
        st.markdown(escape_markdown(finding.sentence))
        if finding.tested:
            _show_hypotheses(finding)
        for words in (*finding.missing, *finding.notes):
            st.caption(escape_markdown(words))


def _show_hypotheses(finding: Finding) -> None:
    tested = finding.tested
    independent = [
        interval_words(hypothesis, hypothesis.independent) if hypothesis.independent else ""
        for hypothesis in tested
    ]
    columns = {
        "claim": [claim_words(hypothesis) for hypothesis in tested],
        "effect": [effect_words(hypothesis, hypothesis.effect.mean) for hypothesis in tested],
        "interval": [interval_words(hypothesis, hypothesis.effect) for hypothesis in tested],
        "n": [counted_units(hypothesis.effect.n, hypothesis.unit) for hypothesis in tested],
        **({"independent": independent} if any(independent) else {}),
        "paper": [effect_words(hypothesis, hypothesis.paper) for hypothesis in tested],
        "verdict": [hypothesis.verdict for hypothesis in tested],
    }
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={
            "claim": st.column_config.TextColumn("Claim", width=360),
            "effect": st.column_config.TextColumn("Effect", width=100),
            "interval": st.column_config.TextColumn("95% interval", width=170),
            "n": st.column_config.TextColumn("n", width=130),
            "independent": st.column_config.TextColumn(
                "As if independent",
                width=170,
                help="The 95% interval over all pairs or runs, ignoring that those of one task are "
                "alike: too narrow.",
            ),
            "paper": st.column_config.TextColumn("Paper", width=100, help=finding.paper_of),
            "verdict": st.column_config.TextColumn("Verdict", width=90),
        },
        alt="The claims of the finding, and their results",
    )


def _markdown(comparison: Comparison, study: Study) -> io.BytesIO:
    title = comparison.choice.study or ", ".join(study.tasks)
    text = card_text(
        study, title=f"{title}: what holds", metadata=card_metadata(comparison.results)
    )
    return io.BytesIO(text.encode("utf-8"))


def _json(comparison: Comparison, study: Study) -> io.BytesIO:
    data = {"facts": card_metadata(comparison.results), **study.to_json()}
    return io.BytesIO(json.dumps(data, ensure_ascii=False, indent=1).encode("utf-8"))


_SCALES: Mapping[Specification, str] = {
    "raw": "Raw",
    "standardised": "Standardised",
    "standardised within task": "Within task",
}
_UNITS: Mapping[Specification, str] = {
    "raw": "Model accuracy (0 to 1) per unit of the metric.",
    "standardised": "Standard deviations of model accuracy per standard deviation of the metric.",
    "standardised within task": "Standard deviations of model accuracy per standard deviation of "
    "the metric, each within the runs of a task.",
}
_STAGES: Mapping[StudyStage, str] = {
    "as generated": "As generated",
    "all stages": "All stages of repair",
}


def show_matters(app: AppContext, comparison: Comparison) -> None:
    """Draw the tab."""
    running = any(work.state in LIVE for work in comparison.works)
    ids = [sweep.id for sweep in comparison.choice.sweeps]
    conclusions = studied(app.db, ids, comparison.results, queue=not running)
    # Elements that come and go have a place of their own.
    with st.container():
        if running and not conclusions.fresh:
            st.caption(
                ":material/hourglass_top: The sweep is running; the analysis starts when it has "
                "finished."
            )
        if conclusions.work is not None:
            show_work(app, [conclusions.work])
    if conclusions.result is None:
        if not running and conclusions.work is None:
            st.info("There is no analysis yet.", icon=":material/hourglass_top:")
        return
    if not conclusions.fresh:
        st.warning(
            f"This analysis is out of date: it covers {conclusions.result.runs:,} runs.",
            icon=":material/update:",
        )
    _show_regression(comparison, conclusions.result)
    st.space("small")
    _show_card(comparison, conclusions.result)


def _show_regression(comparison: Comparison, study: Study) -> None:
    st.markdown("#### What is associated with model accuracy")
    several = len(study.tasks) > 1
    offered = [name for name in SPECIFICATIONS if several or name != "standardised within task"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        scale = st.segmented_control(
            "Scaling",
            offered,
            format_func=_SCALES.__getitem__,
            default=offered[-1],
            key=f"matters_scale_{len(offered)}",
            required=True,
            persist_state="session",
            help="Raw keeps the metrics' own units. Standardised makes them comparable with each "
            "other. Within task removes differences between tasks.",
        )
        stage = st.segmented_control(
            "Rows",
            list(_STAGES),
            format_func=_STAGES.__getitem__,
            default="as generated",
            key="matters_stage",
            required=True,
            persist_state="session",
            help="A row is a run as generated, or a run at each stage of repair; standard errors "
            "are then clustered by run.",
        )
    if not several:
        st.caption("With one task, standardised within task is the same as standardised.")
    scale, stage = scale or offered[-1], stage or "as generated"
    fit = study.regression[stage][scale]
    if not isinstance(fit, Regression):
        st.info(escape_markdown(f"{fit.refused} {fit.remedy}"), icon=":material/info:")
        return
    st.markdown(escape_markdown(sentence(fit)))
    _show_figures(comparison, fit)
    _show_table(fit)
    robust = "; standard errors clustered by run" if fit.robust else ""
    st.caption(
        f"Ordinary least squares, {escape_markdown(scale)}: R² {fit.r2:.2f} (adjusted "
        f"{fit.adjusted_r2:.2f}), n {fit.n:,} of {fit.runs:,} runs{robust}. "
        + escape_markdown(" ".join(fit.notes))
    )


def _show_figures(comparison: Comparison, fit: Regression) -> None:
    rows = pd.DataFrame(fit.coefficients).rename(columns={"name": "term"})
    with st.grid(2, min_column_width=440, gap="medium"):
        with st.container():
            st.markdown("**Coefficients** :small[:gray[with 95% intervals; hollow: includes 0]]")
            st.plotly_chart(
                coefficients_figure(rows, paper=PAPER_COEFFICIENTS, scale="coefficient"),
                key="matters_coefficients",
                config={"displayModeBar": False},
                alt="Coefficients with their intervals, and the paper's",
            )
            st.caption(f"{_UNITS[fit.specification]} {escape_markdown(PAPER_NOTE)}")
        with st.container():
            st.markdown("**Residuals** :small[:gray[a bend or a funnel: the model does not fit]]")
            st.plotly_chart(
                residuals_figure(_residuals(comparison, fit), unit="model accuracy", height=300),
                key="matters_residuals",
                config={"displayModeBar": False},
                alt="Residuals over fitted values",
            )
            st.caption("Each point is a row of the regression; hover to see which.")


def _residuals(comparison: Comparison, fit: Regression) -> pd.DataFrame:
    """The residuals by name; a row that was removed since keeps its key as its name."""
    conditions, stages = names_of(comparison.points), stages_of(comparison.points)
    names, tasks = {}, {}
    for row in comparison.points.to_dict("records"):
        names[row["point"]] = f"{conditions[row['condition']]}; {stages[stage_of(row)]}"
        tasks[row["point"]] = str(row["task"])
    return pd.DataFrame(
        {
            "point": fit.points,
            "name": [names.get(point, point) for point in fit.points],
            "group": [tasks.get(point, "") for point in fit.points],
            "fitted": fit.fitted,
            "residual": fit.residuals,
        }
    )


def _show_table(fit: Regression) -> None:
    terms = fit.coefficients
    st.dataframe(
        pd.DataFrame(
            {
                "term": [predictor_title(term.name) for term in terms],
                "value": [term.value for term in terms],
                "interval": [coefficient_interval(term) for term in terms],
                "p": [p_cell(term.p) for term in terms],
                "inflation": [term.inflation for term in terms],
                "paper": [term.paper for term in terms],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "term": st.column_config.TextColumn("Predictor", width=160),
            "value": st.column_config.NumberColumn("Coefficient", format="%+.3f", width=100),
            "interval": st.column_config.TextColumn("95% interval", width=150),
            "p": st.column_config.TextColumn("p", width=70),
            "inflation": st.column_config.NumberColumn(
                "VIF",
                format="%.1f",
                width=85,
                help="Variance inflation factor: 1 means not correlated with the other predictors; "
                "from 10 on their effects are hard to separate.",
            ),
            "paper": st.column_config.NumberColumn(
                "Paper",
                format="%+.3f",
                width=110,
                help="Its specification is not stated: only the sign can be compared.",
            ),
        },
        alt="Coefficients with intervals and p-values",
    )
