"""What would be trained: the rows of the plan, checked and timed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np
import pandas as pd
import streamlit as st

from core.classification.estimate import Estimate, estimate
from core.classification.evaluation.checks import Leakage, check, look_for_leakage
from core.classification.ladder import Rung, refuse_nothing, rungs, smallest
from core.classification.llm.llm import FEW, shuffled
from core.classification.training import seeds_of
from core.domain.errors import BadInput, WidesetError
from core.domain.runs import Example, ModelChoice
from core.domain.spending import SpendingLimit
from core.files.labelled import balanced_examples
from core.jobs.handlers.train import start_training
from core.jobs.launch import ensure_worker
from core.jobs.training_throughput import recent_paces
from core.store.database import Database
from core.store.datasets import reference_key, version_key
from core.store.generation.samples import counts
from core.store.interventions.versions import list_versions, raw_version
from pages.components.asked_model import choose_asking_cap, estimate_asked, estimate_words
from pages.components.generate.progress import duration
from pages.components.shell import AppContext, escape_markdown, flash, show_errors
from pages.components.train.answers import dataset_at
from pages.components.train.choice import Choice
from pages.components.train.entries import Entry


@dataclass(frozen=True)
class Row:
    """A row that is planned.

    Args:
        rung: what is done.
        time: how long it takes at most.
        warnings: what is odd.
        refusal: why it can't be done; None if it can.
        leakage: test texts that are in it word for word; None where nothing is learned from.
        there: it is on the ladder already, or under way.
    """

    rung: Rung
    time: Estimate
    warnings: tuple[str, ...]
    refusal: str | None
    leakage: Leakage | None
    there: bool


def planned_rows(db: Database, choice: Choice, entries: Sequence[Entry]) -> list[Row]:
    if not choice.sources and not choice.baselines:
        return []
    try:
        refuse_nothing(choice.sources, choice.baselines)
    except BadInput:
        return []
    test = str(choice.test)
    examples: tuple[Example, ...] = ()
    if "few-shot" in choice.baselines:
        try:
            examples = _examples(db, choice)
        except BadInput as error:
            st.warning(
                f"LLM few-shot is left out. {escape_markdown(str(error))}",
                icon=":material/warning:",
            )
    baselines = choice.baselines
    if choice.asked is None:
        st.info("Choose the server's model that is to be asked.", icon=":material/cable:")
        baselines = tuple(one for one in baselines if one == "majority")
    planned = rungs(
        choice.sources,
        test=test,
        models=choice.models,
        tuning=choice.tuning,
        seeds=choice.seeds,
        matched=choice.matched,
        baselines=baselines,
        task=choice.task,
        examples=examples,
        language=choice.asked or ModelChoice(),
    )
    known = recent_paces(db)
    there = [
        entry.record.spec for entry in entries if entry.done or entry.state in ("queued", "running")
    ]
    found = []
    for rung in planned:
        n_test = len(dataset_at(db, test))
        warnings, refusal, leakage = _looked_at(db, rung, test)
        found.append(
            Row(
                rung,
                estimate(rung.spec, n_train=rung.n_train, n_test=n_test, known=known),
                warnings,
                refusal,
                leakage,
                replace(rung.spec, train=_as_it_is(db, rung.spec.train)).to_dict() in there,
            )
        )
    return found


def _looked_at(
    db: Database, rung: Rung, test: str
) -> tuple[tuple[str, ...], str | None, Leakage | None]:
    if rung.spec.train is None:
        return (), None, None
    origin, _, name = rung.spec.train.partition(":")
    n = sum(row.usable for row in counts(db, name).values()) if origin == "run" else 0
    return _checked(db, rung.spec.train, n, test)


@st.cache_data(max_entries=64, show_spinner=False)
def _checked(
    _db: Database, train: str, n: int, test: str
) -> tuple[tuple[str, ...], str | None, Leakage | None]:
    """Warnings, refusal and exact leakage; `n` tells a run that grew from its younger self."""
    data = dataset_at(_db, train, n)
    real = dataset_at(_db, test)
    try:
        warnings = check(data, real)
    except BadInput as error:
        return (), str(error), None
    return tuple(warnings), None, look_for_leakage(data.texts, real.texts)


def _examples(db: Database, choice: Choice) -> tuple[Example, ...]:
    """The examples of the few-shot prompt, drawn by the first seed."""
    if choice.reference is None:
        return ()
    pool = dataset_at(db, reference_key(choice.reference.id, "train"))
    seed = choice.seeds[0]
    drawn = balanced_examples(
        [Example(text, label) for text, label in zip(pool.texts, pool.labels, strict=True)],
        task=choice.task,
        count=FEW,
        seed=seed,
    )
    return shuffled(drawn, rng=np.random.default_rng(seed))


def _as_it_is(db: Database, key: str | None) -> str | None:
    """The version that `fixed` would give, where there is one already; else the key."""
    origin, _, name = str(key).partition(":")
    if key is None or origin != "run":
        return key
    n = sum(row.usable for row in counts(db, name).values())
    raw = [version_key(one.id) for one in list_versions(db, name) if one.kind == "raw"]
    return next((one for one in raw if len(dataset_at(db, one)) == n), key)


def fixed(db: Database, key: str | None) -> str | None:
    """A run's texts as they are now, as a version, which never changes."""
    if key is None or not key.startswith("run:"):
        return key
    return version_key(raw_version(db, key.removeprefix("run:")).id)


