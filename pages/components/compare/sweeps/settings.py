"""The settings of a new sweep in the session's state: a grid into widgets, and out of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any
from uuid import uuid4

import streamlit as st

from core.domain.connections import checked_url
from core.domain.references import Reference
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import AXES, KNOBS
from core.domain.runs import ModelChoice, absolute_model
from core.domain.spending import SpendingLimit
from core.domain.tasks import Task
from core.domain.wording import counted
from core.sweeps.assessment.recipe import ALL, Budget, Recipe
from core.sweeps.grid.file import keyed
from core.sweeps.grid.spec import Grid, GridError
from pages.components.spending import put_sweep_cap

_BASE = "sweep_base"  # the grid of a file, with all that has no widget
_PREFIX = "sweep_set_"
METHOD = "sweep_method"
"""Key of the approximation used instead of logit bias on servers."""

VALUE_AXES: tuple[Knob, ...] = tuple(knob for knob in AXES if knob.kind != "other")
"""The axes whose values can be typed; the models have a widget of their own."""

FROM_REFERENCE = "seeding"
"""The axis whose values are counts of the reference's own texts: without one it is 0."""

REFUSED = "sweep_refused"
"""Where the session keeps why a start was refused."""

_OPEN = "sweep_dialog"
_TOKEN = "sweep_token"


def open_dialog(task: Task) -> None:
    """Draw the dialog from now on, until it is closed."""
    st.session_state[_OPEN] = task.key


def close_dialog() -> None:
    """Stop drawing it."""
    st.session_state.pop(_OPEN, None)


def is_open(task: Task) -> bool:
    """Whether it is to be drawn."""
    return st.session_state.get(_OPEN) == task.key


def token() -> str:
    """A token that both clicks of a double click share, so that one sweep starts."""
    return str(st.session_state.setdefault(_TOKEN, uuid4().hex))


def show_started(task: Task, sweep_id: str) -> None:
    """Close the dialog and select the new sweep."""
    st.session_state[_TOKEN] = uuid4().hex
    st.session_state[f"compare_sweeps-{task.key}"] = [sweep_id]
    close_dialog()


def begin(task: Task, reference: Reference | None) -> None:
    """Give the widgets their first values: the default grid, or that of the file."""
    base = base_of(task)
    if st.session_state.get(key_of("task")) == task.key and key_of("per_label") in st.session_state:
        if reference is None:
            st.session_state[key_of(FROM_REFERENCE)] = ["0"]
        return
    fill(base if reference is not None else base.with_axes(**{FROM_REFERENCE: (0,)}))


def fill(grid: Grid) -> None:
    """Put a grid into the widgets; settings without a widget are kept beside them."""
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
        "budgets": [str(budget) for budget in grid.recipe.budgets if budget != 0],
        "filter": grid.recipe.filter,
        "classifier": grid.recipe.classifier,
        **{axis.name: list(map(axis_text, grid.axes[axis.name])) for axis in VALUE_AXES},
    }
    for name, value in values.items():
        st.session_state[key_of(name)] = value
    put_sweep_cap(grid.spend)
    st.session_state.pop(METHOD, None)  # as the grid has it


def base_of(task: Task) -> Grid:
    """The settings without a widget: those of the last file, else the defaults."""
    base = st.session_state.get(_BASE)
    return base if isinstance(base, Grid) and base.task.key == task.key else Grid(task=task)


def forget() -> None:
    """Reset to the default grid."""
    for key in [key for key in st.session_state if str(key).startswith((_PREFIX, _BASE))]:
        del st.session_state[key]


