"""Grid files: a grid as a page of TOML, read; `core.sweeps.grid.writing` writes them.

The shape of a file is a pydantic model, whose errors say at which key they are; values are checked
by the settings that they are for. `tomllib` does not tell lines, so `lines_of_keys` finds them.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    create_model,
)

from core.classification.settings import FineTuning
from core.domain.conditions import condition_from_dict
from core.domain.connections import checked_url
from core.domain.errors import BadInput
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import AXES, KNOBS
from core.domain.runs import ModelChoice, absolute_model
from core.domain.serialization import parse_toml
from core.domain.spending import SpendingLimit
from core.domain.tasks import MAX_FILE_BYTES, Task
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.plan import check_seeding
from core.sweeps.grid.spec import Grid, GridError

KeyPath = tuple[str, ...]

MAX_LINES_OF_VALUE = 500
"""Lines of a value after which no further key is looked for."""

_AT_LINE = re.compile(r"^(.*?) \(at line (\d+), column \d+\)$", re.DOTALL)
_KINDS: Mapping[str, tuple[str, str]] = {
    "missing": ("it is missing.", 'Add a line like {name} = "sst2".'),
    "model_type": ("it must be a table.", "Write [{key}] and its keys below it."),
    "list_type": ("it must be a list.", "Write {name} = [...]."),
    "string_type": ("it must be text.", "Write it in quotes."),
    "bool_type": ("it must be true or false.", "Set it to one of the two."),
    "int_type": ("it must be a whole number.", "Write it without quotes and decimals."),
    "float_type": ("it must be a number.", "Write it without quotes."),
}


class _Refused(ValueError):
    """Carries a refusal of the settings' own through pydantic, which adds where it came."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


def _checked(check: Callable[[Any], Any]) -> AfterValidator:
    """Let settings refuse a value; what `check` returns takes its place."""

    def validate(value: Any) -> Any:
        try:
            return check(value)
        except BadInput as error:
            raise _Refused(error.what, error.remedy) from error
        except (TypeError, AttributeError) as error:
            raise _Refused("it is of the wrong kind.", "sweep --help has an example.") from error

    return AfterValidator(validate)


def _table(name: str, keys: Mapping[str, object]) -> type[BaseModel]:
    """A table of a file, by the type of each key; none has to be there."""
    optional: dict[str, Any] = {key: (kind, None) for key, kind in keys.items()}
    return create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **optional)


def _fits(settings: type, name: str, convert: Callable[[Any], Any] = lambda value: value) -> Any:
    """A check that settings accept a value for a field, all else at its default."""

    def check(value: Any) -> Any:
        value = convert(value)
        settings(**{name: value})
        return value

    return _checked(check)


def _condition_table(name: str, knobs: Sequence[Knob], depth: int) -> type[BaseModel]:
    keys: dict[str, Any] = {}
    inner: dict[str, list[Knob]] = {}
    kinds = {"number": float, "whole": int, "choice": str, "toggle": bool}
    for knob in knobs:
        if len(knob.path) > depth + 1:
            inner.setdefault(knob.path[depth], []).append(knob)
        else:
            keys[knob.path[depth]] = Annotated[kinds[knob.kind], _knob_check(knob)]
    for key, own in inner.items():
        keys[key] = _condition_table(f"{name}.{key}", own, depth + 1)
    if depth == 1:
        keys["logit_bias"] = Annotated[list[Any], _checked(_logit_bias)]
    return _table(name, keys)


def _knob_check(knob: Knob) -> AfterValidator:
    def check(value: Any) -> Any:
        knob.check(value)
        return value

    return _checked(check)


def _logit_bias(pairs: list[Any]) -> tuple[tuple[int, float], ...]:
    return condition_from_dict({"logit_bias": pairs}).logit_bias


def _model_table(value: object) -> object:
    return {"model": value} if isinstance(value, str) else value


def _model_choice(table: Any) -> ModelChoice:
    choice = _given(table)
    if choice.get("base_url"):
        choice["base_url"] = checked_url(choice["base_url"])
    if "model" in choice and "base_url" not in choice:
        choice["model"] = absolute_model(choice["model"])
    return ModelChoice(**choice)


_ModelTable: Any = _table("model", {item.name: str for item in fields(ModelChoice)})
_Model: Any = Annotated[
    _ModelTable,
    BeforeValidator(_model_table),
    _checked(_model_choice),
]
REPAIR_KEYS = {"inspect": "budgets", "repeats": "lr_repeats", "weight": "weight"}
_TRAIN = {"kind": "classifier", "seeds": "train_seeds"}
_SPENDING = tuple(item.name for item in fields(SpendingLimit))
_PLAIN = ("name", "study", "per_label", "seed", "repeats")

