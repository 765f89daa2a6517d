"""Where in a TOML file each key stands, which `tomllib` does not tell."""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from core.classification.settings import FineTuning
from core.domain.conditions import Condition, Suppression, condition_from_dict
from core.domain.connections import checked_url
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.domain.spending import SpendingLimit
from core.domain.tasks import MAX_FILE_BYTES, Task
from core.sweeps.assessment.recipe import Recipe
from core.sweeps.grid.plan import check_seeding
from core.sweeps.grid.spec import AXES, Grid, GridFault

KeyPath = tuple[str, ...]

_QUOTES = ('"""', "'''", '"', "'")
_AT_LINE = re.compile(r"^(.*?) \(at line (\d+), column \d+\)$", re.DOTALL)


def lines_of_keys(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of each key and table header by its path ("axes", "temperature").

    Args:
        text: TOML that `tomllib` can read. Keys within inline tables are left out, and of an
            array of tables the first stands for all.
    """
    found: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for start, key, header in _statements(text):
        line = text.count("\n", 0, start) + 1
        path = key if header else table + key
        if header:
            table = key
        for length in range(1, len(path) + 1):
            found.setdefault(path[:length], line)
    return found


def line_of_error(error: ValueError) -> tuple[int | None, str]:
    """The line that `tomllib` refuses, None at the file's end, and its reason."""
    told = str(error)
    match = _AT_LINE.match(told)
    if match is None:
        return None, told.replace(" (at end of document)", " at the file's end")
    return int(match[2]), match[1]


def _statements(text: str) -> Iterator[tuple[int, KeyPath, bool]]:
    """Each statement's place, its key, and whether it is a table's header."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text[at] == "#":
            at = _end_of_line(text, at)
        elif text[at] == "[":
            double = text.startswith("[[", at)
            end = _until(text, at + 1 + double, "]")
            yield at, _key(text[at + 1 + double : end]), True
            at = _end_of_line(text, end)
        else:
            end = _until(text, at, "=")
            yield at, _key(text[at:end]), False
            at = _after_value(text, end + 1)


def _key(words: str) -> KeyPath:
    data = tomllib.loads(f"{words.strip()} = 0")
    path: list[str] = []
    while isinstance(data, dict):
        ((name, data),) = data.items()
        path.append(name)
    return tuple(path)


def _after_value(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = _after_string(text, at)
            continue
        if char == "#":
            at = _end_of_line(text, at)
            continue
        if char == "\n" and depth == 0:
            return at
        depth += (char in "[{") - (char in "]}")
        at += 1
    return at


def _until(text: str, at: int, sign: str) -> int:
    """The place of a sign outside of quotes."""
    while at < len(text) and text[at] != sign:
        at = _after_string(text, at) if text[at] in "\"'" else at + 1
    return at


def _after_string(text: str, at: int) -> int:
    quote = next(quote for quote in _QUOTES if text.startswith(quote, at))
    at += len(quote)
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    at += len(quote)
    # A multi-line string may end in one or two quotes of its own.
    while len(quote) == 3 and text.startswith(quote[0], at):
        at += 1
    return at


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


_REPAIR = {
    "inspect": "budgets",
    "repeats": "lr_repeats",
    "weight": "weight",
    "out_of_scope": "filter",
}
_TRAIN = {"kind": "classifier", "seeds": "train_seeds"}
_OWN_AXIS = ("temperature", "min_p")


def base_condition(table: Mapping[str, Any]) -> Condition:
    """The fixed knobs of the table [condition].

    Raises:
        GridFault: a value is refused or a key unknown.
    """
    for axis in _OWN_AXIS:
        if axis in table:
            raise GridFault(f"condition.{axis}", "it is an axis.", "Write it in [axes].")
    check_keys("condition", table, [f.name for f in fields(Condition) if f.name not in _OWN_AXIS])
    suppression = table.get("suppression", {})
    key = "condition.suppression"
    if not isinstance(suppression, dict):
        raise GridFault(key, "it is no table.", "Its strengths are an axis: write them in [axes].")
    if "strength" in suppression:
        raise GridFault(f"{key}.strength", "it is an axis.", "Write suppression = [...] in [axes].")
    knobs = [f.name for f in fields(Suppression) if f.name != "strength"]
    check_keys(key, suppression, knobs)
    values: dict[str, Any] = {}
    # One by one, as a refusal tells no key.
    for name, value in suppression.items():
        values.setdefault("suppression", {})[name] = even = _even(value, name == "floor")
        with keyed(f"{key}.{name}"):
            Suppression(**{name: even})
    for name, value in table.items():
        if name != "suppression":
            values[name] = _even(value, name in ("top_p", "frequency_penalty"))
            with keyed(f"condition.{name}"):
                condition_from_dict({name: values[name]})
    return condition_from_dict(values)


def recipe_of(repair: Mapping[str, Any], train: Mapping[str, Any], seed: int) -> Recipe:
    """What is measured and repaired, by the tables [repair] and [train].

    Raises:
        GridFault: a value is refused or a key unknown.
    """
    settings = {f.name: f.default for f in fields(FineTuning)}
    check_keys("repair", repair, _REPAIR)
    check_keys("train", train, (*_TRAIN, *settings))
    values: dict[str, Any] = {"seed": seed}
    for name, value in repair.items():
        key = f"repair.{name}"
        if name == "inspect" and not isinstance(value, list):
            raise GridFault(key, "it is no list.", 'Write inspect = [0, 90, 180, 270, "all"].')
        if name == "out_of_scope":
            _check_truth(key, value)
        given: Any = tuple(value) if isinstance(value, list) else _even(value, name == "weight")
        values[_REPAIR[name]] = given
        with keyed(key):
            Recipe(**{_REPAIR[name]: given})
    chosen: dict[str, Any] = {}
    for name, value in train.items():
        key = f"train.{name}"
        if name in _TRAIN:
            values[_TRAIN[name]] = value
            with keyed(key):
                Recipe(**{_TRAIN[name]: value})
            continue
        if isinstance(settings[name], bool):
            _check_truth(key, value)
        chosen[name] = _even(value, name == "learning_rate" or isinstance(settings[name], float))
        with keyed(key):
            FineTuning(**{name: chosen[name]})
            if name == "model":
                chosen[name] = model_name(value)
    return Recipe(**values, fine_tuning=FineTuning(**chosen))


def model_name(name: str) -> str:
    """A model's name; a folder's path is made to mean the same to a worker that runs elsewhere."""
    # No name is refused later; as a path it would be the working folder.
    folder = name not in ("", "embedded") and Path(name).is_dir()
    return str(Path(name).resolve()) if folder else name


@contextmanager
def keyed(key: str) -> Iterator[None]:
    """Let a refusal say at which key it came."""
    try:
        yield
    except GridFault:
        raise
    except BadInput as error:
        raise GridFault(key, error.what, error.remedy) from error
    except (TypeError, AttributeError) as error:
        raise GridFault(key, "it is of the wrong kind.", "See the example of sweep --help.") from (
            error
        )


def check_keys(where: str, table: Mapping[str, Any], known: Iterable[str]) -> None:
    """See that all keys of a table are known.

    Args:
        where: the table's key; "" is the top level.
        table: what the file has.
        known: the keys that it may have.

    Raises:
        GridFault: one is not; the nearest known one is named.
    """
    known = list(known)
    for key in table:
        if key in known:
            continue
        path = f"{where}.{key}" if where else key
        near = get_close_matches(key, known, n=1)
        remedy = f"Is it {near[0]}?" if near else f"The keys here are {', '.join(known)}."
        raise GridFault(path, "there is no such key.", remedy)


def _check_truth(key: str, value: object) -> None:
    if not isinstance(value, bool):
        raise GridFault(key, "it is neither true nor false.", "Set it to one.")


def _even(value: Any, real: bool) -> Any:
    """A whole number in place of a real one made real: equal specs have equal texts."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if real and whole else value


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
