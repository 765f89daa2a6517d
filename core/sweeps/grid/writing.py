"""A grid as the text of a grid file, for `core.sweeps.grid.file` to read again."""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from core.classification.settings import FineTuning
from core.domain.conditions import Condition, Suppression
from core.domain.runs import ModelChoice
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.spec import AXES, MAX_CONDITIONS, Grid


def grid_toml(grid: Grid, *, task: str, reference: str | None = None) -> str:
    """The grid file; `grid_from_toml` makes the same grid of it, but for its reference.

    What a person chooses first is always written, everything else where it is not the default.

    Args:
        grid: the grid.
        task: a name by which it is found again: a preset's, a saved task's, or a file.
        reference: "example", an id or a name in the store, or a folder; None writes none.

    Raises:
        ValueError: the grid holds what a file can't say: an encoder of its own, or a recipe with
            another seed.
    """
    recipe = grid.recipe
    if dict(recipe.encoder) != dict(Recipe().encoder) or recipe.seed != grid.seed:
        raise ValueError("a grid file has no encoder and one seed alone")
    top: dict[str, Any] = {"name": grid.name} if grid.name else {}
    top |= {"study": grid.study} if grid.study else {}
    top |= {"task": task} | ({"reference": reference} if reference is not None else {})
    top |= {"per_label": grid.per_label, "seed": grid.seed, "repeats": grid.repeats}
    axes = {axis: list(getattr(grid, axis)) for axis in AXES}
    axes["model"] = [_model(model) for model in grid.models]
    condition = _unusual(grid.base, Condition(), leave=("temperature", "min_p", "suppression"))
    suppression = _unusual(grid.base.suppression, Suppression(), leave=("strength",))
    repair = {
        "inspect": list(recipe.budgets),
        "repeats": recipe.lr_repeats,
        "weight": recipe.weight,
        "out_of_scope": recipe.filter,
    }
    train: dict[str, Any] = {"kind": recipe.classifier}
    if recipe.train_seeds != Recipe().train_seeds:
        train["seeds"] = recipe.train_seeds
    train |= _unusual(recipe.fine_tuning, FineTuning())
    limits: dict[str, Any] = {} if grid.cap == MAX_CONDITIONS else {"conditions": grid.cap}
    limits |= {name: value for name, value in grid.spend.to_dict().items() if value is not None}
    parts = ["\n".join(_lines(top))]
    for header, table in (
        ("axes", axes),
        ("condition", condition),
        ("condition.suppression", suppression),
        ("repair", repair),
        ("train", train),
        ("limits", limits),
    ):
        if table:
            parts.append("\n".join([f"[{header}]", *_lines(table)]))
    return "\n\n".join(parts) + "\n"


def _unusual(given: Any, usual: Any, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    """The fields of a dataclass that are not as by default."""
    return {
        f.name: getattr(given, f.name)
        for f in fields(given)
        if f.name not in leave and getattr(given, f.name) != getattr(usual, f.name)
    }


def _model(model: ModelChoice) -> Any:
    told = model.to_dict()
    return model.model if told == ModelChoice(model=model.model).to_dict() else told


def _lines(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(_lines(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        # JSON's escapes are TOML's, but for one character that JSON leaves as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
