"""Training a classifier, or asking a language model, and testing it on real texts."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.classification.fine_tuning.checkpoints import earlier_recipe_of
from core.classification.fine_tuning.fine_tuning import Step
from core.classification.results import (
    Prediction,
    TrainingResult,
    given_labels,
    label_names_of,
    result_of,
)
from core.classification.settings import TrainingSpec, spec_from_dict
from core.classification.tools import StoreTools
from core.classification.trained import folder_of
from core.classification.training import look_before, predict, seeds_of
from core.domain.datasets import Dataset
from core.domain.errors import BadInput
from core.domain.progress import Epoch
from core.domain.serialization import from_json, to_json
from core.domain.settings import Home
from core.domain.settings_key import settings_key
from core.domain.spending import SpendingLimitReached
from core.services.measure import stored_dataset
from core.services.progress import NO_PROGRESS, Countdown, Progress, TrainingProgress
from core.services.servers.served_models import ServedLabelModel
from core.store.database import Database
from core.store.trainings import (
    Predictions,
    Repeat,
    add_repeat,
    get_training,
    predictions_of,
    repeats_of,
    set_result,
    training_folder,
)

Keep = Callable[[Prediction], Prediction]
"""Stores the prediction of a repeat, and gives it back as it was stored."""


def train(
    spec: TrainingSpec,
    train_set: Dataset | None,
    test_set: Dataset,
    *,
    tools: StoreTools,
    folder: Path,
    known: Mapping[int, Prediction] | None = None,
    keep: Keep = lambda prediction: prediction,
    session: ServedLabelModel | None = None,
    progress: Progress = NO_PROGRESS,
    timer: Callable[[], float] = time.monotonic,
) -> TrainingResult:
    """Train all repeats and test them; a repeat that was cut off goes on from its last epoch.

    Reports the phases checking, embedding, training, testing and done of `TrainingProgress`.

    More than eight parameters: two callers, of which one stores each repeat and knows earlier ones.

    Args:
        spec: the training.
        train_set: what is trained on; None for an `llm`.
        test_set: what is tested on.
        tools: the store, encoders and models; its callbacks are set here.
        folder: has, or gets, a folder `seed-N` for each repeat.
        known: predictions of repeats that ended before, by seed; they are not trained again.
        keep: called with the prediction of each repeat that ended.
        session: opens a server's model that is asked; None knows none.
        progress: follows the work.
        timer: monotonic seconds.

    Raises:
        BadInput: the texts can't be trained on or tested with.
        BackendFailed: a model can't be loaded or failed.
        Pausing: a server does not answer now, or the spending limit is reached; no answer is kept.
        Stopped: the work is to end; the last whole epoch and the repeats that ended stay.
    """
    # Ten parameters: data, settings and callbacks of one training.
    tracker = _Tracker(spec, len(test_set), session, progress, timer)
    tools = replace(
        tools,
        between=tracker.checkpoint,
        progress=tracker.embedded,
        served=None if session is None else session.open,
    )
    tracker.report(phase="checking")
    try:
        progress.checkpoint()
        warnings, leakage = look_before(spec, train_set, test_set, tools)
        tracker.report(warnings=tuple(warnings))
        predictions = dict(known or {})
        for seed in seeds_of(spec):
            if seed in predictions:
                continue
            tracker.begin(seed, len(predictions))
            prediction = predict(
                spec,
                train_set,
                test_set,
                seed=seed,
                folder=folder_of_seed(folder, seed),
                tools=tools,
                watch=tracker.step,
            )
            predictions[seed] = keep(prediction)
    except SpendingLimitReached as error:
        if session is None:
            raise
        raise session.limit_reached(error, len(test_set)) from error
    ordered = [predictions[seed] for seed in seeds_of(spec)]
    result = result_of(spec, train_set, test_set, ordered, warnings=warnings, leakage=leakage)
    tracker.report(phase="done", seeds_done=len(ordered), seconds_left=0.0)
    return result


def train_stored(
    db: Database,
    training_id: str,
    *,
    tools: StoreTools,
    home: Home,
    session: ServedLabelModel | None = None,
    progress: Progress = NO_PROGRESS,
    timer: Callable[[], float] = time.monotonic,
) -> None:
    """Do the training of the store, each repeat of which is stored as it ends.

    Args and Raises as `train`.
    """
    record = get_training(db, training_id)
    spec = spec_from_dict(record.spec)
    test_set = stored_dataset(db, spec.test)
    train_set = None if spec.train is None else stored_dataset(db, spec.train)
    names = label_names_of(train_set, test_set, spec)

    def keep(prediction: Prediction) -> Prediction:
        # As the store keeps them, so that a resumed training has the very same result.
        stored = prediction.probabilities.astype("<f4")
        as_stored = replace(prediction, probabilities=stored.astype("float64"))
        labels = given_labels(as_stored.probabilities, names)
        add_repeat(
            db,
            record.id,
            Repeat(prediction.seed, to_json(prediction.history), prediction.facts),
            Predictions(test_set.ids, tuple(labels), stored),
        )
        return as_stored

    result = train(
        spec,
        train_set,
        test_set,
        tools=tools,
        folder=training_folder(home, record.id),
        known=_stored_predictions(db, record.id),
        keep=keep,
        session=session,
        progress=progress,
        timer=timer,
    )
    set_result(db, record.id, to_json(result))


@dataclass(frozen=True, slots=True)
class UnstoredTraining:
    """A training that the store does not know, of a command.

    Args:
        result: what came of it.
        folder: holds a folder `seed-N` for each repeat.
    """

    result: TrainingResult
    folder: Path

    def save_classifier(self, folder: Path) -> None:
        """Copy the best repeat's classifier and the result to a folder, which appears when it is
        complete; see `check_new_folder`.

        Raises:
            BadInput: it can't be written, or the kind trains nothing.
        """
        source = folder_of(self.folder, self.result.kind, self.result.best_seed)
        try:
            unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder.absolute().parent))
            try:
                unfinished.chmod(0o755)
                shutil.copytree(source, unfinished, dirs_exist_ok=True)
                text = json.dumps(to_json(self.result), indent=2)
                (unfinished / "result.json").write_text(text, encoding="utf-8")
                unfinished.replace(folder)  # replaces an empty folder, too
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
        except OSError as error:
            raise BadInput(
                f"The classifier can't be saved in {folder} ({error.strerror}).",
                "Free some space, or choose another folder.",
            ) from error

    def remove_folders(self) -> None:
        """Remove the classifiers."""
        shutil.rmtree(self.folder, ignore_errors=True)


def train_unstored(
    spec: TrainingSpec,
    train_set: Dataset | None,
    test_set: Dataset,
    *,
    tools: StoreTools,
    home: Home,
    session: ServedLabelModel | None = None,
    progress: Progress = NO_PROGRESS,
) -> UnstoredTraining:
    """Train without a record in the store; called again with equal texts and settings after it was
    cut off, it goes on from the last epoch.

    Args and Raises as `train`.
    """
    texts = [] if train_set is None else [list(train_set.texts), list(train_set.labels)]
    key = settings_key([replace(spec, fine_tuning=spec.fine_tuning.with_rate()), texts])
    folder, earlier = (
        home.folder / "trainings" / f"command-{name[:16]}"
        for name in (key, earlier_recipe_of(spec, texts))
    )
    if earlier.is_dir() and not folder.is_dir():
        folder = earlier
    result = train(
        spec,
        train_set,
        test_set,
        tools=tools,
        folder=folder,
        session=session,
        progress=progress,
    )
    return UnstoredTraining(result, folder)


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


def folder_of_seed(folder: Path, seed: int) -> Path:
    """The folder of a repeat in its training's folder."""
    return folder / f"seed-{seed}"


