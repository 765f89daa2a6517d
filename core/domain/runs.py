"""Run and sample: what one generation is asked for, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

from core.domain.conditions import Condition, condition_from_dict
from core.domain.connections import checked_url
from core.domain.errors import BadInput
from core.domain.registries.knob import knob
from core.domain.serialization import to_json
from core.domain.tasks import Task, task_from_dict
from core.domain.wording import listed

MAX_PER_LABEL = 100_000
DEFAULT_PER_LABEL = 100
"""Texts per label where nobody says: several requests, so that suppression has tokens to count.
`RunSpec` keeps its own default, as stored runs and their keys leave it out."""
MAX_EXAMPLES = 1_000

EMBEDDED_TITLE = "SmolLM2-135M-Instruct"
"""What the model `embedded` is called where a person reads."""

ASKED_AGAIN = "only re-requested texts are suppressed"
"""How far suppression reaches where one request covers a label."""

Outcome = Literal["usable", "empty", "truncated"]
Device = Literal["auto", "cpu", "cuda", "mps"]
BackendKind = Literal["local", "openai"]


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled text: one that seeds a run, or one that a prompt shows."""

    text: str
    label: str


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Which language model writes, and where it runs.

    Args:
        backend: `local` is transformers on this machine; `openai` any server with OpenAI's API.
        model: `embedded`, a Hugging Face id, or a local folder; or the server's name for it.
        device: `auto` takes CUDA, then MPS, then the CPU; of no meaning for a server's.
        base_url: of the server, as `core.domain.connections.checked_url` gives it; empty for
        `local`.
    """

    backend: BackendKind = "local"
    model: str = "embedded"
    device: Device = "auto"
    base_url: str = ""

    def __post_init__(self) -> None:
        if not self.model.strip() or len(self.model) > 500 or "\0" in self.model:
            raise BadInput("The model's name is empty or unusable.", "Use 'embedded' or an id.")
        if self.device not in ("auto", "cpu", "cuda", "mps"):
            raise BadInput(f"The device '{self.device}' is unknown.", "Use auto, cpu, cuda or mps.")
        if self.backend not in get_args(BackendKind):
            raise BadInput(f"The backend '{self.backend}' is unknown.", "Use local or openai.")
        if (self.backend == "openai") != bool(self.base_url):
            raise BadInput(
                "A server's model needs the server's base URL, and a local one has none.",
                "Choose a connection, or --base-url with --backend openai.",
            )
        if self.base_url:
            checked_url(self.base_url)

    def to_dict(self) -> dict[str, str]:
        """The choice as JSON-ready data."""
        data: dict[str, str] = {"backend": self.backend, "model": self.model, "device": self.device}
        return {**data, "base_url": self.base_url} if self.base_url else data


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """What was resolved when a run's model was opened; None is unknown or not the backend's.

    Args:
        backend: the kind of backend.
        model: its name, as a person knows it.
        fingerprint: of a local model's weights.
        device: that it computes on.
        dtype: number type of the weights: `float32`, `bfloat16` or `float16`.
        engine: how prompts are kept, see `core.generation.local.engines.PickedEngine`.
        forward: whose forward pass runs, see there.
        linear: how linear layers are computed, see there.
        threads: of PyTorch.
        torch: its version.
        transformers: its version.
        rows_at_once: texts that fit into the memory together, where not all did.
        base_url: of the server.
        server: what it seems to be, such as `llama.cpp`; empty where unknown.
        tokenizer: where token ids come from; empty for nowhere.
        several_texts: whether one request asks for several texts.
        seed: whether the server takes one.
        left_out: knobs that are not sent, as the server does not have them.
        probed_at: when the server was tested, seconds since 1970, UTC.
        api: the route of the requests.
        suppression: what was really used: `none`, or one of `core.domain.conditions.Method`.
        batch: whether files of requests were written instead.
        tally: for a batch, what suppression counts.
        unwraps: whether what chat models put around a text is taken off, see
            `core.generation.servers.wrappings`; None, of older runs, is no.
        earlier_models: names that the server had for the model before, the oldest first.
    """

    backend: BackendKind = "local"
    model: str | None = None
    fingerprint: str | None = None
    device: str | None = None
    dtype: str | None = None
    engine: str | None = None
    forward: str | None = None
    linear: str | None = None
    threads: int | None = None
    torch: str | None = None
    transformers: str | None = None
    rows_at_once: int | None = None
    base_url: str | None = None
    server: str | None = None
    tokenizer: str | None = None
    several_texts: bool | None = None
    seed: bool | None = None
    left_out: tuple[str, ...] | None = None
    probed_at: float | None = None
    api: str | None = None
    suppression: str | None = None
    batch: bool | None = None
    tally: str | None = None
    unwraps: bool | None = None
    earlier_models: tuple[str, ...] | None = None

    def to_dict(self) -> dict[str, object]:
        """What is known, JSON-ready; `from_json` reads it."""
        return {name: value for name, value in to_json(self).items() if value is not None}


def short_model(name: str) -> str:
    """A model's name to read: of one that is a path, the last part."""
    return name.replace("\\", "/").rpartition("/")[2] if name[:1] in ("/", "\\") else name


