"""Training and asking on the command line: in this process, with the store's embeddings."""

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.domain.errors import BadInput

if TYPE_CHECKING:
    from core.classification.llm.llm import LabelModel
    from core.classification.settings import TrainingSpec
    from core.cli.classification_report import TrainProgress
    from core.domain.datasets import Dataset
    from core.domain.runs import ModelChoice
    from core.domain.settings import Home
    from core.store.database import Database


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the repeats of one training lie.

    Args:
        folder: of all of them; named by what is trained on what, so that the same command finds
            its last epoch again.
    """

    folder: Path

    def of(self, seed: int) -> Path:
        """A repeat's folder."""
        return self.folder / f"seed-{seed}"

    def best(self, result: Mapping[str, Any]) -> Path:
        """The classifier of the repeat that was best on its validation texts (never: the test)."""

        def validated(repeat: Mapping[str, Any]) -> float:
            return max((epoch["accuracy"] for epoch in repeat["history"]), default=0.0)

        seed = max(result["repeats"], key=validated)["seed"]
        return self.of(seed) / ("probe" if result["kind"] == "probe" else "model")

    def remove(self) -> None:
        """Take it all away."""
        shutil.rmtree(self.folder, ignore_errors=True)


def train_here(
    home: "Home",
    db: "Database",
    spec: "TrainingSpec",
    train: "Dataset | None",
    test: "Dataset",
    *,
    progress: "TrainProgress",
    served: "Callable[[ModelChoice], LabelModel] | None" = None,
) -> tuple[dict[str, Any], Folders]:
    """Train all repeats and test them; the result and where the classifiers lie.

    Args:
        home: where models and classifiers lie.
        db: the store.
        spec: the training.
        train: what is trained on; None for an `llm`.
        test: what is tested on.
        progress: told of it.
        served: opens a server's model; None knows none.

    Raises:
        WidesetError: the texts are refused, or a model is not to be had.
    """
    from core.classification.fine_tuning.checkpoints import recipe_of
    from core.classification.results import result_of
    from core.classification.tools import StoreTools
    from core.classification.training import look_before, predict, seeds_of
    from core.diversity.embedding.loading import EncoderKeeper

    held = [] if train is None else [list(train.texts), list(train.labels)]
    recipe = recipe_of(spec.to_dict(), held)
    folders = Folders(home.folder / "trainings" / f"command-{recipe[:16]}")
    keeper = EncoderKeeper(home.models)
    tools = StoreTools(db, keeper, home.models, progress=progress.embedded, served=served)
    progress.say("Looking at the texts")
    warnings, leakage = look_before(spec, train, test, tools)
    for warning in warnings:
        progress.note(warning)
    seeds = seeds_of(spec)
    predictions = []
    for number, seed in enumerate(seeds):
        progress.begin(number, len(seeds))
        predictions.append(
            predict(
                spec,
                train,
                test,
                seed=seed,
                folder=folders.of(seed),
                tools=tools,
                watch=progress.step,
            )
        )
    return result_of(spec, train, test, predictions, warnings=warnings, leakage=leakage), folders


def save_classifier(source: Path, folder: Path, result: Mapping[str, Any]) -> None:
    """Copy a classifier with its result to a new folder, which appears when it is whole.

    Raises:
        BadInput: it can't be written.
    """
    try:
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.absolute().parent))
        try:
            unfinished.chmod(0o755)
            shutil.copytree(source, unfinished, dirs_exist_ok=True)
            words = json.dumps(dict(result), indent=2)
            (unfinished / "result.json").write_text(words, encoding="utf-8")
            unfinished.replace(folder)  # takes the place of an empty folder, too
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise BadInput(
            f"The classifier can't be saved in {folder} ({error.strerror}).",
            "Free some space, or choose another folder.",
        ) from error
