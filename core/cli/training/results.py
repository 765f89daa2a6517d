"""What `train` and `classify` share: training in this process, and its result in words."""

from typing import Any

from core.classification.evaluation.evaluation import Score
from core.classification.results import Facts, TrainingResult
from core.classification.settings import TrainingSpec
from core.classification.tools import StoreTools
from core.cli.app import Session
from core.cli.output import one_line, table
from core.cli.progress import WorkProgress
from core.domain.datasets import Dataset
from core.domain.serialization import to_json
from core.domain.wording import counted
from core.services.servers.served_models import ServedLabelModel
from core.services.training.train import UnstoredTraining, train_unstored

_COLUMNS = ("", "precision", "recall", "F1", "texts")


def train_here(
    session: Session,
    spec: TrainingSpec,
    train: Dataset | None,
    test: Dataset,
    *,
    progress: WorkProgress,
    served: ServedLabelModel | None = None,
) -> UnstoredTraining:
    """Train all repeats in this process and test them; see `train_unstored`."""
    home = session.home
    tools = StoreTools(session.db, session.tools.encoders, home.models)
    return train_unstored(
        spec, train, test, tools=tools, home=home, session=served, progress=progress
    )


def without_history(result: TrainingResult) -> dict[str, Any]:
    """The result as JSON shows it: all but the epochs of each repeat."""
    data: dict[str, Any] = to_json(result)
    for repeat in data["repeats"]:
        del repeat["history"]
    return data


def in_words(result: TrainingResult) -> str:
    """The result as text: the scores with their intervals, and a table by label."""
    lines = [
        f"{_title(result)}, {result.n_train:,} training and {result.n_test:,} test texts, "
        f"{counted(len(result.seeds), 'repeat')}.",
        f"Accuracy {_score(result.accuracy)}; macro-F1 {_score(result.macro_f1)}.",
    ]
    rows = [
        (
            name,
            *(_number(value) for value in (scores.precision, scores.recall, scores.f1)),
            f"{scores.support:,}",
        )
        for name, scores in result.per_label.items()
    ]
    lines.append(table([_COLUMNS, *rows]))
    if result.kind == "llm":
        lines.append(_scoring(result.repeats[0].facts))
    if result.calibration is not None:
        lines.append(f"Expected calibration error {result.calibration.ece:.3f}.")
    return "\n".join(lines)


def _title(result: TrainingResult) -> str:
    model = one_line(result.model)
    shots = result.n_train
    return {
        "fine-tuning": f"Fine-tuned encoder {model}",
        "probe": f"Linear probe of encoder {model}",
        "majority": "Most frequent label",
        "llm": f"Language model {model}, {f'{shots} examples' if shots else 'no examples'}",
    }[result.kind]


def _scoring(facts: Facts) -> str:
    """How a language model was asked, and how many answers could not be read."""
    calibrated = facts.get("calibration") == "batch"
    method = {
        "likeliest tokens": "Scored by the odds of each label's letter",
        "forced answers": "Scored by the letter answered, all others being suppressed",
        "answers": "Scored by the letter or phrase answered",
    }.get(str(facts.get("scores")), "Scored by the odds of each label's phrase")
    sentence = f"{method}, {'with batch calibration' if calibrated else 'uncalibrated'}"
    not_parsed = facts.get("not_parsed")
    return f"{sentence}." if not_parsed is None else f"{sentence}; not parsed: {not_parsed:,}."


def _score(score: Score) -> str:
    if score.low is None:
        return f"{score.mean:.3f}"
    return f"{score.mean:.3f} (95% interval {score.low:.3f} to {score.high:.3f}, {score.interval})"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