_TOKEN = "train_token"


def show_plan(app: AppContext, choice: Choice, entries: Sequence[Entry]) -> None:
    """Draw the plan and the button that starts it."""
    if choice.test is None:
        return
    with st.container(border=True), show_errors():
        rows = planned_rows(app.db, choice, entries)
        new = [row for row in rows if not row.there and row.refusal is None]
        head = st.container()
        asked = [row.rung for row in new if row.rung.spec.language_server]
        cap, why_not = _asking(app, choice, asked)
        with head:
            _head(app, choice, rows, new, cap, why_not)
        for row in rows:
            if row.refusal is not None:
                st.error(
                    f"{escape_markdown(row.rung.name)}: {escape_markdown(row.refusal)}",
                    icon=":material/error:",
                )
        _warn(rows)
        if rows:
            with st.expander(f"What it comes to: {len(rows)} rows", icon=":material/list:"):
                _table(rows)


def _asking(
    app: AppContext, choice: Choice, asked: Sequence[Rung]
) -> tuple[SpendingLimit | None, str]:
    """What rows of a server's model take, and the cap of each; (cap, why it can't be kept)."""
    if not asked or choice.asked is None:
        return None, ""
    test = dataset_at(app.db, str(choice.test))
    for rung in asked:
        ahead = estimate_asked(app, choice.asked, test.texts, choice.task, rung.spec.examples)
        st.caption(estimate_words(app, choice.asked, ahead, name=rung.name))
    with st.container(horizontal=True, vertical_alignment="center"):
        cap, why_not = choose_asking_cap(
            app,
            choice.asked,
            prefix="train_llm",
            requests=len(test),
            each=" It is the cap of each row." if len(asked) > 1 else "",
        )
        st.caption(
            ":red[The cap can't be kept.]"
            if why_not
            else "The test texts and the examples are sent to that server."
        )
    return cap, why_not


