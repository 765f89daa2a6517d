"""Phrase scorer: how probable a local language model finds each of some phrases after a text.

What all prompts begin with runs through the model once. A text and all phrases then run as one
row: the phrases stand side by side behind the text, each seeing the text and itself alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from core.classification.results import Facts
from core.domain.errors import BadInput
from core.domain.runs import ModelChoice
from core.generation.local.loading import pick_dtype, read_model
from core.models.devices import (
    Portion,
    half_precision,
    is_out_of_memory,
    pick_device,
    share_the_processor,
)
from core.models.embedded import LLM_SHA256
from core.models.pretrained import mark_of

if TYPE_CHECKING:
    from torch import Tensor


_AT_ONCE = 16
_CLOSE = {"float32": 1e-2, "bfloat16": 0.35, "float16": 0.35}
_SHORTEST_TEXT = 16  # tokens of a text that a prompt must leave room for

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PhraseTokens:
    """Phrases as one row of tokens.

    Args:
        ids: token ids of all phrases, one behind the other.
        owners: which phrase each token belongs to.
        places: each token's place within its phrase, from 0.
    """

    ids: tuple[int, ...]
    owners: tuple[int, ...]
    places: tuple[int, ...]


class PhraseScorer:
    """Scores phrases with a causal language model.

    Args:
        model: of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        facts: JSON-ready: model, fingerprint, device, dtype.
    """

    def __init__(self, model: Any, tokenizer: Any, facts: Facts) -> None:
        self.facts = facts
        self._model = model
        self._tokenizer = tokenizer
        self._portion = Portion(_AT_ONCE)

    def score(
        self,
        texts: Sequence[str],
        phrases: Sequence[str],
        *,
        before: str,
        after: str,
        between: Callable[[], None] = lambda: None,
    ) -> Scores:
        """Mean natural log-probability a token of each phrase, float64 (texts, phrases).

        Args:
            texts: what stands between `before` and `after`; one that leaves no room is cut.
            phrases: as they follow `after`, with a leading space where the prompt wants one.
            before: what all prompts begin with; not empty.
            after: what stands between a text and a phrase; may be empty.
            between: called before every batch; what it raises ends the call.

        Raises:
            BadInput: the prompt leaves no room for texts.
            BackendFailed: memory ran out with a single text.
        """
        phrase_tokens = joined_phrases([self._ids(phrase) for phrase in phrases])
        prefix = list(self._tokenizer(before)["input_ids"])
        end = self._ids(after) if after else []
        room = self._room(len(prefix) + len(end) + len(phrase_tokens.ids))
        rows = [self._ids(text)[:room] + end for text in texts]
        cache = self._run_prefix(prefix)
        order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
        scores = np.zeros((len(rows), len(phrases)))
        plain = not self._side_by_side_is_right(prefix, cache, rows[order[0]], phrase_tokens)
        start = 0
        while start < len(order):
            between()
            chosen = order[start : start + (1 if plain else self._portion.size)]
            batch = [rows[row] for row in chosen]
            try:
                if plain:
                    scores[chosen] = self._plainly(prefix, batch[0], phrase_tokens)
                else:
                    scores[chosen] = self._side_by_side(len(prefix), cache, batch, phrase_tokens)
                full = False
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                full = True
            if full:
                self._portion.halve()
            else:
                start += len(chosen)
        return scores

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _room(self, taken: int) -> int:
        limit = (
            getattr(self._model.config.get_text_config(), "max_position_embeddings", None) or 2_048
        )
        if limit - taken < _SHORTEST_TEXT:
            raise BadInput(
                f"The prompt takes {taken} of the model's {limit} tokens: none are left for texts.",
                "Give fewer or shorter examples.",
            )
        return int(limit) - taken

    def _run_prefix(self, prefix: Sequence[int]) -> Any:
        import torch

        with torch.inference_mode():
            ids = torch.tensor([list(prefix)], device=self._model.device)
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
        return getattr(output, "past_key_values", None)  # a state-space model has none

    def _side_by_side(
        self, known: int, cache: Any, rows: Sequence[Sequence[int]], phrases: PhraseTokens
    ) -> Scores:
        """Scores of a batch, (rows, phrases): texts end in one column, phrases follow."""
        import copy

        import torch

        device = self._model.device
        longest, count = max(map(len, rows)), len(phrases.ids)
        ids = torch.zeros((len(rows), longest + count), dtype=torch.int64)
        positions = torch.zeros_like(ids)
        lengths = torch.tensor([len(row) for row in rows])
        for number, row in enumerate(rows):
            ids[number, longest - len(row) : longest] = torch.tensor(row, dtype=torch.int64)
            positions[number, longest - len(row) : longest] = known + torch.arange(len(row))
        ids[:, longest:] = torch.tensor(phrases.ids)
        positions[:, longest:] = known + lengths[:, None] + torch.tensor(phrases.places)
        seen = _who_sees_whom(known, longest, lengths, phrases)
        mask = torch.zeros(seen.shape, dtype=self._model.dtype)
        mask.masked_fill_(~seen, torch.finfo(self._model.dtype).min)
        copied = copy.deepcopy(cache)
        copied.batch_repeat_interleave(len(rows))
        with torch.inference_mode():
            logits = self._model(
                input_ids=ids.to(device),
                position_ids=positions.to(device),
                attention_mask=mask[:, None].to(device),
                past_key_values=copied,
                use_cache=True,
                logits_to_keep=count + 1,
            ).logits  # (rows, 1 + phrase tokens, vocabulary)
        return _means(logits, phrases)

    def _plainly(self, prefix: Sequence[int], row: Sequence[int], phrases: PhraseTokens) -> Scores:
        """Scores of a single text, (1, phrases): each phrase runs behind the whole prompt."""
        import torch

        means = []
        for own in range(max(phrases.owners) + 1):
            tokens = [t for t, o in zip(phrases.ids, phrases.owners, strict=True) if o == own]
            ids = torch.tensor([[*prefix, *row, *tokens]], device=self._model.device)
            with torch.inference_mode():
                logits = self._model(input_ids=ids, use_cache=False).logits[0]
            kept = logits[-len(tokens) - 1 : -1].float().log_softmax(-1)
            means.append(float(kept[torch.arange(len(tokens)), torch.tensor(tokens)].mean()))
        return np.array([means])

    def _side_by_side_is_right(
        self, prefix: Sequence[int], cache: Any, row: Sequence[int], phrases: PhraseTokens
    ) -> bool:
        """Whether this model takes our masks and positions: it is held against the plain way."""
        own = self._plainly(prefix, row, phrases)
        try:
            ours = self._side_by_side(
                len(prefix), cache, [row, [*row, *row][: len(row) + 3]], phrases
            )[:1]
        except Exception:  # whatever a foreign model raises here, the plain way serves it
            return False
        return bool(np.abs(ours - own).max() < _CLOSE[str(self.facts["dtype"])])


def joined_phrases(phrases: Sequence[Sequence[int]]) -> PhraseTokens:
    """Token ids of phrases as one row."""
    return PhraseTokens(
        ids=tuple(token for phrase in phrases for token in phrase),
        owners=tuple(number for number, phrase in enumerate(phrases) for _ in phrase),
        places=tuple(place for phrase in phrases for place in range(len(phrase))),
    )


def _who_sees_whom(known: int, longest: int, lengths: "Tensor", phrases: PhraseTokens) -> "Tensor":
    """bool (rows, longest + phrase tokens, known + longest + phrase tokens)."""
    import torch

    rows, count = len(lengths), len(phrases.ids)
    columns = torch.arange(longest)
    real = columns[None, :] >= longest - lengths[:, None]  # (rows, longest)
    owners, places = torch.tensor(phrases.owners), torch.tensor(phrases.places)
    seen = torch.zeros((rows, longest + count, known + longest + count), dtype=torch.bool)
    seen[:, :, :known] = True
    causal = columns[:, None] >= columns[None, :]
    seen[:, :longest, known : known + longest] = causal[None] & real[:, None, :]
    seen[:, longest:, known : known + longest] = real[:, None, :]
    same = (owners[:, None] == owners[None, :]) & (places[:, None] >= places[None, :])
    seen[:, longest:, known + longest :] = same[None]
    return seen


def _means(logits: "Tensor", phrases: PhraseTokens) -> Scores:
    """Mean log-probability of each phrase's tokens, (rows, phrases).

    Args:
        logits: (rows, 1 + phrase tokens, vocabulary): after the text, after each phrase token.
        phrases: the phrases.
    """
    import torch

    # A phrase's first token is foretold by the text's last one, each other by the one before it.
    teller = [0 if place == 0 else at for at, place in enumerate(phrases.places)]
    logs = logits[:, teller].float().log_softmax(-1)
    wanted = torch.tensor(phrases.ids, device=logs.device)
    own = logs[:, torch.arange(len(phrases.ids)), wanted].double().cpu().numpy()
    owners = np.array(phrases.owners)
    return np.stack(
        [own[:, owners == phrase].mean(axis=1) for phrase in range(owners.max() + 1)], axis=1
    )


def load_scorer(choice: ModelChoice, *, models: Path) -> PhraseScorer:
    """A scorer around a local causal language model, in the number type that is quickest here.

    Raises:
        BackendFailed: the model or the device is not to be had.
    """
    share_the_processor()
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    device = pick_device(choice.device)
    model, tokenizer = read_model(choice, models=models)
    dtype = half_precision(device) or pick_dtype(model, device)
    torch.nn.Module.to(model, device=device, dtype=getattr(torch, dtype)).eval()
    facts = {
        "model": choice.model,
        "fingerprint": mark_of(choice.model, model, embedded=LLM_SHA256),
        "device": device,
        "dtype": dtype,
    }
    return PhraseScorer(model, tokenizer, facts)
