"""Options that several commands share: model, spending limits, columns of files."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from core.cli.app import OptionGroup
from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import BackendKind, Device, ModelChoice
from core.domain.spending import SpendingLimit

if TYPE_CHECKING:
    from core.store.database import Database

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

_KEY_HELP = (
    "Environment variable (or entry of .streamlit/secrets.toml) with the server's key; stored "
    "with the connection."
)
KeyVariableOption = Annotated[str, Option(metavar="NAME", help=_KEY_HELP)]


@dataclass(frozen=True)
class ColumnOptions(OptionGroup):
    """Which columns of files hold texts and labels."""

    text_column: Annotated[str, Option(metavar="NAME", help="Column of texts in files.")] = "text"
    label_column: Annotated[str, Option(metavar="NAME", help="Column of labels in files.")] = (
        "label"
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

    def remember_connection(self, db: "Database") -> None:
        """Store a server's connection if it is new, or if its key has another name now."""
        choice = self.choice()
        if choice.backend == "openai":
            remember_connection(db, choice.base_url, key_variable=self.key_variable)


def absolute_model(name: str) -> str:
    """A model's name; of a folder the absolute path, as the worker may run in another one."""
    is_folder = name != ModelChoice().model and Path(name).is_dir()
    return str(Path(name).resolve()) if is_folder else name


def remember_connection(db: "Database", base_url: str, *, key_variable: str) -> None:
    """Store a connection if it is new or its key has another name now; empty keeps the name."""
    from core.store.connections import find_connection, save_connection

    known = find_connection(db, base_url)
    connection = known or Connection(base_url=base_url)
    if key_variable:
        connection = replace(connection, key_variable=key_variable)
    if connection != known:
        save_connection(db, connection)
