"""The replication card: which of the paper's findings hold here, finding by finding."""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.analysis.findings.hypotheses import counted
from core.analysis.naming import TITLES, condition_words, repair_words, value_words
from core.analysis.regression import SPECIFICATIONS
from core.figures.compare.forest import card_figure, coefficients_figure, residuals_figure
from core.jobs.handlers.study import studied
from core.jobs.queue import LIVE
from core.reports.card import card_metadata, card_text, chance_words, how_many
from pages.components.compare.comparison import Comparison
from pages.components.jobs import show_work
from pages.components.shell import AppContext, escape_markdown

_BADGES = {
    "holds": ":green-badge[:material/check: holds]",
    "does not": ":red-badge[:material/close: does not hold]",
    "undecided": ":gray-badge[:material/question_mark: undecided]",
}
_POOLED = "All tasks"


def show_card(seen: Comparison, study: Mapping[str, Any]) -> None:
    """Draw the card."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown("#### The paper's findings here", width="content")
        st.space("stretch")
        for words, ending, made in (
            ("Card as Markdown", "md", _markdown),
            ("As JSON", "json", _json),
        ):
            st.download_button(
                words,
                partial(made, seen, study),
                file_name=f"wideset-card.{ending}",
                icon=":material/download:",
                on_click="ignore",
                key=f"card-{ending}",
            )
    findings = _choose_task(study)
    count = dict.fromkeys(_BADGES, 0)
    for one in findings:
        count[one["verdict"]] += 1
    st.caption(
        f"{count['holds']} of {len(findings)} hold, {count['does not']} do not, "
        f"{count['undecided']} are undecided for this model at this size. "
        + escape_markdown(f"{chance_words(findings)} {study['paper_source']}")
    )
    for one in findings:
        _show_finding(one)
    _show_figure(findings)


def _choose_task(study: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    by_task: Mapping[str, Sequence[Mapping[str, Any]]] = study["card_by_task"]
    pooled: Sequence[Mapping[str, Any]] = study["card"]
    if not by_task:
        return pooled
    chosen = st.segmented_control(
        "Tasks",
        [_POOLED, *by_task],
        format_func=escape_markdown,
        default=_POOLED,
        key="card_task",
        required=True,
        label_visibility="collapsed",
    )
    return by_task.get(chosen or _POOLED, pooled)


def _show_figure(findings: Sequence[Mapping[str, Any]]) -> None:
    """All that could be tested and counts, claim by claim; a finding holds if all of its do."""
    rows = [
        {
            "finding": one["finding"],
            "name": claim["words"],
            "verdict": claim["verdict"],
            "effect": claim["mean"],
            "low": claim["low"],
            "high": claim["high"],
            "paper": claim["paper"],
        }
        for one in findings
        for claim in one["claims"]
        if claim["counts"] and not claim["missing"]
    ]
    st.markdown("**All effects** :small[:gray[a finding holds if all that it claims does]]")
    st.plotly_chart(
        card_figure(rows, own_scales=True, axis="effect of each claim"),
        key="card_figure",
        config={"displayModeBar": False},
        alt="The effects that the findings claim, each with its interval and verdict",
    )


def _show_finding(finding: Mapping[str, Any]) -> None:
    title = (
        f"{finding['finding']}\\. {escape_markdown(finding['title'])} {_BADGES[finding['verdict']]}"
    )
    title += f" :small[:gray[{how_many(finding).strip()}]]" if how_many(finding) else ""
    with st.expander(title, key=f"finding-{finding['finding']}"):
        st.markdown(escape_markdown(finding["sentence"]))
        tested = [claim for claim in finding["claims"] if not claim["missing"]]
        if tested:
            _show_claims(tested, finding["paper_of"])
        for words in (*finding["missing"], *finding["notes"]):
            st.caption(escape_markdown(words))


def _show_claims(claims: Sequence[Mapping[str, Any]], paper_of: str) -> None:
    beside = [_independent(one) for one in claims]
    columns = {
        "claim": [
            one["words"] + ("" if one["counts"] else " (told, not counted)") for one in claims
        ],
        "effect": [_words(one, "mean") for one in claims],
        "interval": [_between(one) for one in claims],
        "n": [counted(one["n"], one["unit"]) for one in claims],
        **({"independent": beside} if any(beside) else {}),
        "paper": [_words(one, "paper") for one in claims],
        "verdict": [one["verdict"] for one in claims],
    }
    st.dataframe(
        pd.DataFrame(columns),
        hide_index=True,
        height="content",
        column_config={
            "claim": st.column_config.TextColumn("Claim", width=360),
            "effect": st.column_config.TextColumn("Effect", width=100),
            "interval": st.column_config.TextColumn("95 % interval", width=170),
            "n": st.column_config.TextColumn("n", width=130),
            "independent": st.column_config.TextColumn(
                "As if independent",
                width=170,
                help="The 95 % interval over all pairs or runs, as if those of one task were not "
                "alike: too narrow.",
            ),
            "paper": st.column_config.TextColumn("The paper", width=100, help=paper_of),
            "verdict": st.column_config.TextColumn("Verdict", width=90),
        },
        alt="What the finding claims, and what was found",
    )


def _between(claim: Mapping[str, Any]) -> str:
    low, high = _words(claim, "low"), _words(claim, "high")
    return "–" if low == "–" else f"{low.removesuffix(' points')} to {high}"


def _independent(claim: Mapping[str, Any]) -> str:
    """What stands beside an effect over tasks; empty for one of a single task."""
    found = claim.get("independent")
    return _between({**found, "measure": claim["measure"]}) if found else ""


def _words(claim: Mapping[str, Any], key: str) -> str:
    value = claim.get(key)
    if value is None or value != value:
        return "–"
    if claim["measure"] == "share":
        return f"{value:.0%}"
    return value_words(claim["measure"], value, signed=True)


def _markdown(seen: Comparison, study: Mapping[str, Any]) -> io.BytesIO:
    title = seen.choice.study or ", ".join(study["tasks"])
    text = card_text(study, title=f"{title}: what holds", metadata=card_metadata(seen.results))
    return io.BytesIO(text.encode("utf-8"))


def _json(seen: Comparison, study: Mapping[str, Any]) -> io.BytesIO:
    told = {"facts": card_metadata(seen.results), **study}
    return io.BytesIO(json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8"))


_SCALES = {
    "raw": "Raw",
    "standardised": "Standardised",
    "standardised within task": "Within task",
}
_UNITS = {
    "raw": "Model accuracy (0 to 1) for one more of the metric, in its own unit.",
    "standardised": "Standard deviations of model accuracy for one more of the metric.",
    "standardised within task": "Standard deviations of model accuracy for one more of the "
    "metric, both of each task's runs by itself.",
}
_STAGES = {"as generated": "As generated", "all stages": "All stages of repair"}


def show_matters(app: AppContext, seen: Comparison) -> None:
    """Draw the tab."""
    going = any(work.state in LIVE for work in seen.works)
    ids = [sweep.id for sweep in seen.choice.sweeps]
    found = studied(app.db, ids, seen.results, queue=not going)
    # What comes and goes has a place of its own.
    with st.container():
        if going and not found.fresh:
            st.caption(
                ":material/hourglass_top: The sweep is under way; what it comes to is concluded "
                "once it is at rest."
            )
        if found.work is not None:
            show_work(app, [found.work])
    if found.result is None:
        if not going and found.work is None:
            st.info("Nothing is concluded yet.", icon=":material/hourglass_top:")
        return
    if not found.fresh:
        st.warning(
            f"This is of {found.result['runs']:,} runs, from before something changed.",
            icon=":material/update:",
        )
    _show_regression(seen, found.result)
    st.space("small")
    show_card(seen, found.result)


def _show_regression(seen: Comparison, study: Mapping[str, Any]) -> None:
    st.markdown("#### What goes with model accuracy")
    several = len(study["tasks"]) > 1
    offered = [one for one in SPECIFICATIONS if several or one != "standardised within task"]
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
            "other. Within task leaves out what differs between tasks.",
        )
        stage = st.segmented_control(
            "Rows",
            list(_STAGES),
            format_func=_STAGES.__getitem__,
            default="as generated",
            key="matters_stage",
            required=True,
            persist_state="session",
            help="A row is a run as generated; or a run at each stage of repair, whose errors are "
            "then reckoned run by run.",
        )
    if not several:
        st.caption("With one task, standardised within task is the same as standardised.")
    scale, stage = scale or offered[-1], stage or "as generated"
    fit = study["regression"][stage][scale]
    if "refused" in fit:
        st.info(escape_markdown(f"{fit['refused']} {fit['remedy']}"), icon=":material/info:")
        return
    st.markdown(escape_markdown(fit["sentence"]))
    _show_figures(seen, study, fit, scale)
    _show_table(fit)
    robust = "; errors reckoned run by run, as a run has several rows" if fit["robust"] else ""
    st.caption(
        f"Ordinary least squares, {escape_markdown(scale)}: R² {fit['r2']:.2f} (adjusted "
        f"{fit['adjusted_r2']:.2f}), n {fit['n']:,} of {fit['runs']:,} runs{robust}. "
        + escape_markdown(" ".join(fit["notes"]))
    )


def _show_figures(
    seen: Comparison, study: Mapping[str, Any], fit: Mapping[str, Any], scale: str
) -> None:
    rows = pd.DataFrame(fit["coefficients"]).rename(columns={"name": "term"})
    with st.grid(2, min_column_width=440, gap="medium"):
        with st.container():
            st.markdown("**Coefficients** :small[:gray[with 95 % intervals; hollow: 0 is in it]]")
            st.plotly_chart(
                coefficients_figure(rows, paper=study["paper_coefficients"], scale="coefficient"),
                key="matters_coefficients",
                config={"displayModeBar": False},
                alt="Coefficients with their intervals, and the paper's",
            )
            st.caption(f"{_UNITS[scale]} {escape_markdown(study['paper_note'])}")
        with st.container():
            st.markdown("**Residuals** :small[:gray[a bend or a funnel: the model does not fit]]")
            st.plotly_chart(
                residuals_figure(_residuals(seen, fit), unit="model accuracy", height=300),
                key="matters_residuals",
                config={"displayModeBar": False},
                alt="Residuals over fitted values",
            )
            st.caption("A point is a row of the regression; hover to see which.")


def _residuals(seen: Comparison, fit: Mapping[str, Any]) -> pd.DataFrame:
    """The residuals by name; a row that is no longer there keeps its key as its name."""
    names, tasks = {}, {}
    for told in seen.results.drop_duplicates("point").to_dict("records"):
        point = told["point"]
        repair = repair_words(str(told["inspected"]), filtered=bool(told["filtered"]))
        names[point] = f"{condition_words(told)}; {repair}"
        tasks[point] = str(told["task"])
    return pd.DataFrame(
        {
            "point": fit["points"],
            "name": [names.get(one, one) for one in fit["points"]],
            "group": [tasks.get(one, "") for one in fit["points"]],
            "fitted": fit["fitted"],
            "residual": fit["residuals"],
        }
    )


def _show_table(fit: Mapping[str, Any]) -> None:
    rows = fit["coefficients"]
    st.dataframe(
        pd.DataFrame(
            {
                "term": [TITLES.get(row["name"], row["name"]).capitalize() for row in rows],
                "value": [row["value"] for row in rows],
                "interval": [f"{row['low']:+.3f} to {row['high']:+.3f}" for row in rows],
                "p": ["< .001" if row["p"] < 0.001 else f"{row['p']:.3f}" for row in rows],
                "inflation": [row["inflation"] for row in rows],
                "paper": [row["paper"] for row in rows],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "term": st.column_config.TextColumn("Predictor", width=160),
            "value": st.column_config.NumberColumn("Coefficient", format="%+.3f", width=100),
            "interval": st.column_config.TextColumn("95 % interval", width=150),
            "p": st.column_config.TextColumn("p", width=70),
            "inflation": st.column_config.NumberColumn(
                "Inflation",
                format="%.1f",
                width=85,
                help="Variance inflation: how much the other predictors blur this one; 1 is not "
                "at all, from 10 on they are hard to tell apart.",
            ),
            "paper": st.column_config.NumberColumn(
                "The paper's",
                format="%+.3f",
                width=110,
                help="Specification not stated: only the sign can be compared.",
            ),
        },
        alt="Coefficients with intervals and p-values",
    )
