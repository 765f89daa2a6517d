"""A grid as the text of a grid file, for `core.sweeps.grid.file` to read again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TypeAlias

from core.classification.settings import FineTuning
from core.diversity.embedding.encoder import EncoderChoice
from core.domain.conditions import Condition
from core.domain.registries.knobs import KNOBS
from core.domain.runs import ModelChoice
from core.domain.serialization import to_json
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.file import REPAIR_KEYS
from core.sweeps.grid.spec import MAX_CONDITIONS, Grid

TomlValue: TypeAlias = "str | bool | int | float | Sequence[TomlValue] | Mapping[str, TomlValue]"
TomlTable: TypeAlias = dict[str, TomlValue]


def grid_toml(grid: Grid, *, task: str, reference: str | None = None) -> str:
    """The grid file; `grid_from_toml` makes the same grid of it, but for its reference.

    What a person chooses first is always written, everything else where it is not the default.

    Args:
        task: a name by which it is found again: a preset's, a saved task's, or a file.
        reference: "example", an id or a name in the store, or a folder; None writes none.

    Raises:
        ValueError: the grid has what a file can't express: an encoder of its own, or a recipe with
            another seed.
    """
    recipe = grid.recipe
    if recipe.encoder != EncoderChoice() or recipe.seed != grid.seed:
        raise ValueError("a grid file has no encoder and one seed alone")
    top: TomlTable = {"name": grid.name} if grid.name else {}
    top |= {"study": grid.study} if grid.study else {}
    top |= {"task": task} | ({"reference": reference} if reference is not None else {})
    top |= {"per_label": grid.per_label, "seed": grid.seed, "repeats": grid.repeats}
    axes: TomlTable = {name: list(values) for name, values in grid.axes.items()}
    axes["model"] = [_model_value(model) for model in grid.models]
    repair = {key: getattr(recipe, name) for key, name in REPAIR_KEYS.items()}
    train: TomlTable = {"kind": recipe.classifier}
    if recipe.train_seeds != Recipe().train_seeds:
        train["seeds"] = recipe.train_seeds
    limits: TomlTable = {} if grid.cap == MAX_CONDITIONS else {"conditions": grid.cap}
    limits |= {name: value for name, value in to_json(grid.spend).items() if value is not None}
    tables: dict[str, TomlTable] = {
        "axes": axes,
        **_condition_tables(grid.base),
        "repair": {**repair, "out_of_scope": recipe.filter},
        "train": train | _changed(recipe.fine_tuning),
        "limits": limits,
    }
    parts = ["\n".join(_lines(top))]
    parts += ["\n".join([f"[{name}]", *_lines(table)]) for name, table in tables.items() if table]
    return "\n\n".join(parts) + "\n"


def _condition_tables(base: Condition) -> dict[str, TomlTable]:
    """The knobs that are no axes and not at their default, by the table that has them."""
    tables: dict[str, TomlTable] = {"condition": {}}
    for knob in KNOBS:
        if knob.path[0] == "condition" and not knob.axis:
            value = knob.value_in_condition(base)
            if value != knob.default:
                tables.setdefault(".".join(knob.path[:-1]), {})[knob.path[-1]] = value
    if base.logit_bias:
        tables["condition"]["logit_bias"] = base.logit_bias
    return tables


def _changed(settings: FineTuning) -> TomlTable:
    defaults = FineTuning()
    values = {item.name: getattr(settings, item.name) for item in fields(settings)}
    return {name: value for name, value in values.items() if value != getattr(defaults, name)}


def _model_value(model: ModelChoice) -> TomlValue:
    table = model.to_dict()
    return model.model if table == ModelChoice(model=model.model).to_dict() else table


def _lines(table: Mapping[str, TomlValue]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: TomlValue) -> str:
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
