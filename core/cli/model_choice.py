"""Which language model a command uses: one of this machine, or one behind a server."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.domain.connections import Connection
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice

if TYPE_CHECKING:
    from core.store.database import Database


def add_model_to(group: "argparse._ArgumentGroup") -> None:
    """Add --model, --device, --backend, --base-url and --key-variable."""
    default = ModelChoice()
    group.add_argument(
        "--model",
        default=default.model,
        metavar="ID",
        help="embedded, a Hugging Face id or a folder; the server's name with --backend openai "
        "(%(default)s)",
    )
    group.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default=default.device,
        help="where a local one runs (%(default)s)",
    )
    group.add_argument(
        "--backend",
        choices=("local", "openai"),
        default=default.backend,
        help="on this machine, or behind a server with OpenAI's API (%(default)s)",
    )
    group.add_argument(
        "--base-url",
        default="",
        metavar="URL",
        help="the server's, such as http://127.0.0.1:8080/v1",
    )
    group.add_argument(
        "--key-variable",
        default="",
        metavar="NAME",
        help="environment variable (or entry of .streamlit/secrets.toml) with the server's key; "
        "remembered with the connection",
    )


def chosen_model(args: argparse.Namespace) -> ModelChoice:
    """The model that the options name.

    Raises:
        BadInput: they don't go together.
    """
    name: str = args.model
    if args.backend == "openai":
        if name == ModelChoice().model:
            raise BadInput(
                "A server's model has to be named.", "Add --model NAME, as the server calls it."
            )
        # Checked and brought into its one form, so that equal servers are equal.
        connection = Connection(base_url=args.base_url, key_variable=args.key_variable)
        return ModelChoice(backend="openai", model=name, base_url=connection.base_url)
    if args.base_url or args.key_variable:
        raise BadInput(
            "--base-url and --key-variable are for a server's model.", "Add --backend openai."
        )
    # A folder's path must mean the same to the worker, which may run elsewhere.
    if name != ModelChoice().model and Path(name).is_dir():
        name = str(Path(name).resolve())
    return ModelChoice(model=name, device=args.device)


def remember_connection(db: "Database", args: argparse.Namespace, choice: ModelChoice) -> None:
    """Store a server's connection if it is new, or its key has another name now.

    Args:
        db: the store.
        args: the options.
        choice: as `chosen_model` gave it; nothing happens for a local one.
    """
    if choice.backend != "openai":
        return
    from core.store.connections import find_connection, save_connection

    known = find_connection(db, choice.base_url)
    if known is None:
        save_connection(db, Connection(base_url=choice.base_url, key_variable=args.key_variable))
    elif args.key_variable and args.key_variable != known.key_variable:
        save_connection(db, replace(known, key_variable=args.key_variable))
