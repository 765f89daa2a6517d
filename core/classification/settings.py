"""What is trained on what, and how: a training's whole specification."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from core.domain.errors import BadInput
from core.domain.runs import Device, Example, ModelChoice
from core.domain.serialization import to_json
from core.domain.tasks import Task, task_from_dict

Kind = Literal["fine-tuning", "probe", "majority", "llm"]

# Measured: see `FineTuning`.
EMBEDDED_RATE = 1e-4
PAPER_RATE = 3e-5


@dataclass(frozen=True, slots=True)
class FineTuning:
    """How an encoder with a linear head is fine-tuned.

    The paper's settings (section 4.2): Adam, learning rate 3e-5 for BERT-base, 3 epochs of
    warm-up, early stopping with patience 5. It does not state the batch size, the number of
    epochs, the validation split, the shape of the warm-up (linear here, constant after it), nor
    what early stopping watches (validation accuracy here; of equally accurate epochs the one with
    the lowest loss).

    The embedded encoder is smaller and was made for another pooling than the head's: it wants a
    higher rate. Test accuracy on sst2 and CARER at a rate of 1e-4, 2e-4, 3e-4 and 5e-4, with 500
    texts after 10 epochs (one seed): 0.83, 0.77, 0.80, 0.71 and 0.79, 0.80, 0.74, 0.78;
    with 200 texts, early stopping and two seeds, at 1e-4 and 2e-4: 0.76, 0.78 and 0.63, 0.61; on
    sst2 with 1,000, early stopping and one seed: 0.85, 0.80.

    Args:
        model: `embedded`, a Hugging Face id, or a local folder.
        device: where it is trained.
        learning_rate: at the end of warm-up; None is 1e-4 for `embedded`, 3e-5 for others.
        warmup_epochs: 0 to 100, over which the rate grows linearly from 0.
        max_epochs: 1 to 1,000.
        patience: epochs without a better one after which training ends; 1 to 1,000.
        batch_size: texts a step, 1 to 1,024.
        validation: share of each label's texts held out for early stopping, above 0, at most 0.5.
        class_weights: weigh each text by how rare its label is, all labels counting the same.
        max_tokens: texts are cut after so many tokens, 8 to 8,192.
        weight_decay: of AdamW, 0 to 1.

    Raises:
        BadInput: a value is out of its range.
    """

    model: str = "embedded"
    device: Device = "auto"
    learning_rate: float | None = None
    warmup_epochs: int = 3
    max_epochs: int = 20
    patience: int = 5
    batch_size: int = 32
    validation: float = 0.1
    class_weights: bool = False
    max_tokens: int = 128
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        _check_model(self.model, self.device)
        for what, value, low, high in (
            ("The number of warm-up epochs", self.warmup_epochs, 0, 100),
            ("The number of epochs", self.max_epochs, 1, 1_000),
            ("The patience", self.patience, 1, 1_000),
            ("The batch size", self.batch_size, 1, 1_024),
            ("The number of tokens a text", self.max_tokens, 8, 8_192),
        ):
            _check_whole(what, value, low, high)
        _check_real("The learning rate", self.rate, 1e-7, 1.0)
        _check_real("The validation share", self.validation, 0.001, 0.5)
        _check_real("The weight decay", self.weight_decay, 0.0, 1.0)

    @property
    def rate(self) -> float:
        """The learning rate that is used."""
        if self.learning_rate is not None:
            return self.learning_rate
        return EMBEDDED_RATE if self.model == "embedded" else PAPER_RATE

    def with_rate(self) -> "FineTuning":
        """The same with the learning rate that is used; keys are made of this."""
        return replace(self, learning_rate=self.rate)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the rate that is used included."""
        return {**asdict(self), "learning_rate": self.rate}