_Axes = _table(
    "axes", {axis.name: list[_Model] if axis.name == "model" else list[Any] for axis in AXES}
)
_Condition = _condition_table(
    "condition", [knob for knob in KNOBS if knob.path[0] == "condition" and not knob.axis], 1
)
_Repair = _table(
    "repair",
    {
        "inspect": Annotated[list[Any], _fits(Recipe, "budgets", tuple)],
        "repeats": Annotated[int, _fits(Recipe, "lr_repeats")],
        "weight": Annotated[float, _fits(Recipe, "weight")],
        "out_of_scope": bool,
    },
)
_Train = _table(
    "train",
    {key: Annotated[Any, _fits(Recipe, name)] for key, name in _TRAIN.items()}
    | {
        item.name: Annotated[
            item.type,
            _fits(FineTuning, item.name, *([absolute_model] if item.name == "model" else [])),
        ]
        for item in fields(FineTuning)
    },
)
_Limits = _table(
    "limits",
    {"conditions": Any} | {name: Annotated[Any, _fits(SpendingLimit, name)] for name in _SPENDING},
)


class _File(BaseModel):
    """A whole file. `Grid` checks what is `Any` here."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Any = None
    study: Any = None
    task: str
    reference: str | None = None
    per_label: Any = None
    seed: Any = None
    repeats: Any = None
    axes: _Axes = _Axes()  # type: ignore[valid-type]
    condition: _Condition = _Condition()  # type: ignore[valid-type]
    repair: _Repair = _Repair()  # type: ignore[valid-type]
    train: _Train = _Train()  # type: ignore[valid-type]
    limits: _Limits = _Limits()  # type: ignore[valid-type]


def _given(table: BaseModel) -> dict[str, Any]:
    """The keys that a file has, with their values."""
    values = {name: getattr(table, name) for name in table.model_fields_set}
    return {
        name: _given(value) if isinstance(value, BaseModel) else value
        for name, value in values.items()
    }


def _grid_error(error: ValidationError) -> GridError:
    """The first error of a file's shape, with its key."""
    first = error.errors(include_url=False)[0]
    path = [part for part in first["loc"] if isinstance(part, str)]
    key, kind = ".".join(path), first["type"]
    refused = first.get("ctx", {}).get("error")
    if isinstance(refused, _Refused):
        return GridError(key, refused.what, refused.remedy)
    if kind == "extra_forbidden":
        axis = next((axis for axis in AXES if list(axis.path) == path), None)
        if axis is not None:
            return GridError(key, "it is an axis.", f"Write {axis.name} = [...] in [axes].")
        known = _keys_at(path[:-1])
        near = get_close_matches(path[-1], known, n=1)
        remedy = f"Is it {near[0]}?" if near else f"The keys here are {', '.join(known)}."
        return GridError(key, "there is no such key.", remedy)
    if kind == "model_type" and path == ["axes", "model"]:
        return GridError(key, "a model must be a name or a table.", 'Write "embedded" or so.')
    what, remedy = _KINDS.get(kind, (f"{first['msg']}.", "sweep --help has an example."))
    return GridError(key, what, remedy.format(key=key, name=path[-1]))


def _keys_at(path: Sequence[str]) -> list[str]:
    if list(path) == ["axes", "model"]:
        return [field.name for field in fields(ModelChoice)]
    table: Any = _File
    for name in path:
        table = table.model_fields[name].annotation
    return list(table.model_fields)


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Let a refusal say at which key it came.

    Raises:
        GridError: what is refused within.
    """
    try:
        yield
    except GridError:
        raise
    except BadInput as error:
        raise GridError(key, error.what, error.remedy) from error


@dataclass(frozen=True, slots=True)
class GridFile:
    """What a grid file says.

    Args:
        grid: the grid, still without its reference.
        reference: what the file names as one: "example", an id or a name in the store, or a
            folder's path; None without one.
        source: how a message names the file.
        text: of the file.
    """

    grid: Grid
    reference: str | None
    source: str = "The grid file"
    text: str = ""

    @contextmanager
    def naming(self, key: str) -> Iterator[None]:
        """Let a refusal say file, line and key, as those of the file itself do."""
        try:
            with keyed(key):
                yield
        except GridError as error:
            raise _at_line(error, self.source, self.text) from error


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
            `axes` (a list for each knob that can vary; a model is a name or a table of backend,
            model, base_url, device), `condition` (any other knob of `Condition`), `repair`
            (`inspect`, `repeats`, `weight`, `out_of_scope`), `train` (`kind`, `seeds`, and settings
            of `FineTuning`), `limits` (`conditions`; and of servers' models `money`, `tokens`,
            `requests` of all runs together).
        find_task: the task of that name or file.
        source: how a message names the file.
        folder: what relative paths may start from; what is not there is left as it is.

    Raises:
        BadInput: it is not TOML, or a value is refused or a key unknown: with line and key, as in
            "grid.toml, line 7, axes.temperature: 3 is above 2."
    """
    try:
        data = parse_toml(text)
    except ValueError as error:  # TOMLDecodeError is one; so is a number of over 4,300 digits
        line, reason = line_of_error(error)
        where = source if line is None else f"{source}, line {line}"
        raise BadInput(f"{where}: it is not valid TOML ({reason}).", "Correct that line.") from (
            error
        )
    except RecursionError as error:
        raise BadInput(f"{source} is nested too deeply.", "A grid file has little nesting.") from (
            error
        )
    try:
        grid, reference = _read(data, find_task, folder)
    except GridError as error:
        raise _at_line(error, source, text) from error
    return GridFile(grid, reference, source, text)


