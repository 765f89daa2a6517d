"""`train`: a classifier from labelled texts, and its accuracy on others."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from core.classification.settings import FineTuning, TrainingSpec
from core.cli.app import App, OptionGroup, Session
from core.cli.options import (
    SOURCE_HELP,
    ColumnOptions,
    JsonOption,
    check_range,
    given,
)
from core.cli.output import print_json, print_lines, print_note
from core.cli.progress import WorkProgress
from core.cli.training.results import in_words, train_here, without_history
from core.domain.errors import BadInput
from core.domain.runs import Device, absolute_model
from core.services.training.train import check_new_folder

_EMBEDDED = "embedded"

app = App()


@dataclass(frozen=True)
class ClassifierOptions(OptionGroup):
    """What is trained."""

    panel = "Classifier"

    model: Annotated[
        str | None,
        Option(
            metavar="ID",
            show_default=_EMBEDDED,
            help="Fine-tune this encoder: embedded (all-MiniLM-L6-v2), a Hugging Face id "
            "(bert-base-uncased) or a folder.",
        ),
    ] = None
    probe: Annotated[
        bool, Option("--probe", help="Logistic regression on the embedded encoder's embeddings.")
    ] = False
    majority: Annotated[
        bool, Option("--majority", help="Always the most frequent label, as a baseline.")
    ] = False
    max_epochs: Annotated[int | None, Option("--epochs", show_default="20", help="Max epochs.")] = (
        None
    )
    patience: Annotated[
        int | None,
        Option(show_default="5", help="Epochs without improvement before training ends."),
    ] = None
    batch_size: Annotated[int | None, Option(show_default="32", help="Texts per step.")] = None
    learning_rate: Annotated[
        float | None,
        Option(
            "--rate",
            show_default="1e-4 for the embedded encoder, the paper's 3e-5 for others",
            help="Learning rate.",
        ),
    ] = None
    class_weights: Annotated[
        bool, Option("--class-weights", help="Weight labels so that all count the same.")
    ] = False
    device: Annotated[Device, Option(help="Where it runs.")] = "auto"

    def fine_tuning(self) -> FineTuning:
        """The settings of a fine-tuning.

        Raises:
            BadInput: a setting is out of its range.
        """
        return FineTuning(
            model=absolute_model(self.model or _EMBEDDED),
            device=self.device,
            class_weights=self.class_weights,
            **given(
                max_epochs=self.max_epochs,
                patience=self.patience,
                batch_size=self.batch_size,
                learning_rate=self.learning_rate,
            ),
        )

    def check(self) -> None:
        """See that one kind of classifier is named.

        Raises:
            BadInput: there are more.
        """
        if (self.model is not None) + self.probe + self.majority > 1:
            raise BadInput("--model, --probe and --majority exclude each other.", "Give one.")


@app.add(
    epilog="Example: python -m core train reviews.jsonl --test real.csv --save classifier",
)
def train(
    session: Session,
    source: Annotated[str, Argument(metavar="TRAIN_FILE_OR_VERSION", help=SOURCE_HELP)],
    test: Annotated[str, Option(metavar="FILE", help="Real texts to test on; named likewise.")],
    classifier: ClassifierOptions,
    columns: ColumnOptions,
    seeds: Annotated[int, Option(help="Number of repeats, each with its seed.")] = 3,
    size: Annotated[
        int | None,
        Option(help="Train on so many texts, drawn anew for each seed; labels keep their shares."),
    ] = None,
    as_json: JsonOption = False,
    save: Annotated[
        Path | None,
        Option(help="Save the classifier (of the seed best in validation) in a new folder."),
    ] = None,
) -> None:
    """Fine-tune an encoder (or, in a moment, train a linear probe of its embeddings) on labelled
    texts and test it on others, for several seeds. Started again after it was cut off, the same
    command continues from the last epoch.
    """
    # Nine parameters: the options of the command.
    classifier.check()
    check_range("--seeds", seeds, 1, 20)
    if save is not None:
        check_new_folder(save)
        if classifier.majority:
            raise BadInput("There is nothing to save of --majority.", "Leave --save out.")
    train_set, test_set = (columns.find_dataset(session.db, wanted) for wanted in (source, test))
    spec = TrainingSpec(
        kind="probe" if classifier.probe else "majority" if classifier.majority else "fine-tuning",
        train=train_set.key,
        test=test_set.key,
        fine_tuning=classifier.fine_tuning(),
        seeds=tuple(range(seeds)),
        size=size,
    )
    if size is not None and size >= len(train_set):
        # Nothing is left out, so nothing is drawn: repeats of a probe would be alike, and their
        # interval over seeds would have no width.
        if size > len(train_set):
            print_note(f"There are {len(train_set):,} training texts: all are used, not {size:,}.")
        spec = replace(spec, size=None)
    with WorkProgress(sys.stderr) as progress:
        trained = train_here(session, spec, train_set, test_set, progress=progress)
        try:
            if save is not None:
                trained.save_classifier(save)
        finally:
            trained.remove_folders()
    if as_json:
        print_json(without_history(trained.result))
        return
    print(in_words(trained.result))
    if save is not None:
        print_lines(f"Saved the classifier in {save}.")