def other_models_words(asked: str, answering: Sequence[str]) -> str:
    """A sentence on answers of other models than the one asked."""
    names = listed(f"'{name}'" for name in answering)
    return f"The server answered with {names}, though '{asked}' was asked."


def server_of(model: ModelChoice) -> str:
    """The server of a model, such as `api.openai.com` or `127.0.0.1:8080/other/v1`."""
    parts = urlsplit(model.base_url)
    path = parts.path.rstrip("/")
    return parts.netloc + ("" if path == "/v1" else path)


def absolute_model(name: str) -> str:
    """A model's name; of a folder the absolute path, as the worker may run in another one."""
    # An empty name is refused later; as a path it would be the working folder.
    is_folder = name not in ("", ModelChoice().model) and Path(name).is_dir()
    return str(Path(name).resolve()) if is_folder else name


def model_and_server(model: ModelChoice) -> str:
    """A model to read: its short name, and where it runs unless that is this machine."""
    name = short_model(model.model)
    return name if model.backend == "local" else f"{name} at {server_of(model)}"


@dataclass(frozen=True, slots=True)
class RunSpec:
    """Everything that decides what a run generates; equal specs give equal datasets.

    Args:
        task: what is written.
        condition: the knobs.
        per_label: texts wanted for each label, 1 to 100,000.
        targets: (label, texts) for labels that want another number, 0 to 100,000.
        seed: seed of every random draw, 0 to 2**63 - 1.
        seed_examples: real examples that form the first example pool; empty is unseeded.
        model: the language model.

    Raises:
        BadInput: a value is out of its range, or an example's label is none of the task's.
    """

    task: Task
    condition: Condition = Condition()
    per_label: int = 20
    seed: int = 0
    seed_examples: tuple[Example, ...] = knob(
        (),
        name="seeding",
        title="Seed examples",
        help="Real texts that form the first example pool; 0 is unseeded, the paper uses 18.",
        kind="whole",
        high=MAX_EXAMPLES,
        short="{:g} examples",
        off=0,
        off_words="unseeded",
        paper=(0, 18),
        widens=1,
        axis=True,
        axis_values=(0, 18),
        axis_choices=(0, 9, 18, 36),
        flag="--seed-count",
        group="none",
        shown_default=0,
        order=3,
        read=lambda spec: len(spec.seed_examples),
    )
    model: ModelChoice = knob(
        ModelChoice(),
        title="Model",
        help="The language model that writes the texts.",
        kind="other",
        short="{}",
        axis=True,
        group="none",
        shown_default="embedded",
        order=99,
        read=lambda spec: spec.model.model,
    )
    targets: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        numbers = [
            ("The number of texts a label", self.per_label, 1, MAX_PER_LABEL),
            ("The seed", self.seed, 0, 2**63 - 1),
        ]
        if len(dict(self.targets)) < len(self.targets):
            raise BadInput("A label has two targets.", "Give each label one.")
        for name, wanted in self.targets:
            if name not in self.task.label_names:
                raise BadInput(
                    f"A target names the label '{name}', which the task lacks.",
                    f"Its labels are {', '.join(self.task.label_names)}.",
                )
            numbers.append((f"The target of label '{name}'", wanted, 0, MAX_PER_LABEL))
        for what, value, low, high in numbers:
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise BadInput(
                    f"{what} is {value}, which is not a whole number from {low} to {high}.",
                    "Choose a value in that range.",
                )
        if len(self.seed_examples) > MAX_EXAMPLES:
            raise BadInput(
                f"There are {len(self.seed_examples)} seed examples.",
                f"Give at most {MAX_EXAMPLES}; the paper uses 18.",
            )
        for example in self.seed_examples:
            if example.label not in self.task.label_names:
                raise BadInput(
                    f"A seed example has the label '{example.label}', which the task lacks.",
                    f"Its labels are {', '.join(self.task.label_names)}.",
                )

    @property
    def wanted(self) -> dict[str, int]:
        """Texts wanted by label name, in task order."""
        return dict.fromkeys(self.task.label_names, self.per_label) | dict(self.targets)

    @property
    def target(self) -> int:
        """Texts wanted over all labels."""
        return sum(self.wanted.values())

    @property
    def idle_knob(self) -> str:
        """A sentence on a knob that has almost no effect in this run; empty if there is none.

        Suppression counts the tokens generated so far. If one request covers a label and labels
        don't wait for each other, there are none yet; only texts requested again, in place of
        unusable ones or duplicates, are suppressed.
        """
        one_request = max(self.wanted.values()) <= self.condition.texts_a_request
        apart = not self.condition.strict_order or self.condition.suppression.scope == "label"
        if self.condition.suppression.on and one_request and apart:
            return (
                "Logit suppression has almost no effect: one request of up to "
                f"{self.condition.texts_a_request} covers a label, so {ASKED_AGAIN}."
            )
        return ""

    def to_dict(self) -> dict[str, object]:
        """The spec as JSON-ready data, the inverse of `spec_from_dict`."""
        return {
            "task": to_json(self.task),
            "condition": to_json(self.condition),
            "per_label": self.per_label,
            "seed": self.seed,
            "seed_examples": [[e.text, e.label] for e in self.seed_examples],
            "model": self.model.to_dict(),
            "targets": [list(pair) for pair in self.targets],
        }


