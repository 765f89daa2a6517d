"""The settings of label replacement; those of the last preview come first."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from core.domain.errors import BadInput
from core.figures.interventions import label_flow
from core.interventions.annotation.judged import labels_by_row
from core.interventions.relabelling.preview import Change, changes_of, confident
from core.interventions.relabelling.relabel import PRESETS, WEIGHT, Replacement
from core.interventions.requests import RelabelRequest
from core.interventions.results import replacement_from_dict
from core.interventions.versions.apply import ORACLE, accept_labels
from core.jobs.previews import look
from core.store.interventions.previews import latest_preview
from pages.components.intervene.accuracy_words import told as in_words
from pages.components.intervene.current_version import Standing
from pages.components.intervene.previews import annotator_name, ask_button, show_asked
from pages.components.intervene.texts import choose_rows
from pages.components.shell import AppContext, escape_markdown, show_errors

_ALL = "All"


def choose_settings(app: AppContext, seen: Standing) -> tuple[RelabelRequest | None, str | None]:
    """Draw the settings; as a request, or None and why there is none."""
    choice, n = seen.choice, len(seen.dataset)
    oracle = choice.annotator == "oracle"
    newest = latest_preview(app.db, "relabel", seen.dataset.key)
    before = newest.request if newest is not None else {}
    inspect: int | None = None
    why = None
    if oracle:
        presets = [str(count) for count in PRESETS if count < n]
        options = [*presets, _ALL]
        usual = "180" if "180" in options else options[-2] if presets else _ALL
        _first("lr_inspect", _option(before, usual), options)
        picked = st.segmented_control(
            "Texts inspected",
            options,
            key="lr_inspect",
            required=True,
            persist_state="session",
            help="Drawn at random. The paper has 90, 180 and 270; with all, no proxy is needed.",
        )
        inspect = None if picked in (_ALL, None) else int(picked)
    else:
        judged = labels_by_row(seen.dataset.ids, seen.people)
        st.metric("Judged so far", f"{len(judged):,}", help="Without the audit set, kept apart.")
        if not judged:
            why = (
                "Nobody has labelled a text of this version yet, apart from the audit set. Judge "
                "some on the Annotate tab, or let the oracle inspect."
            )
    _first("lr_weight", float(before.get("weight", WEIGHT)))
    weight = st.slider(
        "Weight of the present label",
        0.0,
        1.0,
        step=0.05,
        key="lr_weight",
        persist_state="session",
        width=220,
        disabled=oracle and inspect is None,
        help="S = w × label + (1 - w) × proxy. At 0 the proxies alone decide, at 1 only inspected "
        "texts change. The paper has 0.3.",
    )
    _first("lr_seed", int(before.get("seed", 0)))
    seed = st.number_input(
        "Seed",
        0,
        2**31,
        key="lr_seed",
        persist_state="session",
        width=110,
        help="Of the texts drawn and of the training; equal seeds give equal previews.",
    )
    if why is not None:
        return None, why
    try:
        request = RelabelRequest(
            n=n,
            encoder=choice.encoder.to_dict(),
            annotator=choice.annotator,
            reference=choice.reference.id if oracle and choice.reference is not None else None,
            inspect=inspect,
            error_rate=choice.error_rate if oracle else 0.0,
            weight=weight,
            seed=int(seed),
        )
    except BadInput as error:
        return None, str(error)
    return request, None


def _option(before: Mapping[str, Any], usual: str) -> str:
    if before.get("annotator") != "oracle":
        return usual
    return _ALL if before["inspect"] is None else str(before["inspect"])


def _first(key: str, value: Any, options: Collection[Any] | None = None) -> None:
    """The first value of a widget in this session; a later one stands while it is an option."""
    if key not in st.session_state or (options and st.session_state[key] not in options):
        st.session_state[key] = value if not options or value in options else list(options)[-1]


def show_replacing(app: AppContext, seen: Standing) -> None:
    """Draw the tab."""
    st.caption(
        "Proxies, one linear SVC a label, learn from the inspected texts and relabel the rest. "
        "You see every change before it happens, and undo takes it back."
    )
    number = seen.seen if seen.choice.annotator == "people" else 0
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        request, why = choose_settings(app, seen)
        asked = None
        if request is not None:
            asked = look(app.db, seen.dataset.key, request, seen=number)
        ask_button(
            app,
            seen.dataset.key,
            request,
            asked=asked,
            seen=number,
            label="Preview",
            icon="preview",
            key="lr_preview",
            why=why,
        )
    if why is not None:
        st.info(escape_markdown(why), icon=":material/info:")
    if asked is None or request is None:
        return
    show_asked(app, asked)
    if asked.result is None:
        return
    if not asked.fresh:
        st.info("More was judged since this preview. Preview again to use it.")
    _show_preview(app, seen, request, asked.result, fresh=asked.fresh)


@st.fragment
def _show_preview(
    app: AppContext,
    seen: Standing,
    request: RelabelRequest,
    result: Mapping[str, Any],
    *,
    fresh: bool,
) -> None:
    """Redrawn alone, with every move of the band."""
    replacement = replacement_from_dict(result)
    changes = changes_of(seen.dataset.ids, replacement)
    if not changes:
        st.success("No label would change.", icon=":material/check:")
        _explain(replacement)
        return
    with st.grid(2, min_column_width=420, gap="large"):
        figure, side = st.container(), st.container()
    with side:
        sure = [change for change in changes if change.confidence is not None]
        band = (0.0, 1.0)
        if sure:
            band = st.slider(
                "Accept with a confidence of",
                0.0,
                1.0,
                band,
                0.01,
                key="lr_band",
                help="In the new label: move one end for a threshold, both for a band. Texts "
                "without a confidence, as people's own, always count.",
            )
        taken = confident(changes, *band)
        summary = st.container()
    st.markdown(
        "**Changes to accept** :small[:gray[the least certain first; choose rows to accept these "
        "alone]]"
    )
    chosen = choose_rows(
        _frame(seen, replacement, taken),
        labels=seen.label_names,
        key=f"lr-rows-{band[0]:.2f}-{band[1]:.2f}-{request.seed}-{request.inspect}-{request.weight:.2f}",
    )
    accepted = set(chosen or [change.id for change in taken])
    with summary:
        _summary(seen, replacement, changes, accepted, request)
        words = f"Accept {len(accepted):,} chosen" if chosen else _accept_words(changes, taken)
        if st.button(
            words,
            type="primary",
            icon=":material/check:",
            key="lr_accept",
            disabled=not accepted or not fresh,
        ):
            _accept(app, seen, replacement, accepted, request, band)
        _explain(replacement)
    with figure:
        st.plotly_chart(
            label_flow(
                _flows(seen, replacement, accepted),
                labels=seen.label_names,
                sides=("specified" if seen.head is None else "now", "new"),
            ),
            key="lr-flow",
            config={"displayModeBar": False},
            alt="Texts that keep and change their labels",
        )


def _accept_words(changes: list[Change], taken: list[Change]) -> str:
    if len(changes) == len(taken):
        return f"Accept all {len(changes):,} changes" if len(changes) > 1 else "Accept the change"
    return f"Accept {len(taken):,} of {len(changes):,} changes"


def _summary(
    seen: Standing,
    replacement: Replacement,
    changes: list[Change],
    accepted: set[str],
    request: RelabelRequest,
) -> None:
    before, after = _accuracies(seen, replacement, accepted)
    with st.container(horizontal=True, gap="large"):
        st.metric("Labels that change", f"{len(accepted):,}", width="content")
        st.metric("Inspected", f"{replacement.inspected:,}", width="content")
        if before is not None and after is not None:
            gain = after - before
            st.metric(
                "Label accuracy",
                f"{after:.1%}",
                delta=f"{100 * gain:+.1f} points",
                width="content",
                help=f"By the oracle: {before:.1%} before, {after:.1%} after.",
            )
    if before is not None:
        words = f"Label accuracy by the oracle, itself right on {in_words(seen.oracle)}."
        if request.annotator == "oracle":
            words += " It inspected the texts, too, and agrees with itself there."
        st.caption(words)


def _accuracies(
    seen: Standing, replacement: Replacement, accepted: set[str]
) -> tuple[float | None, float | None]:
    made = replace(seen.dataset, labels=_labels(seen, replacement, accepted))
    found = [seen.by_oracle(dataset) for dataset in (seen.dataset, made)]
    before, after = (
        None if one is None or one.overall.interval is None else one.overall.interval.mean
        for one in found
    )
    return before, after


def _labels(seen: Standing, replacement: Replacement, accepted: set[str]) -> tuple[str, ...]:
    rows = zip(seen.dataset.ids, replacement.old, replacement.new, strict=True)
    return tuple(new if key in accepted else old for key, old, new in rows)


def _flows(seen: Standing, replacement: Replacement, accepted: set[str]) -> pd.DataFrame:
    new = _labels(seen, replacement, accepted)
    frame = pd.DataFrame({"old": replacement.old, "new": new})
    return frame.value_counts().reset_index(name="count")


def _frame(seen: Standing, replacement: Replacement, taken: list[Change]) -> pd.DataFrame:
    place = {key: row for row, key in enumerate(seen.dataset.ids)}
    rows = sorted(taken, key=lambda change: 2.0 if change.confidence is None else change.confidence)
    return pd.DataFrame(
        {
            "text": [seen.dataset.texts[place[change.id]] for change in rows],
            "old": [change.old for change in rows],
            "new": [change.new for change in rows],
            "proxy": [replacement.proxy[place[change.id]] for change in rows],
            "confidence": pd.array([change.confidence for change in rows], dtype="Float64"),
            "judged": [change.judged for change in rows],
        },
        index=[change.id for change in rows],
    )


def _explain(replacement: Replacement) -> None:
    for sentence in replacement.explanations:
        st.caption(f":material/info: {escape_markdown(sentence)}")


def _accept(
    app: AppContext,
    seen: Standing,
    replacement: Replacement,
    accepted: set[str],
    request: RelabelRequest,
    band: tuple[float, float],
) -> None:
    by: str | dict[str, str] = ORACLE
    if request.annotator == "people":
        by = {key: said.who for key, said in seen.people.items()}
    before, after = _accuracies(seen, replacement, accepted)
    facts: dict[str, Any] = {"explanations": list(replacement.explanations)}
    if before is not None and seen.oracle is not None:
        facts["label_accuracy"] = {"before": before, "after": after}
        facts["oracle"] = {
            "accuracy": seen.oracle.to_dict(),
            "measured_on": seen.oracle_facts["measured_on"],
        }
    spec = {
        "annotator": request.annotator,
        "inspect": request.inspect,
        "weight": None if _everything(request) else request.weight,
        "error_rate": request.error_rate,
        "seed": request.seed,
        "confidence": list(band),
    }
    with show_errors():
        version = accept_labels(
            app.db,
            seen.subject,
            replacement,
            accepted,
            who=annotator_name(),
            spec=spec,
            facts=facts,
            by=by,
        )
        st.session_state["intervened"] = (
            f"{version.facts['changed']:,} labels changed. Undo takes it back."
        )
        st.rerun()


def _everything(request: RelabelRequest) -> bool:
    return request.annotator == "oracle" and request.inspect is None
