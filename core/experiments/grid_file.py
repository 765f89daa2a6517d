"""Grid files: a sweep as a TOML file, and where in it a mistake stands."""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.connections import checked_url
from core.errors import BadInput
from core.experiments.grid import AXES, Grid, GridFault
from core.experiments.grid_tables import base_condition, check_keys, keyed, model_name, recipe_of
from core.experiments.planned import check_seeding
from core.experiments.toml_lines import line_of_error, lines_of_keys
from core.runs import ModelChoice
from core.spending import SpendingLimit
from core.tasks import MAX_FILE_BYTES, Task

_PLAIN = ("name", "study", "per_label", "seed", "repeats")
_SPENDING = ("money", "tokens", "requests")
_TABLES = ("axes", "condition", "repair", "train", "limits")


@dataclass(frozen=True, slots=True)
class GridFile:
    """What a grid file says.

    Args:
        grid: the grid, still without its reference.
        reference: what the file names as one: "example", an id or a name in the store, or a
            folder's path; None without one.
        source: how a message names the file.
        lines: where each of its keys stands.
    """

    grid: Grid
    reference: str | None
    source: str = "The grid file"
    lines: Mapping[tuple[str, ...], int] = field(default_factory=dict)

    @contextmanager
    def naming(self, key: str) -> Iterator[None]:
        """Let a refusal say file, line and key, as those of the file itself do."""
        try:
            with keyed(key):
                yield
        except GridFault as fault:
            raise _placed(fault, self.source, self.lines) from fault


