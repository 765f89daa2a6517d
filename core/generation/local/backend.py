"""The local backend: a loaded model that writes texts, and the cache of the model used last."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.domain.conditions import Condition
from core.domain.errors import BackendFailed, BadInput
from core.domain.runs import ModelChoice, ModelMetadata
from core.generation.backends import Completion, Request
from core.generation.local.decoding import DecodedText, TextPlan, decode, side_by_side
from core.generation.local.loading import LoadedModel, load
from core.generation.local.next_token import Step, walk
from core.generation.local.sampling import Knobs, dense_biases
from core.generation.prompts import QUOTE, Prompt
from core.generation.servers.backend import ServedBackend
from core.models.devices import give_memory_back, is_out_of_memory

if TYPE_CHECKING:
    from torch import Tensor


# How tokenizers that fall back on bytes (Llama 2's) name that of the double quote.
_QUOTE_BYTE = "<0x22>"
# Beyond this many rows a step's duration on two CPU cores grows in proportion to them.
_MAX_ROWS = {"cpu": 128, "mps": 128, "cuda": 512}

Owner = tuple[int, int]
"""A text's place: the position of its request, and its index there."""


class LocalBackend:
    """Writes texts with a loaded model; see `backends.Backend` for the methods.

    Args:
        loaded: from `loading.load`.
    """

    repeatable = True

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._tokenizer = loaded.tokenizer
        self._device = loaded.metadata.device or "cpu"
        self._rows_at_once: int | None = None

    @property
    def metadata(self) -> ModelMetadata:
        """What was resolved at load, and how many rows fit into the memory where not all do."""
        return replace(self._loaded.metadata, rows_at_once=self._rows_at_once)

    @cached_property
    def exempt_tokens(self) -> frozenset[int]:
        """Every token that holds a double quote, and the end tokens: each ends a text."""
        pieces = self._tokenizer.get_vocab().items()
        quotes = {token for piece, token in pieces if QUOTE in piece or piece == _QUOTE_BYTE}
        return frozenset(quotes | self._end_tokens)

    @cached_property
    def _end_tokens(self) -> frozenset[int]:
        config = self._loaded.model.generation_config
        ends = config.eos_token_id if config is not None else None
        listed = ends if isinstance(ends, list) else [] if ends is None else [ends]
        return frozenset({*listed, *self._tokenizer.all_special_ids})

    def token_text(self, token: int) -> str:
        """How a token reads, its leading space included."""
        return str(self._tokenizer.decode([token], clean_up_tokenization_spaces=False))

    def prompt_tokens(self, prompt: Prompt) -> list[int]:
        """The token ids of a prompt, begun with an open quotation mark for a chat's answer.

        Raises:
            BadInput: a chat for a model without a chat template.
        """
        if not prompt.is_chat:
            return list(self._tokenizer(prompt.text)["input_ids"])
        if not self._tokenizer.chat_template:
            raise BadInput(
                f"The model {self._loaded.metadata.model} has no chat template.",
                "Use prompt A or C.",
            )
        turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
        text = self._tokenizer.apply_chat_template(
            turns, add_generation_prompt=True, tokenize=False
        )
        return list(self._tokenizer(text + QUOTE, add_special_tokens=False)["input_ids"])

    def text_tokens(self, text: str) -> list[int]:
        """The token ids of a text that continues a prompt."""
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def next_logits(self, tokens: Sequence[int]) -> "Tensor":
        """The untouched model's logits for the token after these, float32 (vocabulary,).

        Raises:
            BadInput: they are more than the model takes.
        """
        self._check_room([tokens], 0)
        return self._loaded.engine().prefill(0, tokens)

    def walk(
        self,
        prompt: Sequence[int],
        text: Sequence[int],
        condition: Condition,
        *,
        biases: Mapping[int, float],
        top: int = 10,
        between: Callable[[], None] = lambda: None,
    ) -> Iterator[Step]:
        """See `next_token.walk`."""
        self._check_room([prompt], len(text))
        knobs = Knobs.of(condition)
        engine = self._loaded.engine()
        return walk(engine, prompt, text, knobs, biases=biases, top=top, between=between)

    def complete(
        self,
        requests: Sequence[Request],
        condition: Condition,
        *,
        first_soon: bool = False,
        between_steps: Callable[[], None],
    ) -> Iterator[list[Completion]]:
        """See `backends.Backend.complete`."""
        prompts = [self.prompt_tokens(request.prompt) for request in requests]
        self._check_room(prompts, condition.max_tokens)
        model = self._loaded.model
        biases = dense_biases(
            [(*request.biases, *condition.logit_bias) for request in requests],
            vocabulary=int(model.config.get_text_config().vocab_size),
            device=model.device,
        )
        left = {
            (number, index): TextPlan(number, _uniforms(request, index, condition.max_tokens))
            for number, request in enumerate(requests)
            for index in request.indices
        }
        between_steps()
        while left:
            short = False
            try:
                for finished in self._decoded(left, prompts, biases, condition, first_soon):
                    if finished:
                        yield [self._completion(text, *owner) for text, owner in finished]
                    for _, owner in finished:
                        del left[owner]
                    between_steps()
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                short = True  # outside of this block the error holds no tensor any more
            if short:
                self._halve(len(left))

    def _decoded(
        self,
        plans: Mapping[Owner, TextPlan],
        prompts: Sequence[Sequence[int]],
        biases: "Sequence[Tensor | None]",
        condition: Condition,
        first_soon: bool,
    ) -> Iterator[list[tuple[DecodedText, Owner]]]:
        """What each step finishes, in lanes; after memory ran out, in parts that fit."""
        most = self._rows_at_once
        lanes, threads = self._lanes(min(len(prompts), most or len(prompts)))
        decodings = []
        for lane in range(lanes):
            own = [owner for owner, plan in plans.items() if plan.prompt % lanes == lane]
            width = max(1, len(own) if most is None else most // lanes)
            parts = [own[start : start + width] for start in range(0, len(own), width)]
            decodings.append(
                chain.from_iterable(
                    _owned(
                        decode(
                            self._loaded.engine(),
                            prompts,
                            [plans[owner] for owner in part],
                            knobs=Knobs.of(condition),
                            biases=biases,
                            closing=self.exempt_tokens,
                            max_tokens=condition.max_tokens,
                            max_rows=_MAX_ROWS[self._device] // lanes,
                            first_soon=first_soon,
                        ),
                        part,
                    )
                    for part in parts
                )
            )
        with closing(side_by_side(decodings, threads=threads)) as steps:
            yield from steps

    def _halve(self, waiting: int) -> None:
        """Decode half as many rows at once from now on.

        Raises:
            BackendFailed: a single row was too many.
        """
        rows = min(waiting, self._rows_at_once or waiting) // 2
        if rows < 1:
            raise BackendFailed(
                "The language model ran out of memory over a single text.",
                "Ask for shorter texts or fewer examples, or choose a smaller model.",
            )
        self._rows_at_once = rows
        give_memory_back()

    def _lanes(self, requests: int) -> tuple[int, int]:
        """Into how many lanes so many prompts are divided, and PyTorch's threads in each."""
        if self._device != "cpu":
            return 1, 1
        cores = self._loaded.metadata.threads or 1
        lanes = max(1, min(cores, requests))
        return lanes, cores // lanes

    def _completion(self, text: DecodedText, request: int, index: int) -> Completion:
        kept = text.tokens
        if text.closed and kept[-1] in self._end_tokens:
            kept = kept[:-1]
        written = self._tokenizer.decode(kept, clean_up_tokenization_spaces=False)
        return Completion(
            request=request,
            index=index,
            text=written.split(QUOTE)[0].strip(),
            finish_reason="stop" if text.closed else "length",
            fluency=text.log_probability / len(text.tokens),
            token_ids=text.tokens[:-1] if text.closed else text.tokens,
        )

    def _check_room(self, prompts: Sequence[Sequence[int]], new: int) -> None:
        limit = getattr(
            self._loaded.model.config.get_text_config(), "max_position_embeddings", None
        )
        longest = max(len(prompt) for prompt in prompts)
        if limit is not None and longest + new > limit:
            raise BadInput(
                f"A prompt of {longest} tokens and {new} new ones pass the model's {limit}.",
                "Use shorter examples, fewer labels or fewer tokens per text.",
            )


def _owned(
    steps: Iterator[list[DecodedText]], owners: Sequence[Owner]
) -> Iterator[list[tuple[DecodedText, Owner]]]:
    """Each text with the request and the index it answers; owners in the order of the plans."""
    for finished in steps:
        yield [(text, owners[text.plan]) for text in finished]


def _uniforms(request: Request, index: int, count: int) -> list[float]:
    """A text's own random stream, independent of the texts decoded beside it."""
    seed = np.random.SeedSequence([*request.entropy, index])
    return list(np.random.Generator(np.random.Philox(seed)).random(count))


OpenServed = Callable[[ModelChoice], ServedBackend]


class ModelCache:
    """Opens backends and keeps the last local one, so that the next run with it starts at once.

    Args:
        models: folder for converted models.
        open_served: opens a model behind a server; None knows none.
    """

    def __init__(self, models: Path, *, open_served: OpenServed | None = None) -> None:
        self._models = models
        self._open_served = open_served
        self._choice: ModelChoice | None = None
        self._backend: LocalBackend | None = None
        self._served: ServedBackend | None = None

    def kept(self, choice: ModelChoice) -> LocalBackend | None:
        """The local backend of that choice if it is loaded already."""
        return self._backend if choice == self._choice else None

    def backend(
        self, choice: ModelChoice, *, dtype: str | None = None
    ) -> LocalBackend | ServedBackend:
        """A backend; a local one is loaded unless it is kept.

        A served one is opened anew each time, as its connection may have been changed, and the one
        before it is closed.

        Args:
            choice: which model, and where.
            dtype: the number type that a resumed run used; None decides afresh.

        Raises:
            BackendFailed: the model is not available.
            BadInput: the kind of backend is unknown, or a server's connection or key is missing.
        """
        kept = self.kept(choice)
        if kept is not None and dtype in (None, kept.metadata.dtype):
            return kept
        if choice.backend == "openai":
            return self._opened(choice)
        # Free the old model before the new one comes.
        self._choice, self._backend, kept = None, None, None
        backend = LocalBackend(load(choice, models=self._models, dtype=dtype))
        self._choice, self._backend = choice, backend
        return backend

    def close(self) -> None:
        """Close the connections to servers."""
        if self._served is not None:
            self._served.close()
            self._served = None

    def _opened(self, choice: ModelChoice) -> ServedBackend:
        if self._open_served is None:
            raise BadInput("Models behind servers can't be opened here.", "Use a local model.")
        self.close()
        self._served = self._open_served(choice)
        return self._served