def _stored_predictions(db: Database, training_id: str) -> dict[int, Prediction]:
    """The repeats that ended before, by seed."""
    predictions = {}
    for repeat in repeats_of(db, training_id):
        stored = predictions_of(db, training_id, repeat.seed)
        predictions[repeat.seed] = Prediction(
            repeat.seed,
            stored.probabilities.astype("float64"),
            from_json(tuple[Epoch, ...], repeat.history),
            repeat.facts,
        )
    return predictions


class _Tracker:
    """Reports how far the repeats are, and how long all of them take, going by the present one."""

    def __init__(
        self,
        spec: TrainingSpec,
        test_texts: int,
        session: ServedLabelModel | None,
        progress: Progress,
        timer: Callable[[], float],
    ) -> None:
        epochs = spec.fine_tuning.max_epochs if spec.kind == "fine-tuning" else None
        self._now = TrainingProgress(phase="checking", seeds=len(seeds_of(spec)), epochs=epochs)
        self._session, self._test_texts = session, test_texts
        self._progress, self._timer = progress, timer
        self._begun = timer()
        self._embedding = Countdown(timer)

    def report(self, **changes: Any) -> None:
        self._now = replace(self._now, **changes)
        self._progress.report(self._now)

    def checkpoint(self) -> None:
        self._progress.checkpoint()
        session = self._session
        if session is not None and session.tracker is not None:
            total = self._test_texts
            self.report(done=session.answered, total=total, spending=session.spending(total))

    def embedded(self, done: int, total: int) -> None:
        left = self._embedding.seconds_left(done, total)
        self.report(phase="embedding", done=done, total=total, seconds_left=left)

    def begin(self, seed: int, done: int) -> None:
        """A repeat begins, after so many."""
        self._progress.checkpoint()
        self._begun = self._timer()
        self.report(phase="training", seed=seed, seeds_done=done, history=(), seconds_left=None)

    def step(self, step: Step) -> None:
        self.checkpoint()
        self.report(
            phase="testing" if step.step == step.steps else "training",
            epoch=step.epoch,
            loss=step.loss,
            accuracy=step.history[-1].accuracy if step.history else None,
            seconds_left=self._seconds_left(step.seconds_left),
            history=tuple(step.history),
        )

    def _seconds_left(self, of_this_repeat: float | None) -> float | None:
        if of_this_repeat is None:
            return None
        whole = self._timer() - self._begun + of_this_repeat
        return of_this_repeat + (self._now.seeds - self._now.seeds_done - 1) * whole
