"""Asking a served model for the label: by the odds of its first token, else by what it answers.

The labels are lettered, so that their first tokens differ whatever the tokenizer. Where the server
tells the likeliest first tokens, the letters' probabilities are the scores, and batch calibration
(see `llm`) takes out the leaning to some letter. Elsewhere the answer is read strictly: the letter,
the phrase or the label's name alone. With a logit bias that works, all letters are raised alike,
so that nothing else can be answered. What can't be read is no label: its row is 0.
"""

import math
import re
import string
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from core.classification.llm.llm import CALIBRATION, Probabilities, batch_calibrated, inline
from core.classification.results import Fact, Facts
from core.domain.runs import Example
from core.domain.spending import SpendingTracker
from core.domain.tasks import Task
from core.generation.prompts import Message, Prompt
from core.generation.servers.backend import ServedBackend, ask_all
from core.generation.servers.requests import RecordAttempt, record_nothing

SPOKEN_TOKENS = 8
_AROUND = " \t\r\n.,:;()[]{}*\"'`"
_PIECES = "\u0120\u2581"  # how two kinds of tokenizers write a leading space


class ServedLabels:
    """A model behind a server; see `core.classification.llm.llm.LabelModel`.

    Args:
        backend: of the model.
        record: told of every attempt.
        tracker: asked before every request.
    """

    def __init__(
        self,
        backend: ServedBackend,
        *,
        record: RecordAttempt = record_nothing,
        tracker: SpendingTracker | None = None,
    ) -> None:
        self._backend, self._record, self._tracker = backend, record, tracker
        self._answered: dict[str, Fact] = {}

    @property
    def facts(self) -> Facts:
        """The model's, and of what was asked last: `scores` (`likeliest tokens`, `forced answers`
        or `answers`), `calibration` (`batch` or `none`), `not_parsed` (texts), `mass` (the mean
        share of the first token's probability that lay on the labels; None where it is unknown).
        """
        known = self._backend.metadata.to_dict()
        return {
            **{n: v for n, v in known.items() if isinstance(v, str | int | float)},
            **self._answered,
        }

    def probabilities(
        self,
        texts: Sequence[str],
        task: Task,
        examples: Sequence[Example],
        *,
        between: Callable[[], None] = lambda: None,
    ) -> Probabilities:
        """Of each label, in task order: (texts, labels), rows adding up to 1; a row of 0 where the
        answer can't be read, or none came. Answers give 0 and 1.

        Raises:
            WidesetError: as of `ask_all`.
        """
        signs, way = signs_of(task), self.way_for(task)
        bias = tuple((token, 100.0) for token in self._letters(signs))
        capabilities = self._backend.capabilities
        shares = np.zeros((len(texts), len(signs)))
        masses = []
        for place, answer in ask_all(
            self._backend,
            prompts_of(texts, task, examples),
            max_tokens=SPOKEN_TOKENS if way == "answers" else 1,
            logit_bias=bias if way == "forced answers" else (),
            top_logprobs=capabilities.most_logprobs if way == "likeliest tokens" else 0,
            record=self._record,
            tracker=self._tracker,
            between=between,
        ):
            if way == "likeliest tokens":
                shares[place] = shares_of(answer.likeliest, signs)
                masses.append(float(shares[place].sum()))
                continue
            read = read_label(answer.text, task)
            if read is not None:
                shares[place, read] = 1.0
        total = shares.sum(axis=1)
        known = total > 0
        shares[known] /= total[known, None]
        calibrated = way == "likeliest tokens" and int(known.sum()) > 1
        if calibrated:
            shares[known] = batch_calibrated(shares[known])
        self._answered = {
            "scores": way,
            "calibration": CALIBRATION if calibrated else "none",
            "not_parsed": int((~known).sum()),
            "mass": float(np.mean(masses)) if masses else None,
        }
        return shares

    def way_for(self, task: Task) -> str:
        """How labels are scored on this server: `scores` of `facts`."""
        capabilities, signs = self._backend.capabilities, signs_of(task)
        if (
            signs[0].isalpha()
            and capabilities.top_logprobs == "exact"
            and capabilities.most_logprobs > 1
        ):
            return "likeliest tokens"
        letters = self._letters(signs)
        return "forced answers" if letters and capabilities.can_suppress else "answers"

    def _letters(self, signs: Sequence[str]) -> list[int]:
        """The letters' token ids; none unless each is a token of its own."""
        tokenizer = self._backend.tokenizer
        if tokenizer is None or not signs[0].isalpha():
            return []
        ids = [tokenizer.encode(sign) for sign in signs]
        single = [token_ids[0] for token_ids in ids if len(token_ids) == 1]
        return single if len(set(single)) == len(signs) else []


def signs_of(task: Task) -> list[str]:
    """What stands for each label in prompt and answer: letters, beyond 26 labels numbers."""
    count = len(task.labels)
    if count <= len(string.ascii_uppercase):
        return list(string.ascii_uppercase[:count])
    return [str(number + 1) for number in range(count)]


def prompts_of(texts: Sequence[str], task: Task, examples: Sequence[Example]) -> list[Prompt]:
    """A chat for each text: the labels' phrases with their signs, the examples, the text."""
    signs, kind = signs_of(task), task.text_type
    what = "letter" if signs[0].isalpha() else "number"
    listed = [f"{sign}. {label.phrase}" for sign, label in zip(signs, task.labels, strict=True)]
    head = "\n".join(
        [f"Choose what describes each {kind}:", *listed, f"Answer with the {what} alone."]
    )
    start = f"{kind[:1].upper()}{kind[1:]}: "
    sign_of = dict(zip(task.label_names, signs, strict=True))
    before: list[Message] = []
    for example in examples:
        before.append(Message("user", f'{start}"{inline(example.text)}"'))
        before.append(Message("assistant", sign_of[example.label]))
    made = []
    for text in texts:
        first, *others = [*before, Message("user", f'{start}"{inline(text)}"')]
        first = Message("user", f"{head}\n\n{first.content}")
        made.append(Prompt(messages=(first, *others)))
    return made


def shares_of(likeliest: Iterable[tuple[str, float]], signs: Sequence[str]) -> Probabilities:
    """The probability of each sign among the likeliest first tokens, (signs,), at most 1 in all.

    Args:
        likeliest: (token, natural log-probability); how a token is spaced is of no matter.
        signs: letters.
    """
    shares = np.zeros(len(signs))
    place = {sign: number for number, sign in enumerate(signs)}
    for token, value in likeliest:
        number = place.get(token.strip(_AROUND + _PIECES))
        if number is not None and value <= 1e-6:
            shares[number] += math.exp(value)
    return shares


def read_label(answer: str, task: Task) -> int | None:
    """Which label an answer names, as its place in the task; None where it names none or more.

    An answer is a sign, a label's phrase or name, or a sign with its own phrase, and nothing else.
    """
    plain_answer = _plain(answer)
    named = set()
    for number, (sign, label) in enumerate(zip(signs_of(task), task.labels, strict=True)):
        words = {_plain(label.phrase), _plain(label.name)}
        # A sign is a capital: "a" may be an article.
        signed = re.fullmatch(rf"{re.escape(sign)}(?:[.:)\s]+(.+))?", answer.strip(_AROUND), re.S)
        if plain_answer in words or (
            signed is not None and (signed[1] is None or _plain(signed[1]) in words)
        ):
            named.add(number)
    return named.pop() if len(named) == 1 else None


def _plain(text: str) -> str:
    return " ".join(text.strip(_AROUND).casefold().split())