def grid_of_widgets(task: Task, reference: Reference | None) -> Grid:
    """The grid of the widgets' values.

    Raises:
        GridError: a value is refused.
    """
    base = base_of(task)
    axes = {
        axis.name: tuple(sorted(axis_value(axis, text) for text in values_of(axis.name)))
        for axis in VALUE_AXES
    }
    known = {model_words(model): model for model in base.models}
    models = tuple(model_of(words, known) for words in values_of("models"))
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
    for text in values_of("budgets"):
        budgets.append(
            ALL if text.strip() == ALL else number_of("repair.inspect", text, whole=True)
        )
    return replace(
        base_of(task).recipe,
        reference=None if reference is None else reference.id,
        budgets=tuple(budgets),
        filter=bool(_get("filter")),
        classifier=_get("classifier"),
        seed=int(_get("seed")),
    )


def axis_text(value: Any) -> str:
    """A value of an axis as its widget has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else f"{value:g}"


def axis_value(axis: Knob, text: str) -> Any:
    """The value of an axis that a typed text means; its range is checked by the grid.

    Raises:
        GridError: it is not a number where one is needed.
    """
    if axis.numeric:
        return number_of(f"axes.{axis.name}", text, whole=axis.kind == "whole")
    text = text.strip()
    return {"true": True, "false": False}.get(text, text) if axis.kind == "toggle" else text


def number_of(key: str, text: str, *, whole: bool) -> Any:
    """A typed number.

    Args:
        key: its place in a grid file, for the error.
        text: as typed.
        whole: whether it must be a whole one.

    Raises:
        GridError: it is not a number.
    """
    try:
        return int(text.strip()) if whole else float(text.strip())
    except ValueError:
        what = "whole number" if whole else "number"
        raise GridError(
            key,
            f"'{text.strip()[:40]}' is not a {what}.",
            "Write it as 18." if whole else "Write it as 0.7.",
        ) from None


def kept_words(task: Task) -> str:
    """The settings of a file that have no widget, for people; "" if there are none."""
    base = base_of(task)
    settings = [
        knob.words(knob.value_in_condition(base.base))
        for knob in KNOBS
        if knob.path[0] == "condition"
        and not knob.axis
        and key_of(knob.name) not in st.session_state
        and knob.value_in_condition(base.base) != knob.default
    ]
    if base.base.logit_bias:
        settings.append(
            counted(len(base.base.logit_bias), "fixed logit bias", "fixed logit biases")
        )
    recipe, default = base.recipe, Recipe()
    settings += [
        f"{words} {getattr(recipe, name)}"
        for name, words in (
            ("weight", "LR weight"),
            ("lr_repeats", "LR repeats"),
            ("train_seeds", "training seeds"),
        )
        if getattr(recipe, name) != getattr(default, name)
    ]
    settings += [
        f"fine-tuning {item.name.replace('_', ' ')} {getattr(recipe.fine_tuning, item.name)}"
        for item in fields(recipe.fine_tuning)
        if getattr(recipe.fine_tuning, item.name) != getattr(default.fine_tuning, item.name)
    ]
    return ", ".join(settings)


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
        return ModelChoice(model=absolute_model(words.strip()))


def key_of(name: str) -> str:
    """The key of a widget in the session's state."""
    return f"{_PREFIX}{name}"


def _get(name: str) -> Any:
    return st.session_state[key_of(name)]


def values_of(name: str) -> list[str]:
    """The values of a widget of several values, as typed."""
    return [str(value) for value in st.session_state.get(key_of(name)) or []]


def choose_values(
    name: str,
    title: str,
    offered: Sequence[str],
    help: str,
    *,
    disabled: bool = False,
    format_func: Callable[[str], str] = str,
) -> None:
    """Draw a widget of several values that also takes typed ones.

    Args:
        name: see `key_of`.
        title: its label.
        offered: its options, besides its present values.
        help: what the values are.
        disabled: whether it can't be changed.
        format_func: how an option reads.
    """
    typed = [value for value in values_of(name) if value not in offered]
    st.multiselect(
        title,
        [*offered, *typed],
        format_func=format_func,
        key=key_of(name),
        accept_new_options=True,
        persist_state="session",
        disabled=disabled,
        help=f"{help} Other values can be typed.",
        wrap=True,
        select_all=False,
    )
