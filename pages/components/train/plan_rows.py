"""What would be trained: the rows of the plan, checked and timed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import streamlit as st

from core.classification.checks import check
from core.classification.estimate import Estimate, estimate
from core.classification.ladder import Rung, refuse_nothing, rungs
from core.classification.leakage import Leakage, look_for_leakage
from core.classification.llm import FEW, shuffled
from core.errors import BadInput
from core.files.labelled import balanced_examples
from core.jobs.paces import recent_paces
from core.runs import Example, ModelChoice
from core.store.counts import counts
from core.store.database import Database
from core.store.datasets import reference_key, version_key
from core.store.versions import list_versions, raw_version
from pages.components.plain import plain
from pages.components.train.choice import Choice
from pages.components.train.entries import Entry
from pages.components.train.texts import dataset_at


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
            st.warning(f"LLM few-shot is left out. {plain(str(error))}", icon=":material/warning:")
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
