"""`measure`: how diverse texts are, from a file or a run."""

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from core.cli.parser import Commands
from core.cli.sources import SOURCE_HELP, find_dataset
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.domain.datasets import Dataset
    from core.store.database import Database

_BULKY = ("texts", "pairs")


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "measure",
        help="measure how diverse texts are",
        description="Measure how diverse texts are, all together and label by label, and how near "
        "they are to real ones. Each vector is computed once for an encoder and kept in the store.",
        epilog="Example: python -m core measure reviews.jsonl --reference real.csv",
    )
    parser.add_argument(
        "wanted",
        metavar="FILE_OR_RUN",
        help=SOURCE_HELP,
    )
    parser.add_argument("--reference", metavar="FILE", help="real texts to compare with; likewise")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--texts", action="store_true", help="with --json: the numbers of each text, too"
    )
    parser.add_argument("--label", metavar="NAME", help="measure the texts of this label only")
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument(
        "--label-column", default="label", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument(
        "--encoder",
        default="embedded",
        metavar="ID",
        help="embedded (all-MiniLM-L6-v2), a Hugging Face id or a folder (%(default)s)",
    )
    parser.add_argument("--pooling", default="mean", choices=("mean", "cls"), help="(%(default)s)")
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "mps"),
        help="where the encoder runs (%(default)s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="K",
        help="of resamples and samples (%(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: a file is refused, there is no such run, or the encoder is not to be had.
    """
    from core.diversity.embedding.encoder import EncoderChoice
    from core.domain.settings import home_from
    from core.store.database import open_database

    if args.seed < 0:
        raise BadInput(f"--seed is {args.seed}.", "Give 0 or more.")
    choice = EncoderChoice(args.encoder, args.pooling, args.device)
    home = home_from()
    db = open_database(home)
    dataset = _dataset(db, args.wanted, args)
    real = None if args.reference is None else _dataset(db, args.reference, args)
    if real is not None and not set(real.labels) & set(dataset.labels):
        raise BadInput(
            f"The reference's labels ({_listed(real)}) are none of the dataset's "
            f"({_listed(dataset)}).",
            "Name the labels alike in both.",
        )

    import numpy as np

    from core.cli.measure_report import Progress, in_words
    from core.diversity.embedding.embedding import embedded
    from core.diversity.embedding.loading import EncoderKeeper
    from core.diversity.measures.measure import measure

    with Progress(sys.stderr) as progress:
        progress.say("Loading the encoder")
        encoder = EncoderKeeper(home.models).encoder(choice)
        texts = [*dataset.texts, *(real.texts if real else ())]
        vectors = embedded(db, encoder, texts, progress=progress.embedded)
        progress.say("Measuring")
        n = len(dataset)
        result = measure(
            dataset,
            vectors[:n],
            rng=np.random.default_rng(args.seed),
            encoder=encoder.facts,
            reference=None if real is None else (real, vectors[n:]),
        )
    if args.json:
        kept = {k: v for k, v in result.items() if args.texts or k not in _BULKY}
        print(json.dumps(kept, allow_nan=False))
    else:
        print(in_words(result))
    return 0


def _dataset(db: "Database", wanted: str, args: argparse.Namespace) -> "Dataset":
    """The texts that a person means: a key's, a file's, or a run's.

    Raises:
        BadInput: there are none such, or the file is refused.
    """
    dataset = find_dataset(db, wanted, text_column=args.text_column, label_column=args.label_column)
    if args.label is None:
        return dataset
    rows = dict(dataset.rows_by_label()).get(args.label)
    if rows is None:
        raise BadInput(
            f"{dataset.name} has no text with the label '{args.label}'.",
            f"Its labels are {_listed(dataset)}.",
        )
    taken = dataset.take([int(row) for row in rows])
    return replace(taken, name=f"{dataset.name}, {args.label}", label_names=(args.label,))


def _listed(dataset: "Dataset") -> str:
    names = [name for name, _ in dataset.rows_by_label()]
    return ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") or "none"
