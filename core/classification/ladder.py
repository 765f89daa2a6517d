"""The ladder: what is trained on what, or asked, beside each other on one test set.

From the bottom: the majority class, the language model without and with examples, classifiers
trained on generated texts (raw, after interventions), a classifier trained on real ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.classification.settings import FineTuning, TrainingSpec
from core.domain.errors import BadInput
from core.domain.registries.stages import STAGE, STAGES
from core.domain.runs import Example, ModelChoice, model_and_server
from core.domain.tasks import Task

Baseline = Literal["majority", "zero-shot", "few-shot"]
BASELINES: tuple[Baseline, ...] = ("majority", "zero-shot", "few-shot")

RUNG_TITLES: Mapping[str, str] = {
    "majority": "Majority class",
    "llm": "Language model, asked",
    **{stage.kind: stage.title for stage in STAGES},
    "real": "Real data",
}
"""The kinds of rows, from the bottom: baselines, what was done to generated texts, real texts."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is trained on.

    Args:
        key: of the dataset in the store.
        name: for display.
        kind: what was done to it, a stage's kind, or "real".
        n: its texts.
    """

    key: str
    name: str
    kind: str
    n: int


@dataclass(frozen=True, slots=True)
class Model:
    """What is trained: a probe of an encoder, or the encoder itself.

    Args:
        kind: which of the two.
        encoder: `embedded`, a Hugging Face id, or a local folder.
    """

    kind: Literal["probe", "fine-tuning"]
    encoder: str = "embedded"

    @property
    def name(self) -> str:
        """For display."""
        encoder = "MiniLM" if self.encoder == "embedded" else self.encoder
        return encoder if self.kind == "fine-tuning" else f"{encoder} probe"


@dataclass(frozen=True, slots=True)
class Rung:
    """A row of the ladder that can be trained.

    Args:
        name: for display.
        kind: where on the ladder it belongs, of `RUNG_TITLES`.
        spec: what is done.
        n_train: texts or examples that it learns from.
    """

    name: str
    kind: str
    spec: TrainingSpec
    n_train: int


def rungs(
    sources: Sequence[Source],
    *,
    test: str,
    models: Sequence[Model],
    tuning: Mapping[str, Any],
    seeds: tuple[int, ...],
    matched: bool,
    baselines: Sequence[Baseline],
    task: Task,
    examples: Sequence[Example] = (),
    language: ModelChoice = ModelChoice(),
) -> list[Rung]:
    """The rows to train, cheap ones first.

    Args:
        sources: what is trained on.
        test: key of the dataset that is tested on.
        models: what is trained on each.
        tuning: arguments of `FineTuning` but its model.
        seeds: a repeat each.
        matched: cut all sources to the size of the smallest, drawn anew for each seed.
        baselines: which are wanted; the majority class is that of the first source.
        task: for the prompts.
        examples: of the few-shot prompt; without any that row is left out.
        language: which model is asked; any but the embedded one is named in its rows.

    Raises:
        BadInput: a setting is out of its range.
    """
    # Ten parameters: each is a kind of row that can be asked for.
    size = smallest(sources) if matched and len({item.n for item in sources}) > 1 else None
    rows: list[Rung] = []
    if "majority" in baselines and sources:
        first = sources[0]
        spec = TrainingSpec("majority", test=test, train=first.key, seeds=seeds[:1])
        rows.append(Rung("Majority class", "majority", spec, first.n))
    for model in sorted(models, key=lambda item: item.kind != "probe"):
        settings = FineTuning(model=model.encoder, **tuning)
        if model.kind == "fine-tuning":
            rows += _asked(test, baselines, task, examples, language, seeds)
        for source in sources:
            # Where nothing is left out nothing is drawn, and repeats of a probe would be alike.
            cut = size if size is not None and size < source.n else None
            spec = TrainingSpec(
                model.kind,
                test=test,
                train=source.key,
                fine_tuning=settings,
                seeds=seeds,
                size=cut,
            )
            n = source.n if cut is None else cut
            rows.append(Rung(f"{source.name} · {model.name}", source.kind, spec, n))
    if all(model.kind == "probe" for model in models):
        rows += _asked(test, baselines, task, examples, language, seeds)
    return _each_once(rows)


def smallest(sources: Sequence[Source]) -> int | None:
    """Texts of the smallest source, at least 4; None without any."""
    return max(4, min(source.n for source in sources)) if sources else None


def kind_of(spec: Mapping[str, Any], version_kinds: Mapping[str, str]) -> str:
    """Where on the ladder a stored training belongs.

    Args:
        spec: as stored.
        version_kinds: kind by id of the versions; one that is missing counts as raw.
    """
    if spec["kind"] in ("majority", "llm"):
        return "majority" if spec["kind"] == "majority" else "llm"
    origin, _, name = str(spec["train"]).partition(":")
    if origin == "reference":
        return "real"
    kind = version_kinds.get(name, "raw") if origin == "version" else "raw"
    return kind if kind in STAGE else "raw"


def _asked(
    test: str,
    baselines: Sequence[Baseline],
    task: Task,
    examples: Sequence[Example],
    language: ModelChoice,
    seeds: tuple[int, ...],
) -> list[Rung]:
    wanted: list[tuple[str, Sequence[Example]]] = []
    whose = "" if language == ModelChoice() else f" · {model_and_server(language)}"
    if "zero-shot" in baselines:
        wanted.append(("LLM zero-shot", ()))
    if "few-shot" in baselines and examples:
        wanted.append((f"LLM {len(examples)}-shot", examples))
    return [
        Rung(
            f"{name}{whose}",
            "llm",
            TrainingSpec(
                "llm",
                test=test,
                seeds=seeds[:1],
                task=task,
                examples=tuple(shown),
                language_model=language.model,
                language_server=language.base_url,
            ),
            len(shown),
        )
        for name, shown in wanted
    ]


def _each_once(rows: Sequence[Rung]) -> list[Rung]:
    kept: list[Rung] = []
    for rung in rows:
        if all(rung.spec != other.spec for other in kept):
            kept.append(rung)
    return kept


def refuse_nothing(sources: Sequence[Source], baselines: Sequence[Baseline]) -> None:
    """See that there is something to do.

    Raises:
        BadInput: nothing was chosen.
    """
    if not sources and not {"zero-shot", "few-shot"} & set(baselines):
        raise BadInput("Nothing is chosen to train on.", "Choose texts in the side bar.")
