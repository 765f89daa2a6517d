"""Asking a language model for the label, instead of training a classifier: zero-shot or few-shot.

The prompt names all label phrases, shows the examples if there are any, and ends where a phrase
belongs. Each phrase is scored by its mean log-probability a token, so that long ones are not at a
disadvantage; a text's scores become probabilities.

These lean to some labels whatever the text. Batch calibration (Zhou et al. 2023, arXiv 2309.17249)
takes that out: each label's probability is divided by its mean over all texts asked about. It needs
no labels, but several texts, and it takes the labels to be about equally frequent. It was chosen by
measurement with the embedded model on 200 training texts each of sst2 and CARER (accuracy zero-shot
and with 18 examples): uncalibrated 0.50, 0.77 and 0.26, 0.26; contextual calibration (Zhao et al.
2021, arXiv 2102.09690, content-free texts "N/A", "[MASK]" and "") 0.70, 0.86 and 0.52, 0.28; batch
calibration 0.75, 0.87 and 0.52, 0.46. Of four wordings the prompt's was best on the whole.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from core.classification.fine_tuning.encoders import softmax
from core.classification.results import Facts
from core.domain.datasets import Dataset
from core.domain.runs import Example
from core.domain.tasks import Task
from core.files.labelled import balanced_examples

CALIBRATION = "batch"
FEW = 18
"""Examples of the few-shot prompt, balanced over the labels (paper, section 4.1)."""

Probabilities = npt.NDArray[np.float64]


class Scorer(Protocol):
    """Scores phrases; `phrase_scorer.PhraseScorer` is the local one."""

    @property
    def facts(self) -> Facts:
        """JSON-ready: the model and what it runs on."""

    def score(
        self,
        texts: Sequence[str],
        phrases: Sequence[str],
        *,
        before: str,
        after: str,
        between: Callable[[], None],
    ) -> Probabilities:
        """Mean log-probability a token of each phrase behind each text, (texts, phrases)."""


class LabelModel(Protocol):
    """Whatever can be asked for a text's label; one that only answers gives 0 and 1."""

    @property
    def facts(self) -> Facts:
        """JSON-ready: the model and how it was asked."""

    def probabilities(
        self,
        texts: Sequence[str],
        task: Task,
        examples: Sequence[Example],
        *,
        between: Callable[[], None] = lambda: None,
    ) -> Probabilities:
        """Of each label, in task order, for each text: (texts, labels), rows adding up to 1; a row
        of 0 is an answer that can't be read."""


class ScoredLabels:
    """A language model whose log-probabilities can be read.

    Args:
        scorer: reads them.
        calibrated: whether batch calibration is applied.
    """

    def __init__(self, scorer: Scorer, *, calibrated: bool = True) -> None:
        self._scorer = scorer
        self._calibrated = calibrated

    @property
    def facts(self) -> Facts:
        """See `LabelModel`."""
        return {**self._scorer.facts, "calibration": CALIBRATION if self._calibrated else "none"}

    def probabilities(
        self,
        texts: Sequence[str],
        task: Task,
        examples: Sequence[Example],
        *,
        between: Callable[[], None] = lambda: None,
    ) -> Probabilities:
        """See `LabelModel`.

        Args:
            texts: at least one.
            task: text type and phrases.
            examples: shown in this order; none is zero-shot.
            between: called now and then; what it raises ends the call.
        """
        before, after = prompt_around(task, examples)
        scores = self._scorer.score(
            [inline(text) for text in texts],
            [f" {label.phrase}" for label in task.labels],
            before=before,
            after=after,
            between=between,
        )
        shares = softmax(scores)
        return batch_calibrated(shares) if self._calibrated and len(texts) > 1 else shares


def prompt_around(task: Task, examples: Sequence[Example]) -> tuple[str, str]:
    """What stands before a text and what between it and a phrase.

    Examples' double quotes become single ones and their line breaks spaces, as in prompts that
    generate.
    """
    kind = task.text_type
    capitalised = kind[:1].upper() + kind[1:]
    phrases = ", ".join(label.phrase for label in task.labels)
    start, after = f'{capitalised}: "', f'"\nElements of the {kind}:'
    shown = "".join(
        f"{start}{inline(example.text)}{after} {task.label(example.label).phrase}\n\n"
        for example in examples
    )
    return f"Choose what describes each {kind}: {phrases}.\n\n{shown}{start}", after


def batch_calibrated(shares: Probabilities) -> Probabilities:
    """Probabilities divided by their mean over the texts, rows adding up to 1 again.

    Args:
        shares: (texts, labels), at least two texts.
    """
    fair = shares / np.maximum(shares.mean(axis=0), 1e-12)
    again: Probabilities = fair / fair.sum(axis=1, keepdims=True)
    return again


def inline(text: str) -> str:
    """A text as a prompt takes it: on one line, without the quote that would end it."""
    return " ".join(text.replace('"', "'").split())


def draw_examples(pool: Dataset, *, task: Task, count: int, seed: int) -> tuple[Example, ...]:
    """Examples for a prompt, balanced over the labels, in random order.

    Raises:
        BadInput: the pool has too few of a label.
    """
    examples = list(map(Example, pool.texts, pool.labels))
    drawn = balanced_examples(examples, task=task, count=count, seed=seed)
    return shuffled(drawn, rng=np.random.default_rng(seed))


def shuffled(examples: Sequence[Example], *, rng: np.random.Generator) -> tuple[Example, ...]:
    """The examples in random order: label by label, the last label would stand nearest."""
    return tuple(examples[int(place)] for place in rng.permutation(len(examples)))
