"""Options that several commands share: knobs, model, spending limits, columns of files."""

import inspect
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from typer import Argument, Option

from core.cli.app import OptionGroup
from core.cli.lookup import find_dataset
from core.domain.conditions import Condition
from core.domain.connections import Connection
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import KNOBS
from core.domain.runs import BackendKind, Device, ModelChoice, absolute_model
from core.domain.spending import SpendingLimit
from core.store.connections import find_connection, save_connection
from core.store.database import Database

JsonOption = Annotated[bool, Option("--json", help="Print one JSON object on stdout.")]
JsonListOption = Annotated[bool, Option("--json", help="Print one JSON array on stdout.")]
RunArgument = Annotated[
    str, Argument(metavar="RUN", help="A run's id, the start of it, or its name.")
]
TaskOption = Annotated[
    str,
    Option(metavar="NAME|FILE.toml", help="A preset, a saved task (see tasks), or a TOML file."),
]
ExportOption = Annotated[
    Path, Option(help="FILE.jsonl, FILE.csv or FILE.parquet; replaced if it exists.")
]
SOURCE_HELP = (
    "FILE.csv, FILE.jsonl or FILE.parquet with the columns text and label; or a run's id, the "
    "start of it, or its name; or version:ID, reference:ID:train, reference:ID:test."
)
SourceArgument = Annotated[str, Argument(metavar="FILE_OR_RUN", help=SOURCE_HELP)]
KeyVariableOption = Annotated[
    str,
    Option(
        metavar="NAME",
        help="Environment variable (or entry of .streamlit/secrets.toml) with the server's key; "
        "stored with the connection.",
    ),
]

_PANELS = {"main": "Diversity", "decoding": "Diversity", "requests": "Prompts and requests"}
_TYPES = {"number": float, "whole": int, "toggle": bool}

KNOB_OPTIONS = tuple(knob for knob in KNOBS if knob.group in _PANELS and knob.kind != "other")


def check_range(
    flag: str, value: float | None, low: float, high: float = math.inf, *, remedy: str = ""
) -> None:
    """See that an option's value is in its range; None was not given.

    Raises:
        BadInput: it is not, or it is NaN.
    """
    if value is not None and not low <= value <= high:
        range_words = f"{low:g} or more" if high == math.inf else f"{low:g} to {high:g}"
        raise BadInput(f"{flag} is {value}.", remedy or f"Give {range_words}.")


def check_seed(seed: int | None) -> None:
    """See that a seed is one that numpy takes.

    Raises:
        BadInput: it is not.
    """
    check_range("--seed", seed, 0, 2**63 - 1, remedy="Give a whole number from 0 to 2**63 - 1.")


def given(**values: Any) -> dict[str, Any]:
    """The options that were given."""
    return {name: value for name, value in values.items() if value is not None}


class KnobOptions(OptionGroup):
    """An option for each knob of a condition that the registry declares."""

    def __init__(self, **values: Any) -> None:
        self._values = values

    @classmethod
    def parameters(cls) -> list[inspect.Parameter]:
        """The knobs as parameters of a function."""
        return [
            inspect.Parameter(
                knob.name,
                inspect.Parameter.KEYWORD_ONLY,
                annotation=Annotated[
                    _type_of(knob),
                    Option(knob.flag, help=_help(knob), rich_help_panel=_PANELS[knob.group]),
                ],
                default=knob.default,
            )
            for knob in KNOB_OPTIONS
        ]

    def condition(self) -> Condition:
        """The condition that the options name.

        Raises:
            BadInput: a value is out of its range.
        """
        condition = Condition()
        for knob in KNOB_OPTIONS:
            condition = knob.within(condition, self._values[knob.name])
        return condition


def _type_of(knob: Knob) -> Any:
    kind = Literal[tuple(knob.choices)] if knob.choices is not None else _TYPES[knob.kind]
    return kind | None if knob.optional else kind


def _help(knob: Knob) -> str:
    return f"{knob.help} [{knob.range_words}]" if knob.range_words else knob.help


@dataclass(frozen=True)
class ColumnOptions(OptionGroup):
    """Which columns of files hold texts and labels."""

    text_column: Annotated[str, Option(metavar="NAME", help="Column of texts in files.")] = "text"
    label_column: Annotated[str, Option(metavar="NAME", help="Column of labels in files.")] = (
        "label"
    )

    def find_dataset(self, db: Database, wanted: str) -> Dataset:
        """The texts that a person means, see `core.cli.lookup.find_dataset`."""
        return find_dataset(
            db, wanted, text_column=self.text_column, label_column=self.label_column
        )


@dataclass(frozen=True)
class SpendingOptions(OptionGroup):
    """What the requests to servers may take."""

    panel = "Spending limits for models behind servers"

    max_money: Annotated[
        float | None, Option(help="Pause before it costs more, at the connection's prices.")
    ] = None
    max_tokens_spent: Annotated[
        int | None, Option(help="Pause before more tokens are used, in prompts and answers.")
    ] = None
    max_requests: Annotated[
        int | None, Option(help="Pause before more requests are sent, failed ones included.")
    ] = None

    def limit(self) -> SpendingLimit | None:
        """The limit that the options name; None if they name none.

        Raises:
            BadInput: an amount is out of its range.
        """
        limit = SpendingLimit(
            money=self.max_money, tokens=self.max_tokens_spent, requests=self.max_requests
        )
        return limit if limit.on else None


@dataclass(frozen=True)
class ModelOptions(OptionGroup):
    """Which language model a command uses: one of this machine, or one behind a server."""

    panel = "Model"

    model: Annotated[
        str,
        Option(
            metavar="ID",
            help="embedded, a Hugging Face id or a folder; with --backend openai the server's "
            "name for it.",
        ),
    ] = ModelChoice().model
    device: Annotated[Device, Option(help="Where a local model runs.")] = "auto"
    backend: Annotated[
        BackendKind, Option(help="On this machine, or behind a server with OpenAI's API.")
    ] = "local"
    base_url: Annotated[
        str, Option(metavar="URL", help="Address of the server, such as http://127.0.0.1:8080/v1.")
    ] = ""
    key_variable: KeyVariableOption = ""

    def choice(self) -> ModelChoice:
        """The model that the options name.

        Raises:
            BadInput: they exclude each other.
        """
        if self.backend == "openai":
            if self.model == ModelChoice().model:
                raise BadInput(
                    "A server's model has to be named.", "Add --model NAME, as the server calls it."
                )
            # Checked and brought into its one form, so that equal servers are equal.
            connection = Connection(base_url=self.base_url, key_variable=self.key_variable)
            return ModelChoice(backend="openai", model=self.model, base_url=connection.base_url)
        if self.base_url or self.key_variable:
            raise BadInput(
                "--base-url and --key-variable are for a server's model.", "Add --backend openai."
            )
        return ModelChoice(model=absolute_model(self.model), device=self.device)

    def remember_connection(self, db: Database) -> None:
        """Store a server's connection if it is new, or if its key has another name now."""
        choice = self.choice()
        if choice.backend == "openai":
            remember_connection(db, choice.base_url, key_variable=self.key_variable)


def remember_connection(db: Database, base_url: str, *, key_variable: str) -> None:
    """Store a connection if it is new or its key has another name now; empty keeps the name."""
    known = find_connection(db, base_url)
    connection = known or Connection(base_url=base_url)
    if key_variable:
        connection = replace(connection, key_variable=key_variable)
    if connection != known:
        save_connection(db, connection)
