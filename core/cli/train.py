"""`train`: a classifier from labelled texts, and how right it is on others."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.cli.parser import Commands, one_line
from core.cli.sources import SOURCE_HELP, find_dataset
from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.classification.settings import TrainingSpec

_SEEDS = 3


def add_to(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "train",
        help="train a classifier and test it",
        description="Fine-tune an encoder (or, in a moment, a linear probe of its embeddings) on "
        "labelled texts and test it on others, for several seeds. Started again after it was cut "
        "off, the same command goes on from the last epoch.",
        epilog="Example: python -m core train reviews.jsonl --test real.csv --save classifier",
    )
    parser.add_argument("wanted", metavar="TRAIN_FILE_OR_VERSION", help=SOURCE_HELP)
    parser.add_argument(
        "--test", required=True, metavar="FILE", help="real texts to test on; named likewise"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--model",
        default="embedded",
        metavar="ID",
        help="encoder: embedded (all-MiniLM-L6-v2), a Hugging Face id (bert-base-uncased) or a "
        "folder (%(default)s)",
    )
    how.add_argument(
        "--probe",
        action="store_true",
        help="logistic regression on the embedded encoder's embeddings",
    )
    how.add_argument("--majority", action="store_true", help="always the most frequent label")
    parser.add_argument(
        "--seeds", type=int, default=_SEEDS, metavar="N", help="how many repeats (%(default)s)"
    )
    parser.add_argument("--epochs", type=int, metavar="N", help="at most (20)")
    parser.add_argument(
        "--patience", type=int, metavar="N", help="epochs without a better one before the end (5)"
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="texts a step (32)")
    parser.add_argument(
        "--rate",
        type=float,
        metavar="R",
        help="learning rate (1e-4 for the embedded encoder, the paper's 3e-5 for others)",
    )
    parser.add_argument(
        "--class-weights", action="store_true", help="let all labels count the same"
    )
    parser.add_argument(
        "--size",
        type=int,
        metavar="N",
        help="train on so many texts, drawn anew for each seed, labels keeping their shares",
    )
    parser.add_argument(
        "--text-column", default="text", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument(
        "--label-column", default="label", metavar="NAME", help="of files (%(default)s)"
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="where it runs (%(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object on stdout")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FOLDER",
        help="keep the classifier (of the seed best in validation) in a new folder",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        WidesetError: the texts or settings are refused, or a model is not to be had.
    """
    from core.domain.settings import home_from
    from core.store.database import open_database

    if not 1 <= args.seeds <= 20:
        raise BadInput(f"--seeds is {args.seeds}.", "Give 1 to 20.")
    if args.save is not None:
        check_new_folder(args.save)
        if args.majority:
            raise BadInput("There is nothing to save of --majority.", "Leave --save out.")
    home = home_from()
    db = open_database(home)
    columns = {"text_column": args.text_column, "label_column": args.label_column}
    train = find_dataset(db, args.wanted, **columns)
    test = find_dataset(db, args.test, **columns)
    spec = _spec(args, train.key, test.key)
    if spec.size is not None and spec.size >= len(train):
        # Nothing is left out, so nothing is drawn: repeats of a probe would be alike, and their
        # interval over seeds as narrow as nothing.
        if spec.size > len(train):
            said = f"There are {len(train):,} training texts: all are used, not {spec.size:,}."
            print(said, file=sys.stderr)
        spec = replace(spec, size=None)

    from core.cli.classification_report import TrainProgress, in_words, plain_data
    from core.cli.classifying import save_classifier, train_here

    with TrainProgress(sys.stderr) as progress:
        result, folders = train_here(home, db, spec, train, test, progress=progress)
        try:
            if args.save is not None:
                save_classifier(folders.best(result), args.save, result)
        finally:
            folders.remove()
    print(json.dumps(plain_data(result), allow_nan=False) if args.json else in_words(result))
    if args.save is not None and not args.json:
        print(one_line(f"Saved the classifier in {args.save}."))
    return 0


def check_new_folder(folder: Path) -> None:
    """See that a folder can be made, before anything is spent.

    Raises:
        BadInput: it exists and is not empty, or its parent does not exist.
    """
    try:
        taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
        parent = folder.absolute().parent.is_dir()
    except (OSError, ValueError) as error:
        raise BadInput(f"The folder {folder} can't be used ({error}).", "Give another.") from error
    if taken:
        raise BadInput(f"{folder} exists already.", "Give the name of a new folder.")
    if not parent:
        raise BadInput(f"There is no folder {folder.absolute().parent}.", "Make it first.")


def _spec(args: argparse.Namespace, train: str, test: str) -> "TrainingSpec":
    from core.classification.settings import FineTuning, TrainingSpec

    changed: dict[str, Any] = {
        "max_epochs": args.epochs,
        "patience": args.patience,
        "batch_size": args.batch_size,
        "learning_rate": args.rate,
    }
    model: str = args.model
    if model != "embedded" and Path(model).is_dir():
        model = str(Path(model).resolve())
    return TrainingSpec(
        kind="probe" if args.probe else "majority" if args.majority else "fine-tuning",
        train=train,
        test=test,
        fine_tuning=FineTuning(
            model=model,
            device=args.device,
            class_weights=args.class_weights,
            **{name: value for name, value in changed.items() if value is not None},
        ),
        seeds=tuple(range(args.seeds)),
        size=args.size,
    )
