"""The replication card: which of the paper's findings hold here, finding by finding."""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from core.experiments.card_facts import facts_of
from core.experiments.card_text import card_text, chance_words, how_many
from core.experiments.claims import counted
from core.experiments.naming import value_words
from core.figures.compare.forest import card_figure
from pages.components.compare.comparison import Comparison
from pages.components.plain import plain

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
        + plain(f"{chance_words(findings)} {study['paper_source']}")
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
        format_func=plain,
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
    title = f"{finding['finding']}\\. {plain(finding['title'])} {_BADGES[finding['verdict']]}"
    title += f" :small[:gray[{how_many(finding).strip()}]]" if how_many(finding) else ""
    with st.expander(title, key=f"finding-{finding['finding']}"):
        st.markdown(plain(finding["sentence"]))
        tested = [claim for claim in finding["claims"] if not claim["missing"]]
        if tested:
            _show_claims(tested, finding["paper_of"])
        for words in (*finding["missing"], *finding["notes"]):
            st.caption(plain(words))


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
    text = card_text(study, title=f"{title}: what holds", facts=facts_of(seen.results))
    return io.BytesIO(text.encode("utf-8"))


def _json(seen: Comparison, study: Mapping[str, Any]) -> io.BytesIO:
    told = {"facts": facts_of(seen.results), **study}
    return io.BytesIO(json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8"))
