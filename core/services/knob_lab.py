"""The knob lab's questions: the next token's distribution under the knobs, and a text step by step.

They are answered in the fast lane, between two steps of a run under way.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

from core.domain.errors import BadInput, NoAnswer
from core.domain.next_token import Change, NextToken, Walk, WalkedToken
from core.domain.runs import ModelChoice, RunSpec, Sample
from core.domain.settings import Home
from core.generation.backends import Backend
from core.generation.local.backend import LocalBackend, ModelCache
from core.generation.local.next_token import change
from core.generation.local.sampling import Knobs
from core.generation.prompts import Prompt, prompt_for
from core.generation.servers.backend import ServedBackend, ask_all
from core.generation.suppression import SuppressedToken, Tally, suppressed_tokens
from core.store.database import open_database
from core.store.generation.runs import get_run
from core.store.generation.samples import samples_of

if TYPE_CHECKING:
    from torch import Tensor

_KEPT_LOGITS = 16
_LONGEST_WALK = 150
_PIECES = str.maketrans({"\u0120": " ", "\u2581": " "})  # how tokenizers write a leading space

LikeliestTokens = tuple[tuple[str, float], ...]
"""(text, natural log-probability) of each, as a server reports them."""


class Lab:
    """Answers with the model that is loaded, or loads it while nothing runs.

    Args:
        models: opens language models.
        home: where the store lies.
        busy: whether a run is under way, whose model must stay.
    """

    def __init__(self, models: ModelCache, home: Home, *, busy: Callable[[], bool]) -> None:
        self._models = models
        self._home = home
        self._busy = busy
        self._logits: OrderedDict[tuple[str | int | None, ...], Tensor] = OrderedDict()
        self._served_tokens: dict[tuple[str, ...], LikeliestTokens] = {}

    def next_token(
        self, spec: RunSpec, *, label_index: int, prefix: str, run_id: str | None, top: int
    ) -> NextToken:
        """The next token's distribution: what the condition makes of the model's own.

        Args:
            spec: with the knobs as they stand.
            label_index: the label asked for, in task order.
            prefix: the text so far.
            run_id: the run whose tokens are counted and whose texts are the examples, or None.
            top: tokens to list.

        Raises:
            NoAnswer: another model is at work, or the server does not tell.
            BadInput: a setting is refused.
        """
        if spec.model.backend == "openai":
            if self._busy():
                raise NoAnswer("A run is going.", "Ask the server when it is done.")
            return first_tokens(
                self._models.backend(spec.model),
                spec,
                label_index=label_index,
                prefix=prefix,
                samples=self._samples(run_id),
                cache=self._served_tokens,
            )
        backend = self._backend(spec.model)
        samples = self._samples(run_id)
        prompt = prompt_of(spec, label_index, samples)
        tokens, written = backend.prompt_tokens(prompt), backend.text_tokens(prefix)
        suppressed = suppressed_of(backend, spec, label_index, samples)
        effect = change(
            self._next_logits(backend, [*tokens, *written]),
            Knobs.of(spec.condition),
            biases=_biases(suppressed, spec),
            drawn=written,
            top=top,
        )
        by_token = {row.token: row for row in suppressed}
        answer = _next_token(effect, backend.token_text, by_token, prompt)
        return replace(answer, prompt_tokens=len(tokens))

    def walk(self, run_id: str, sample_id: str, *, top: int) -> Walk:
        """A generated text token by token, with what else could have come.

        Suppression is that of the run when the text's cycle began.

        Args:
            run_id: the run.
            sample_id: the text.
            top: alternatives to list.

        Raises:
            NoAnswer: another model is at work.
            BadInput: there is no such sample, or none of its tokens is known.
        """
        with closing(open_database(self._home)) as db:
            run = get_run(db, run_id)
            history = samples_of(db, run.id)
        sample = next((other for other in history if other.id == sample_id), None)
        if sample is None or not sample.token_ids:
            raise BadInput("The tokens of that text are not known.", "Choose another text.")
        backend = self._backend(run.spec.model)
        label_index = run.spec.task.label_names.index(sample.label)
        before = _before(run.spec, sample, history)
        prompt = prompt_of(run.spec, label_index, before, cycle=sample.cycle)
        biases = _biases(suppressed_of(backend, run.spec, label_index, before), run.spec)
        tokens = sample.token_ids[:_LONGEST_WALK]
        steps = backend.walk(
            backend.prompt_tokens(prompt), tokens, run.spec.condition, biases=biases, top=top
        )
        walked = tuple(
            WalkedToken(
                text=backend.token_text(step.token),
                before=step.before,
                after=step.after,
                rank=step.rank,
                bias=biases.get(step.token, 0.0),
                others=tuple((backend.token_text(token), p) for token, p in step.others),
            )
            for step in steps
        )
        return Walk(walked, shortened=len(sample.token_ids) > len(tokens))

    def _backend(self, choice: ModelChoice) -> LocalBackend:
        if choice.backend != "local":
            raise NoAnswer(
                "Step by step goes through texts of models on this machine only.",
                "Choose a run of one.",
            )
        kept = self._models.kept(choice)
        if kept is not None:
            return kept
        if self._busy():
            raise NoAnswer(
                "The worker is busy with another model.", "Try again when the run is done."
            )
        opened = self._models.backend(choice)
        assert isinstance(opened, LocalBackend)
        return opened

    def _samples(self, run_id: str | None) -> list[Sample]:
        if run_id is None:
            return []
        with closing(open_database(self._home)) as db:
            return samples_of(db, get_run(db, run_id).id)

    def _next_logits(self, backend: LocalBackend, tokens: Sequence[int]) -> "Tensor":
        key = (backend.metadata.fingerprint, backend.metadata.dtype, *tokens)
        logits = self._logits.pop(key, None)
        if logits is None:
            logits = backend.next_logits(tokens).cpu()
        self._logits[key] = logits
        while len(self._logits) > _KEPT_LOGITS:
            self._logits.popitem(last=False)
        return logits


def prompt_of(
    spec: RunSpec, label_index: int, samples: Sequence[Sample], *, cycle: int | None = None
) -> Prompt:
    """The prompt for a label as a run sends it, its examples drawn from these samples.

    Args:
        spec: the run.
        label_index: in task order.
        samples: what was written before.
        cycle: counted from 1; None is the second where anything was written, else the first.

    Raises:
        BadInput: there is no such label.
    """
    if not 0 <= label_index < len(spec.task.labels):
        raise BadInput("There is no such label.", "Choose one of the task's.")
    written: dict[str, list[str]] = {}
    for sample in sorted(samples, key=lambda sample: (sample.cycle, sample.index)):
        if sample.outcome == "usable":
            written.setdefault(sample.label, []).append(sample.text)
    number = cycle if cycle is not None else (2 if written else 1)
    return prompt_for(spec, cycle=number, label_index=label_index, written=written)


def suppressed_of(
    backend: Backend, spec: RunSpec, label_index: int, samples: Sequence[Sample]
) -> list[SuppressedToken]:
    """What is suppressed after these samples, for a label where tokens are counted by label."""
    tally = Tally(backend.exempt_tokens)
    label = spec.task.label_names[label_index]
    for sample in samples:
        if spec.condition.suppression.scope == "dataset" or sample.label == label:
            tally.add(sample.token_ids)
    return suppressed_tokens(tally, spec.condition.suppression)


def first_tokens(
    backend: Backend,
    spec: RunSpec,
    *,
    label_index: int,
    prefix: str,
    samples: Sequence[Sample],
    cache: dict[tuple[str, ...], LikeliestTokens],
) -> NextToken:
    """The same of a server's model, over the likeliest first tokens that one short request reports.

    Args:
        backend: of the server's model.
        spec: with the knobs as they stand; its prompt is sent as a chat.
        label_index: the label asked for.
        prefix: must be empty: a chat's answer can't be continued.
        samples: whose tokens are counted, and which are the examples.
        cache: likeliest tokens by prompt; added to here, so that changing a knob costs no request.

    Raises:
        NoAnswer: the server does not tell its likeliest tokens, or a prefix was given.
    """
    import torch

    if not isinstance(backend, ServedBackend) or backend.capabilities.top_logprobs != "exact":
        raise NoAnswer(
            "This server does not tell its likeliest tokens, as far as its test found.",
            "Test it on Connect, or choose a local model.",
        )
    if prefix:
        raise NoAnswer(
            "A server tells the first token of an answer alone.", "Clear the text so far."
        )
    chat = replace(spec, condition=replace(spec.condition, prompt="chat"))
    prompt = prompt_of(chat, label_index, samples)
    most = backend.capabilities.most_logprobs
    key = (spec.model.base_url, spec.model.model, prompt.preview())
    if key not in cache:
        answers = [text for _, text in ask_all(backend, [prompt], max_tokens=1, top_logprobs=most)]
        cache.clear()  # one prompt is on view at a time
        cache[key] = answers[0].likeliest if answers else ()
    likeliest = cache[key]
    if not likeliest:
        raise NoAnswer("The server told no likeliest token.", "Try again, or test it on Connect.")
    texts = [text.translate(_PIECES) for text, _ in likeliest]
    suppressed = suppressed_of(backend, spec, label_index, samples)
    # By their texts, as the server reports no ids; of equal texts the first, likelier token counts.
    by_text = {backend.token_text(row.token): row for row in reversed(suppressed)}
    by_place = {place: by_text[text] for place, text in enumerate(texts) if text in by_text}
    effect = change(
        torch.tensor([value for _, value in likeliest], dtype=torch.float32),
        Knobs.of(spec.condition),
        biases={place: row.bias for place, row in by_place.items()},
        top=len(likeliest),
    )
    known = min(1.0, sum(math.exp(value) for _, value in likeliest))
    return replace(_next_token(effect, texts.__getitem__, by_place, prompt), known=known)


def _next_token(
    effect: Change,
    token_text: Callable[[int], str],
    suppressed: Mapping[int, SuppressedToken],
    prompt: Prompt,
) -> NextToken:
    tokens = tuple(
        replace(
            row,
            text=token_text(row.token),
            share=suppressed[row.token].share if row.token in suppressed else None,
        )
        for row in effect.tokens
    )
    return NextToken(
        change=replace(effect, tokens=tokens), suppressed=len(suppressed), prompt=prompt.preview()
    )


def _before(spec: RunSpec, sample: Sample, history: Sequence[Sample]) -> list[Sample]:
    """What was finished when the text's round began; in strict order labels before it count."""
    names = spec.task.label_names
    place = names.index(sample.label)
    strict = spec.condition.strict_order
    return [
        other
        for other in history
        if other.cycle < sample.cycle
        or (strict and other.cycle == sample.cycle and names.index(other.label) < place)
    ]


def _biases(rows: Sequence[SuppressedToken], spec: RunSpec) -> dict[int, float]:
    biases = {row.token: row.bias for row in rows}
    for token, bias in spec.condition.logit_bias:
        biases[token] = biases.get(token, 0.0) + bias
    return biases