def _head(
    app: AppContext,
    choice: Choice,
    rows: Sequence[Row],
    new: Sequence[Row],
    cap: SpendingLimit | None,
    why_not: str,
) -> None:
    seconds = sum(row.time.seconds for row in new)
    known = all(row.time.measured for row in new)
    least = smallest(choice.sources)
    test = dataset_at(app.db, str(choice.test))
    with st.grid(5, min_column_width=110, gap="small", vertical_alignment="center"):
        st.metric("To train", f"{len(new)} rows" if len(new) != 1 else "1 row")
        st.metric(
            "Texts each",
            _sizes([row.rung.n_train for row in new if row.leakage is not None]),
            help=f"Cut to the smallest, {least:,} texts, drawn anew for each repeat."
            if choice.matched and least is not None
            else "Each as large as it is: more texts alone may make the difference.",
        )
        st.metric("Test texts", f"{len(test):,}", help="Real ones, never trained on.")
        st.metric(
            "Time, at most",
            duration(max(1.0, seconds)) if new else "–",
            help=(
                "At the pace of earlier trainings here."
                if known
                else "By a usual pace; the first training of a kind on this machine measures it."
            )
            + " Early stopping often ends fine-tuning sooner.",
        )
        token = st.session_state.setdefault(_TOKEN, uuid4().hex)
        st.button(
            "Start",
            type="primary",
            icon=":material/model_training:",
            key="train_start",
            disabled=not new or bool(why_not),
            help=escape_markdown(why_not) or (None if new else _why(rows)),
            on_click=_start,
            args=(app, choice, [row.rung for row in new], token, cap),
        )


def _sizes(sizes: Sequence[int]) -> str:
    if not sizes:
        return "–"
    low, high = min(sizes), max(sizes)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _why(rows: Sequence[Row]) -> str:
    if rows and all(row.there for row in rows):
        return "All of it is on the ladder already or under way: equal settings give equal results."
    return "Choose texts and a model in the side bar."


def _warn(rows: Sequence[Row]) -> None:
    """What is odd, each sentence once with the rows that it is true of."""
    said: dict[str, list[str]] = {}
    for row in rows:
        found = None if row.leakage is None else row.leakage.warning()
        for words in [*row.warnings, *([found] if found else [])]:
            said.setdefault(words, []).append(row.rung.name)
    for words, names in said.items():
        whose = "All rows" if len(names) == len(rows) else ", ".join(dict.fromkeys(names))
        st.warning(f"{escape_markdown(whose)}: {escape_markdown(words)}", icon=":material/warning:")


def _table(rows: Sequence[Row]) -> None:
    st.dataframe(
        pd.DataFrame(
            {
                "name": [row.rung.name for row in rows],
                "n": [row.rung.n_train for row in rows],
                "repeats": [len(seeds_of(row.rung.spec)) for row in rows],
                "time": [duration(max(1.0, row.time.seconds)) for row in rows],
                "known": ["measured" if row.time.measured else "usual" for row in rows],
                "leak": [None if row.leakage is None else len(row.leakage.exact) for row in rows],
                "state": [_state(row) for row in rows],
            }
        ),
        hide_index=True,
        height="content",
        column_config={
            "name": st.column_config.TextColumn("Row", width=300),
            "n": st.column_config.NumberColumn("Texts", format="localized", width=70),
            "repeats": st.column_config.NumberColumn("Repeats", width=75),
            "time": st.column_config.TextColumn("Time, at most", width=110),
            "known": st.column_config.TextColumn("Pace", width=85),
            "leak": st.column_config.NumberColumn(
                "Test texts in it",
                width=120,
                help="Word for word. Near repeats are looked for when the training begins.",
            ),
            "state": st.column_config.TextColumn("", width=150),
        },
        alt="What would be trained, how long it takes, and what is there already",
    )


def _state(row: Row) -> str:
    if row.refusal is not None:
        return "can't be trained"
    return "there already" if row.there else "to do"


def _start(
    app: AppContext,
    choice: Choice,
    wanted: Sequence[Rung],
    token: str,
    cap: SpendingLimit | None,
) -> None:
    """Queue one job a row, once for a token."""
    try:
        for place, rung in enumerate(wanted):
            start_training(
                app.db,
                replace(rung.spec, train=fixed(app.db, rung.spec.train)),
                task_key=choice.task.key,
                name=rung.name,
                token=f"train {token} {place}",
                cap=cap if rung.spec.language_server else None,
            )
        ensure_worker(app.home, app.db)
    except WidesetError as error:
        flash(error)
        return
    st.session_state[_TOKEN] = uuid4().hex