def spec_from_dict(data: Mapping[str, Any]) -> RunSpec:
    """Build a run's spec from JSON data.

    Raises:
        BadInput: a part of it is refused.
    """
    return RunSpec(
        task=task_from_dict(data["task"]),
        condition=condition_from_dict(data["condition"]),
        per_label=data["per_label"],
        seed=data["seed"],
        seed_examples=tuple(Example(text, label) for text, label in data["seed_examples"]),
        model=ModelChoice(**data["model"]),
        targets=tuple((name, wanted) for name, wanted in data.get("targets", ())),
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated text with the label it was specified for.

    Its key within a run is (cycle, label, index), the same however often the run is resumed.

    Args:
        id: stable and unique over all runs.
        run_id: the run it belongs to.
        cycle: counted from 1.
        label: the specified label's name.
        index: place within the request, counted from 0.
        order: place in the run's order of arrival, counted from 0.
        text: the text as the model wrote it, without the closing quote.
        finish_reason: one of `core.domain.registries.finish_reasons`, or a server's own.
        outcome: `usable`; `empty` (no word in it, or words but no text, as a refusal);
            `truncated` (cut off before its end). Only usable texts count towards the target.
        fluency: mean natural log-probability of its tokens, the closing one included, under the
            untouched model (temperature 1, no bias); at most 0; None where unknown.
        token_ids: ids of the tokens drawn, without closing or end tokens, as the tally counts them.
        duplicate_of: id of the first sample with the same text (white space and case folded), or
            `example:N` for the Nth seed example (from 0); None for a new text.
        seconds: when it arrived, in seconds of generation since the run started; the time between
            a stop and its resumption does not count.
        stripped: what was taken off around it, see `core.generation.servers.wrappings`, joined by
            a comma; empty for nothing.
    """

    id: str
    run_id: str
    cycle: int
    label: str
    index: int
    order: int
    text: str
    finish_reason: str
    outcome: Outcome
    fluency: float | None
    token_ids: tuple[int, ...]
    duplicate_of: str | None
    seconds: float
    stripped: str = ""


@dataclass(frozen=True, slots=True)
class FinishedRound:
    """Requests that were decoded together and are complete.

    Args:
        cycle: counted from 1.
        position: place within the cycle in strict order, from 0; else 0.
        requested: texts asked for by label name.
        seconds: how long it took, storing the samples included.
        tokens: drawn for it since generation last started, without closing and end tokens.
    """

    cycle: int
    position: int
    requested: Mapping[str, int]
    seconds: float
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request to a server.

    Args:
        cycle: of the iteration it serves, from 1; None for a request outside of a run.
        label: the name of the label it asks texts for; None outside of a run.
        texts_asked: how many texts it asks for.
        texts_returned: how many came back.
        attempt: which try of the same request it is, from 1.
        status: HTTP's; None where no answer came.
        outcome: `ok`, `cancelled`, or a `core.generation.servers.errors.ErrorKind`.
        message: what went wrong, redacted; empty for `ok`.
        seconds: from sending it to the end of its answer; 0 for one of a batch.
        tokens_in: of the prompt, as the server reported; None is unknown.
        tokens_out: generated, as the server reported; None is unknown.
        other_model: which model answered, where it is another than the one asked; else empty.
        number: grows with every attempt of the store; 0 before it is stored.
        at: when it was stored, seconds since 1970, UTC; 0 before.
    """

    cycle: int | None
    label: str | None
    texts_asked: int
    texts_returned: int
    attempt: int
    status: int | None
    outcome: str
    message: str
    seconds: float
    tokens_in: int | None = None
    tokens_out: int | None = None
    other_model: str = ""
    number: int = 0
    at: float = 0.0