@dataclass(frozen=True, slots=True)
class TrainingSpec:
    """Everything that decides a training's result.

    Args:
        kind: `fine-tuning`; `probe` (logistic regression on embeddings); `majority`; `llm` (the
            language model is asked, nothing is trained).
        test: key of the dataset that is tested on.
        train: key of the dataset that is trained on; None for an `llm` alone.
        fine_tuning: how; its model and device are the probe's encoder, too.
        pooling: how the probe's encoder pools.
        seeds: 1 to 20 different ones, 0 to 2**31 - 1: a repeat each. Kinds without chance take
            the first alone, unless `size` leaves something to draw.
        size: texts to train on, drawn for each seed so that labels keep their shares; None is
            all. Equal sizes make datasets of unlike size comparable.
        task: text type and phrases for the prompt of an `llm`.
        examples: shown in that prompt; none is zero-shot.
        language_model: of an `llm`, as a `ModelChoice` names it.
        language_server: base URL of the server that has it; empty for this machine.

    Raises:
        BadInput: a value is out of its range, or what the kind needs is missing.
    """

    kind: Kind
    test: str
    train: str | None = None
    fine_tuning: FineTuning = field(default_factory=FineTuning)
    pooling: Literal["mean", "cls"] = "mean"
    seeds: tuple[int, ...] = (0, 1, 2)
    size: int | None = None
    task: Task | None = None
    examples: tuple[Example, ...] = ()
    language_model: str = "embedded"
    language_server: str = ""

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise BadInput(
                f"'{self.kind}' is no kind of training.", f"Use {', '.join(get_args(Kind))}."
            )
        if self.pooling not in ("mean", "cls"):
            raise BadInput(f"The pooling '{self.pooling}' is unknown.", "Use mean or cls.")
        if not 1 <= len(self.seeds) <= 20 or len(set(self.seeds)) < len(self.seeds):
            raise BadInput(
                f"There are {len(self.seeds)} seeds, or one of them stands twice.",
                "Give 1 to 20 different ones.",
            )
        for seed in self.seeds:
            _check_whole("A seed", seed, 0, 2**31 - 1)
        if self.size is not None:
            _check_whole("The number of training texts", self.size, 4, 10_000_000)
        if self.kind == "llm":
            _check_model(self.language_model, self.fine_tuning.device)
            _ = self.language_choice  # refuses what can't be
            if self.task is None:
                raise BadInput("Asking a language model needs a task.", "Name one.")
            for example in self.examples:
                if example.label not in self.task.label_names:
                    raise BadInput(
                        f"An example has the label '{example.label}', which the task lacks.",
                        f"Its labels are {', '.join(self.task.label_names)}.",
                    )
        elif self.train is None:
            raise BadInput("There is nothing to train on.", "Choose a dataset.")

    @property
    def language_choice(self) -> ModelChoice:
        """The language model of an `llm`."""
        if self.language_server:
            return ModelChoice(
                backend="openai", model=self.language_model, base_url=self.language_server
            )
        return ModelChoice(model=self.language_model, device=self.fine_tuning.device)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, the inverse of `spec_from_dict`."""
        server = {"language_server": self.language_server} if self.language_server else {}
        return {
            **server,
            "kind": self.kind,
            "train": self.train,
            "test": self.test,
            "fine_tuning": self.fine_tuning.to_dict(),
            "pooling": self.pooling,
            "seeds": list(self.seeds),
            "size": self.size,
            "task": None if self.task is None else to_json(self.task),
            "examples": [[example.text, example.label] for example in self.examples],
            "language_model": self.language_model,
        }


def spec_from_dict(data: Mapping[str, Any]) -> TrainingSpec:
    """Build a spec from JSON data; what it lacks is as by default.

    Raises:
        BadInput: a part of it is refused.
    """
    known = {field.name for field in fields(TrainingSpec)}
    values: dict[str, Any] = {name: value for name, value in data.items() if name in known}
    if "fine_tuning" in values:
        values["fine_tuning"] = FineTuning(**values["fine_tuning"])
    if values.get("task") is not None:
        values["task"] = task_from_dict(values["task"])
    values["seeds"] = tuple(values.get("seeds", (0, 1, 2)))
    values["examples"] = tuple(Example(text, label) for text, label in values.get("examples", ()))
    return TrainingSpec(**values)


def _check_model(model: str, device: str) -> None:
    if not model.strip() or len(model) > 500 or "\0" in model:
        raise BadInput("The model's name is empty or unusable.", "Use 'embedded' or an id.")
    if device not in get_args(Device):
        raise BadInput(f"The device '{device}' is unknown.", "Use auto, cpu, cuda or mps.")


def _check_whole(what: str, value: object, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise BadInput(
            f"{what} is {value}, which is not a whole number from {low} to {high}.",
            "Choose a value in that range.",
        )


def _check_real(what: str, value: object, low: float, high: float) -> None:
    if (
        not isinstance(value, int | float)
        or isinstance(value, bool)
        or not math.isfinite(value)
        or not low <= value <= high
    ):
        raise BadInput(f"{what} is {value}.", f"Choose a number from {low:g} to {high:g}.")
