"""The tables of a grid file that are no axes: fixed knobs, repair and training."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from core.classification.settings import FineTuning
from core.conditions import Condition, Suppression, condition_from_dict
from core.errors import BadInput
from core.experiments.grid import GridFault
from core.experiments.recipe import Recipe

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