def _read(
    data: Mapping[str, object], find_task: Callable[[str], Task], folder: Path | None
) -> tuple[Grid, str | None]:
    try:
        file: Any = _File.model_validate(data)
    except ValidationError as error:
        raise _grid_error(error) from error
    for key, name in (("task", file.task), ("reference", file.reference)):
        if name is not None and not name.strip():
            raise GridError(key, "it is empty.", "Write a name.")
    with keyed("task"):
        task = find_task(_path_of(folder, file.task) if _is_file(file.task) else file.task)
    reference = file.reference
    if reference is not None and reference != "example":
        reference = _path_of(folder, reference)
    limits = _given(file.limits)
    values: dict[str, Any] = {name: data[name] for name in _PLAIN if name in data}
    values["axes"] = {name: tuple(axis) for name, axis in _given(file.axes).items()}
    if "conditions" in limits:
        values["cap"] = limits.pop("conditions")
    with keyed("condition"):
        values["base"] = condition_from_dict(_given(file.condition))
    grid = Grid(task=task, **values, spend=SpendingLimit(**limits))
    repair = _given(file.repair)
    train = _given(file.train)
    recipe = Recipe(
        seed=grid.seed,
        filter=repair.pop("out_of_scope", Recipe().filter),
        **{REPAIR_KEYS[key]: value for key, value in repair.items()},
        **{_TRAIN[key]: train.pop(key) for key in _TRAIN if key in train},
        fine_tuning=FineTuning(**train),
    )
    grid = Grid(task=task, **values, spend=grid.spend, recipe=recipe)
    check_seeding(grid, train=reference is not None)
    return grid, reference


def _is_file(task: str) -> bool:
    return task.lower().endswith(".toml")


def _path_of(folder: Path | None, name: str) -> str:
    """A path from the file's folder if something is there, else the name as given."""
    try:
        beside = folder is not None and not Path(name).is_absolute() and (folder / name).exists()
    except (OSError, ValueError):
        return name
    return str(folder / name) if folder is not None and beside else name


def lines_of_keys(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of each key and table header by its path ("axes", "temperature").

    Args:
        text: TOML that `tomllib` can read. Of an array of tables the first stands for all.
    """
    lines_by_key: dict[KeyPath, int] = {}
    table: KeyPath = ()
    start, lines = 0, text.replace("\r\n", "\n").split("\n")
    for end in range(1, len(lines) + 1):
        statement = "\n".join(lines[start:end])
        try:
            data = tomllib.loads(statement)
        except ValueError:  # a value that goes on in the next line
            if end - start > MAX_LINES_OF_VALUE:  # each further line reads the value anew
                return lines_by_key
            continue
        paths = list(_paths(data))
        header = statement.lstrip().startswith("[")
        for path in paths:
            lines_by_key.setdefault(path if header else table + path, start + 1)
        if header:
            table = paths[-1]
        start = end
    return lines_by_key


def _paths(data: object) -> Iterator[KeyPath]:
    """The paths of all keys, outer ones first."""
    if isinstance(data, list):
        for item in data:
            yield from _paths(item)
    elif isinstance(data, dict):
        for name, value in data.items():
            yield (name,)
            yield from ((name, *path) for path in _paths(value))


def line_of_error(error: ValueError) -> tuple[int | None, str]:
    """The line that `tomllib` refuses, None at the file's end, and its reason."""
    message = str(error)
    match = _AT_LINE.match(message)
    if match is None:
        return None, message.replace(" (at end of document)", " at the file's end")
    return int(match[2]), match[1]


def _at_line(error: GridError, source: str, text: str) -> BadInput:
    lines = lines_of_keys(text)
    path = tuple(error.key.split("."))
    while path and path not in lines:
        path = path[:-1]
    where = f"{source}, line {lines[path]}" if path else source
    return BadInput(f"{where}, {error.what}", error.remedy)