def read_grid_file(path: Path, *, find_task: Callable[[str], Task]) -> GridFile:
    """Read a grid from a TOML file (UTF-8, at most 1 MB); paths in it may be relative to its own.

    Raises:
        BadInput: the file is missing, no plain file, too large, not UTF-8, or `grid_from_toml`
            refuses it.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device could be endless
            raise BadInput(f"The grid file {path} is not a plain file.", "Check its path.")
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"The grid file {path} can't be read ({reason}).", "Check its path.") from (
            error
        )
    if len(raw) > MAX_FILE_BYTES:
        raise BadInput(f"The grid file {path} is over 1 MB.", "A grid file is a page of text.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"The grid file {path} is not UTF-8.", "Save it as UTF-8.") from error
    return grid_from_toml(text, find_task=find_task, source=path.name, folder=path.parent)


def grid_from_toml(
    text: str,
    *,
    find_task: Callable[[str], Task],
    source: str = "The grid file",
    folder: Path | None = None,
) -> GridFile:
    """Read a grid from the text of a TOML file; what it lacks is as `Grid` and `Recipe` have it.

    Args:
        text: top level `name`, `study`, `task`, `reference`, `per_label`, `seed`, `repeats`; tables
            `axes` (lists `temperature`, `suppression`, `seeding`, `min_p`, `model`; a model is a
            name or a table of backend, model, base_url, device), `condition` (any other knob of
            `Condition`), `repair` (`inspect`, `repeats`, `weight`, `out_of_scope`), `train`
            (`kind`, `seeds`, and settings of `FineTuning`), `limits` (`conditions`; and of servers'
            models `money`, `tokens`, `requests` of all runs together).
        find_task: the task of that name or file.
        source: how a message names the file.
        folder: what relative paths may start from; what is not there is left as it is.

    Raises:
        BadInput: it is no TOML, or a value is refused or a key unknown: with line and key, as in
            "grid.toml, line 7, axes.temperature: 3 is above 2."
    """
    try:
        data = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError is one; so is a number of over 4,300 digits
        line, reason = line_of_error(error)
        where = source if line is None else f"{source}, line {line}"
        raise BadInput(f"{where}: it is not valid TOML ({reason}).", "Mend that line.") from error
    except RecursionError as error:
        raise BadInput(f"{source} is nested too deeply.", "A grid file has little nesting.") from (
            error
        )
    lines = lines_of_keys(text)
    try:
        grid, reference = _read(data, find_task, folder)
    except GridFault as fault:
        raise _placed(fault, source, lines) from fault
    return GridFile(grid, reference, source, lines)


def _placed(fault: GridFault, source: str, lines: Mapping[tuple[str, ...], int]) -> BadInput:
    path = tuple(fault.key.split("."))
    while path and path not in lines:
        path = path[:-1]
    where = f"{source}, line {lines[path]}" if path else source
    return BadInput(f"{where}, {fault.what}", fault.remedy)


def _read(
    data: Mapping[str, Any], find_task: Callable[[str], Task], folder: Path | None
) -> tuple[Grid, str | None]:
    check_keys("", data, (*_PLAIN, "task", "reference", *_TABLES))
    tables = {name: _table(data, name) for name in _TABLES}
    if "task" not in data:
        raise GridFault("task", "it is missing.", 'Add a line task = "sst2".')
    with keyed("task"):
        named = _words(data, "task")
        task = find_task(_found(folder, named) if named.lower().endswith(".toml") else named)
    reference = _words(data, "reference") if "reference" in data else None
    if reference is not None and reference != "example":
        reference = _found(folder, reference)
    values: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    values |= _axes(tables["axes"])
    values |= _limits(tables["limits"])
    grid = Grid(task=task, **values, base=base_condition(tables["condition"]))
    # Only now is the seed known to be one.
    recipe = recipe_of(tables["repair"], tables["train"], grid.seed)
    grid = Grid(task=task, **values, base=grid.base, recipe=recipe)
    check_seeding(grid, train=reference is not None)
    return grid, reference


def _limits(table: Mapping[str, Any]) -> dict[str, Any]:
    check_keys("limits", table, ("conditions", *_SPENDING))
    found: dict[str, Any] = {"cap": table["conditions"]} if "conditions" in table else {}
    spending = {name: table[name] for name in _SPENDING if name in table}
    for name, value in spending.items():
        with keyed(f"limits.{name}"):
            SpendingLimit(**{name: value})
    return found | ({"spend": SpendingLimit(**spending)} if spending else {})


def _axes(table: Mapping[str, Any]) -> dict[str, Any]:
    check_keys("axes", table, (*AXES, "model"))
    found: dict[str, Any] = {}
    for axis, values in table.items():
        key = f"axes.{axis}"
        if not isinstance(values, list):
            raise GridFault(key, "it is no list.", f"Write {axis} = [...].")
        if axis == "model":
            found["models"] = tuple(_model(key, value) for value in values)
        else:
            found[axis] = tuple(values)
    return found


def _model(key: str, value: object) -> ModelChoice:
    told = {"model": value} if isinstance(value, str) else value
    if not isinstance(told, dict):
        raise GridFault(key, "a model is neither a name nor a table.", 'Write "embedded" or so.')
    check_keys(key, told, [f.name for f in fields(ModelChoice)])
    for name, part in told.items():
        if not isinstance(part, str):
            raise GridFault(key, f"the model's {name} is no text.", "Write it in quotes.")

    choice = dict(told)
    with keyed(key):
        if choice.get("base_url"):
            choice["base_url"] = checked_url(choice["base_url"])
        if "model" in choice and "base_url" not in choice:
            choice["model"] = model_name(choice["model"])
        return ModelChoice(**choice)


def _table(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = data.get(name, {})
    if not isinstance(table, dict):
        raise GridFault(name, "it is no table.", f"Write [{name}] and its keys below it.")
    return table


def _words(data: Mapping[str, Any], key: str) -> str:
    words = data[key]
    if not isinstance(words, str) or not words.strip():
        raise GridFault(key, "it is no text.", "Write it in quotes.")
    return words


def _found(folder: Path | None, name: str) -> str:
    """A path from the file's folder if something is there, else what was given."""
    try:
        beside = folder is not None and not Path(name).is_absolute() and (folder / name).exists()
    except (OSError, ValueError):
        return name
    return str(folder / name) if folder is not None and beside else name
