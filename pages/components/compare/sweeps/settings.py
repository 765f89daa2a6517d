"""The settings of a new sweep: a grid out of the session's widgets, and into them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from core.classification.settings import FineTuning
from core.domain.conditions import Condition, Suppression
from core.domain.connections import checked_url
from core.domain.knobs import NUMERIC_AXES
from core.domain.references import Reference
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingLimit
from core.domain.tasks import Task
from core.sweeps.assessment.recipe import ALL, Budget, Recipe
from core.sweeps.grid.file import keyed, model_name
from core.sweeps.grid.spec import Grid, GridError
from pages.components.spending import put_sweep_cap

_BASE = "sweep_base"  # the grid of a file, with all that has no widget
_PREFIX = "sweep_set_"
METHOD = "sweep_method"
"""Key of what stands in for logit bias on servers."""


def begin(task: Task, reference: Reference | None) -> None:
    """Give the widgets their first values: the paper's grid, or that of the file."""
    base = base_of(task)
    if st.session_state.get(key_of("task")) == task.key and key_of("per_label") in st.session_state:
        if reference is None:
            st.session_state[key_of("seeding")] = ["0"]
        return
    fill(base if reference is not None else base.with_axes(seeding=(0,)))


def fill(grid: Grid) -> None:
    """Put a grid into the widgets; what has none is kept beside them."""
    st.session_state[_BASE] = grid
    values: dict[str, Any] = {
        "task": grid.task.key,
        "per_label": grid.per_label,
        "texts_a_request": grid.base.texts_a_request,
        "repeats": grid.repeats,
        "seed": grid.seed,
        "cap": grid.cap,
        "name": grid.name,
        "study": grid.study,
        "models": [model_words(model) for model in grid.models],
        "budgets": [str(one) for one in grid.recipe.budgets if one != 0],
        "filter": grid.recipe.filter,
        "classifier": grid.recipe.classifier,
        **{knob.name: [f"{v:g}" for v in grid.axes[knob.name]] for knob in NUMERIC_AXES},
    }
    for name, value in values.items():
        st.session_state[key_of(name)] = value
    put_sweep_cap(grid.spend)
    st.session_state.pop(METHOD, None)  # as the grid has it


def base_of(task: Task) -> Grid:
    """What has no widget: of the last file, else the default."""
    base = st.session_state.get(_BASE)
    return base if isinstance(base, Grid) and base.task.key == task.key else Grid(task=task)


def forget() -> None:
    """Begin with the paper's grid again."""
    for key in [one for one in st.session_state if str(one).startswith((_PREFIX, _BASE))]:
        del st.session_state[key]


def grid_of_widgets(task: Task, reference: Reference | None) -> Grid:
    """The grid that the widgets say.

    Raises:
        GridError: a value is refused.
    """
    base = base_of(task)
    axes = {
        knob.name: tuple(
            sorted(
                number_of(f"axes.{knob.name}", text, whole=knob.kind == "whole")
                for text in values_of(knob.name)
            )
        )
        for knob in NUMERIC_AXES
    }
    known = {model_words(model): model for model in base.models}
    models = tuple(model_of(one, known) for one in values_of("models"))
    seed = int(_get("seed"))
    return replace(
        base,
        task=base.task if base.task.key == task.key else task,
        name=str(_get("name")).strip(),
        study=str(_get("study")).strip(),
        per_label=int(_get("per_label")),
        repeats=int(_get("repeats")),
        seed=seed,
        cap=int(_get("cap")),
        axes={**axes, "model": models},
        base=replace(base.base, texts_a_request=int(_get("texts_a_request"))),
        recipe=recipe_of_widgets(task, reference),
        spend=SpendingLimit(),
    )


