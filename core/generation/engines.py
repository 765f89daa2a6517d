"""The two engines of decoding, both around a causal language model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from core.generation.shared_prefix import ATTENTION_NAME, SharedPrefixCache, attention

if TYPE_CHECKING:
    from torch import Tensor


class Forward(Protocol):
    """A causal model's forward pass, for prompts and for one-token steps on a shared prefix."""

    layers: int

    def prefill(self, tokens: Sequence[int]) -> "tuple[Tensor, list[tuple[Tensor, Tensor]]]":
        """Run a prompt.

        Returns:
            The logits after its last token, float32 (vocabulary,); and for each layer its keys and
            values, each (heads, tokens, size).
        """
        ...

    def step(self, tokens: "Tensor", cache: SharedPrefixCache) -> "Tensor":
        """Append a token a row, int64 (rows,); returns logits, float32 (rows, vocabulary)."""
        ...


def install_attention() -> None:
    """Make our attention known to transformers; a second call changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION_NAME, attention)


class TransformersForward:
    """The forward pass of transformers.

    Args:
        model: a causal language model whose attention was set to `ATTENTION_NAME`.
    """

    def __init__(self, model: Any) -> None:
        self.layers = int(model.config.get_text_config().num_hidden_layers)
        self._model = model

    def prefill(self, tokens: Sequence[int]) -> "tuple[Tensor, list[tuple[Tensor, Tensor]]]":
        """See `Forward`."""
        logits, cache = prefill(self._model, tokens)
        return logits, [(layer.keys[0], layer.values[0]) for layer in cache.layers]

    def step(self, tokens: "Tensor", cache: SharedPrefixCache) -> "Tensor":
        """See `Forward`."""
        import torch

        with torch.inference_mode():
            positions = cache.begin_step()
            output = self._model(
                input_ids=tokens[:, None],
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                shared_prefix=cache,
            )
            cache.end_step()
        return _float(output.logits[:, -1])


class SharedPrefixEngine:
    """Keeps each prompt once and decodes rows of several prompts together."""

    mixes_prompts = True

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._cache = SharedPrefixCache(forward.layers)

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        """See `decoding.Engine`."""
        logits, layers = self._forward.prefill(tokens)
        self._cache.add_prompt(prompt, layers)
        return logits

    def add_rows(self, prompts: Sequence[int]) -> None:
        """See `decoding.Engine`."""
        self._cache.add_rows(prompts)

    def keep_rows(self, rows: Sequence[int]) -> None:
        """See `decoding.Engine`."""
        self._cache.keep_rows(rows)

    def step(self, tokens: "Tensor") -> "Tensor":
        """See `decoding.Engine`."""
        return self._forward.step(tokens, self._cache)


class ExpandedCacheEngine:
    """Copies a prompt's cache to its rows, one prompt at a time: for any causal model.

    Args:
        model: a causal language model with one of transformers' own attentions.
    """

    mixes_prompts = False

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Any = None

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        """See `decoding.Engine`."""
        logits, self._cache = prefill(self._model, tokens)
        return logits

    def add_rows(self, prompts: Sequence[int]) -> None:
        """See `decoding.Engine`; all rows of a prompt are added at once."""
        self._cache.batch_repeat_interleave(len(prompts))

    def keep_rows(self, rows: Sequence[int]) -> None:
        """See `decoding.Engine`."""
        import torch

        if rows:
            device = self._model.device
            self._cache.batch_select_indices(torch.tensor(rows, dtype=torch.int64, device=device))

    def step(self, tokens: "Tensor") -> "Tensor":
        """See `decoding.Engine`."""
        import torch

        with torch.inference_mode():
            output = self._model(
                input_ids=tokens[:, None], past_key_values=self._cache, use_cache=True
            )
        return _float(output.logits[:, -1])


def prefill(model: Any, tokens: Sequence[int]) -> tuple["Tensor", Any]:
    """Run a prompt through the model.

    Returns:
        The logits after its last token, float32 (vocabulary,), and the filled cache.
    """
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], dtype=torch.int64, device=model.device)
        output = model(input_ids=ids, use_cache=True, logits_to_keep=1)
    return _float(output.logits[0, -1]), output.past_key_values


def _float(logits: "Tensor") -> "Tensor":
    return logits.float()
