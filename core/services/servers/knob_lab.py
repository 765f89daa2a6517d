"""The knob lab's questions: the next token's distribution under the knobs, and a text step by step.

They are answered in the fast lane, between two steps of a run under way.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from core.domain.errors import BadInput, NoAnswer
from core.domain.runs import ModelChoice, RunSpec, Sample, spec_from_dict
from core.domain.settings import Home
from core.generation.local.backend import LocalBackend, ModelCache
from core.generation.local.next_token import change
from core.generation.local.sampling import Knobs
from core.generation.suppression import SuppressedToken
from core.services.servers.served_knob_lab import prompt_of, suppressed_of
from core.store.database import Database, open_database
from core.store.generation.runs import get_run
from core.store.generation.samples import samples_of

if TYPE_CHECKING:
    from torch import Tensor

_KEPT_LOGITS = 16
_LONGEST_WALK = 150


class Lab:
    """Answers with the model that is loaded, or loads it while nothing runs.

    Args:
        keeper: of the models.
        home: where the store lies.
        busy: whether a run is under way, whose model must stay.
        timer: monotonic seconds.
    """

    def __init__(
        self,
        keeper: ModelCache,
        home: Home,
        *,
        busy: Callable[[], bool],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._keeper = keeper
        self._home = home
        self._busy = busy
        self._timer = timer
        self._logits: OrderedDict[tuple[Any, ...], Tensor] = OrderedDict()
        self._served_tokens: dict[tuple[str, ...], Any] = {}

    def next_token(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The next token's distribution: what the condition makes of the model's own.

        Args:
            question: `spec`, a run's spec with the knobs as they stand; `label_index`, the label
                asked for; `prefix`, what the text holds already; `run`, id of the run whose texts
                are tallied and shown as examples, or None; `top`, tokens to list.

        Returns:
            tokens (lists of equal length: token, text, before, after, bias, share), moved,
            suppressed_before, suppressed_after, bits_before, bits_after, possible (see
            `core.generation.local.next_token.Change`), suppressed (how many tokens), prompt (as a
            person
            reads it), prompt_tokens, seconds.

        Raises:
            NoAnswer: another model is at work.
            BadInput: a setting is refused.
        """
        begun = self._timer()
        spec = spec_from_dict(question["spec"])
        if spec.model.backend == "openai":
            return self._at_server(spec, question, begun)
        backend = self._backend(spec.model)
        samples = self._samples(question.get("run"))
        prompt = prompt_of(spec, int(question["label_index"]), samples)
        tokens = backend.prompt_tokens(prompt)
        prefix = backend.text_tokens(str(question.get("prefix", "")))
        rows = suppressed_of(backend, spec, int(question["label_index"]), samples)
        biases = _biases(rows, spec)
        effect = change(
            self._next_logits(backend, [*tokens, *prefix]),
            Knobs.of(spec.condition),
            biases=biases,
            drawn=prefix,
            top=int(question.get("top", 30)),
        )
        shares = {row.token: row.share for row in rows}
        return {
            "tokens": {
                "token": [token.token for token in effect.tokens],
                "text": [backend.token_text(token.token) for token in effect.tokens],
                "before": [token.before for token in effect.tokens],
                "after": [token.after for token in effect.tokens],
                "bias": [token.bias for token in effect.tokens],
                "share": [shares.get(token.token) for token in effect.tokens],
            },
            "moved": effect.moved,
            "suppressed_before": effect.suppressed_before,
            "suppressed_after": effect.suppressed_after,
            "bits_before": effect.bits_before,
            "bits_after": effect.bits_after,
            "possible": effect.possible,
            "suppressed": len(rows),
            "prompt": prompt.preview(),
            "prompt_tokens": len(tokens),
            "seconds": self._timer() - begun,
        }

    def _at_server(
        self, spec: RunSpec, question: Mapping[str, Any], begun: float
    ) -> dict[str, Any]:
        """The same of a server's model, over the likeliest first tokens that it tells."""
        from core.services.servers.served_knob_lab import first_tokens

        if self._busy():
            raise NoAnswer("A run is going.", "Ask the server when it is done.")
        backend = self._keeper.backend(spec.model)
        samples = self._samples(question.get("run"))
        return first_tokens(
            backend,
            spec,
            label_index=int(question["label_index"]),
            prefix=str(question.get("prefix", "")),
            samples=samples,
            cache=self._served_tokens,
            seconds=lambda: self._timer() - begun,
        )

    def walk(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """A generated text token by token, with what else could have come.

        Suppression is that of the run as it stood when the text's cycle began.

        Args:
            question: `run` and `sample`, their ids; `top`, alternatives to list.

        Returns:
            steps: for each token text, before, after (probabilities without and with the knobs),
            rank, bias, others ([text, probability] pairs); prompt; shortened, whether the text
            goes on.

        Raises:
            NoAnswer: another model is at work.
            BadInput: there is no such sample, or none of its tokens is known.
        """
        with closing(open_database(self._home)) as db:
            run = get_run(db, str(question["run"]))
            history = samples_of(db, run.id)
        sample = next((other for other in history if other.id == question["sample"]), None)
        if sample is None or not sample.token_ids:
            raise BadInput("The tokens of that text are not known.", "Choose another text.")
        backend = self._backend(run.spec.model)
        place = run.spec.task.label_names.index(sample.label)
        before = _before(run.spec, sample, history)
        prompt = prompt_of(run.spec, place, before, cycle=sample.cycle)
        biases = _biases(suppressed_of(backend, run.spec, place, before), run.spec)
        tokens = list(sample.token_ids[:_LONGEST_WALK])
        steps = backend.walk(
            backend.prompt_tokens(prompt),
            tokens,
            run.spec.condition,
            biases=biases,
            top=int(question.get("top", 10)),
        )
        return {
            "steps": [
                {
                    "text": backend.token_text(step.token),
                    "before": step.before,
                    "after": step.after,
                    "rank": step.rank,
                    "bias": biases.get(step.token, 0.0),
                    "others": [[backend.token_text(token), p] for token, p in step.others],
                }
                for step in steps
            ],
            "prompt": prompt.preview(),
            "shortened": len(sample.token_ids) > len(tokens),
        }

    def _backend(self, choice: ModelChoice) -> LocalBackend:
        if choice.backend != "local":
            raise NoAnswer(
                "Step by step goes through texts of models on this machine only.",
                "Choose a run of one.",
            )
        kept = self._keeper.kept(choice)
        if isinstance(kept, LocalBackend):
            return kept
        if self._busy():
            raise NoAnswer(
                "The worker is busy with another model.", "Try again when the run is done."
            )
        opened = self._keeper.backend(choice)
        assert isinstance(opened, LocalBackend)
        return opened

    def _samples(self, run_id: str | None) -> list[Sample]:
        if run_id is None:
            return []
        with closing(open_database(self._home)) as db:
            return _samples_of(db, run_id)

    def _next_logits(self, backend: LocalBackend, tokens: Sequence[int]) -> "Tensor":
        key = (backend.metadata.fingerprint, backend.metadata.dtype, *tokens)
        logits = self._logits.pop(key, None)
        if logits is None:
            logits = backend.next_logits(tokens).cpu()
        self._logits[key] = logits
        while len(self._logits) > _KEPT_LOGITS:
            self._logits.popitem(last=False)
        return logits


def _samples_of(db: Database, run_id: str) -> list[Sample]:
    return samples_of(db, get_run(db, run_id).id)


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