def recipe_of_widgets(task: Task, reference: Reference | None) -> Recipe:
    """What is measured and repaired; without a reference, diversity alone.

    Raises:
        GridError: a value is refused.
    """
    budgets: list[Budget] = [0]
    for one in values_of("budgets"):
        budgets.append(ALL if one.strip() == ALL else number_of("repair.inspect", one, whole=True))
    return replace(
        base_of(task).recipe,
        reference=None if reference is None else reference.id,
        budgets=tuple(budgets),
        filter=bool(_get("filter")),
        classifier=_get("classifier"),
        seed=int(_get("seed")),
    )


def number_of(key: str, text: str, *, whole: bool) -> Any:
    """A typed number.

    Args:
        key: where it stands, for a refusal.
        text: as typed.
        whole: whether it must be a whole one.

    Raises:
        GridError: it is none.
    """
    try:
        return int(text.strip()) if whole else float(text.strip())
    except ValueError:
        what = "whole number" if whole else "number"
        raise GridError(
            key,
            f"'{text.strip()[:40]}' is no {what}.",
            "Write it as 18." if whole else "Write it as 0.7.",
        ) from None


def kept_words(task: Task) -> str:
    """What a file set that has no widget, for people; "" if nothing."""
    base = base_of(task)
    told = [
        *_unlike(
            base.base, Condition(), ("temperature", "min_p", "suppression", "texts_a_request")
        ),
        *_unlike(base.base.suppression, Suppression(), ("strength",), "suppression "),
        *_unlike(base.recipe.fine_tuning, FineTuning(), (), "fine-tuning "),
    ]
    usual = Recipe()
    for name, words in (
        ("weight", "LR weight"),
        ("lr_repeats", "LR repeats"),
        ("train_seeds", "training seeds"),
    ):
        if getattr(base.recipe, name) != getattr(usual, name):
            told.append(f"{words} {getattr(base.recipe, name)}")
    return ", ".join(told)


def _unlike(given: Any, usual: Any, leave: Sequence[str], prefix: str = "") -> list[str]:
    return [
        f"{prefix}{f.name.replace('_', ' ')} {getattr(given, f.name)}"
        for f in fields(given)
        if f.name not in leave and getattr(given, f.name) != getattr(usual, f.name)
    ]


def model_words(model: ModelChoice) -> str:
    """A model as the widget of models has it; `model_of` reads it again."""
    words = f"{model.model} at {model.base_url}" if model.base_url else model.model
    return words if model.device == "auto" else f"{words} on {model.device}"


def model_of(words: str, known: Mapping[str, ModelChoice]) -> ModelChoice:
    """The model that a value of the widget means.

    Args:
        words: one of `known`, else NAME at URL of a server, else a model of this machine.
        known: models of a file by `model_words`.

    Raises:
        GridError: the name or the URL is refused.
    """
    if words in known:
        return known[words]
    name, at, url = words.strip().rpartition(" at ")
    with keyed("axes.model"):
        if at and url.startswith(("http://", "https://")):
            return ModelChoice(backend="openai", model=name.strip(), base_url=checked_url(url))
        return ModelChoice(model=model_name(words.strip()))


def key_of(name: str) -> str:
    """The key of a widget in the session's state."""
    return f"{_PREFIX}{name}"


def _get(name: str) -> Any:
    return st.session_state[key_of(name)]


def values_of(name: str) -> list[str]:
    """What a widget of several values has, as typed."""
    return [str(one) for one in st.session_state.get(key_of(name)) or []]


def several(
    name: str,
    title: str,
    offered: Sequence[str],
    told: str,
    *,
    disabled: bool = False,
    format_func: Callable[[str], str] = str,
) -> None:
    """Draw a widget of several values, which takes typed ones, too.

    Args:
        name: see `key_of`.
        title: over it.
        offered: its options, with which its present values are offered.
        told: its help.
        disabled: whether it can't be changed.
        format_func: how an option reads.
    """
    own = [one for one in values_of(name) if one not in offered]
    st.multiselect(
        title,
        [*offered, *own],
        format_func=format_func,
        key=key_of(name),
        accept_new_options=True,
        persist_state="session",
        disabled=disabled,
        help=f"{told} Type others.",
        wrap=True,
        select_all=False,
    )
