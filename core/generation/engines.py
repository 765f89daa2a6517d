"""The two engines of decoding, both around a transformers causal language model."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from core.generation.shared_prefix import ATTENTION_NAME, SharedPrefixCache, attention

if TYPE_CHECKING:
    from torch import Tensor


def install_attention() -> None:
    """Make our attention known to transformers; a second call changes nothing."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION_NAME, attention)


class SharedPrefixEngine:
    """Keeps each prompt once and decodes rows of several prompts together.

    Args:
        model: a causal language model whose attention was set to `ATTENTION_NAME`.
    """

    mixes_prompts = True

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache = SharedPrefixCache(model.config.get_text_config().num_hidden_layers)

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        """See `decoding.Engine`."""
        logits, cache = prefill(self._model, tokens)
        layers = [(layer.keys[0], layer.values[0]) for layer in cache.layers]
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
        import torch

        with torch.inference_mode():
            positions = self._cache.begin_step()
            output = self._model(
                input_ids=tokens[:, None],
                position_ids=positions,
                past_key_values=self._cache,
                use_cache=True,
                shared_prefix=self._cache,
            )
            self._cache.end_step()
        return _float(output.logits[:, -1])


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


def mixing_agrees(model: Any) -> bool:
    """Whether the shared-prefix engine gives this model's own answers; if so, its attention is
    set to ours, else it is left alone.

    Two prompts of unlike length and three rows take three steps in the engine; the same tokens
    run plainly with the model's own attention. Models whose attention does more than full causal
    attention (caps, sinks, no attention function of that shape) differ or fail, and so get the
    other engine; so does one with a window, which short prompts would not betray.
    """
    import torch

    if _sees_part(model):
        return False
    vocabulary = int(model.config.get_text_config().vocab_size)
    prompts = [[(7 + 13 * i) % vocabulary for i in range(n)] for n in (9, 5)]
    rows = [(0, [11, 23, 31]), (1, [17, 11, 41]), (0, [29, 43, 19])]
    own_attention = model.config._attn_implementation
    try:
        plain = [prefill(model, prompts[number] + own)[0] for number, own in rows]
        install_attention()
        model.set_attn_implementation(ATTENTION_NAME)
        engine = SharedPrefixEngine(model)
        for number, prompt in enumerate(prompts):
            engine.prefill(number, prompt)
        engine.add_rows([prompt for prompt, _ in rows])
        for step in range(3):
            ours = engine.step(torch.tensor([own[step] for _, own in rows], device=model.device))
        agrees = all(_close(mine, own, model.dtype) for mine, own in zip(ours, plain, strict=True))
    except Exception:  # whatever a foreign model raises here, the answer is the same: not mixing
        agrees = False
    if not agrees:
        model.set_attn_implementation(own_attention)
    return agrees


def _close(ours: "Tensor", plain: "Tensor", dtype: Any) -> bool:
    import torch

    top = plain.topk(20).indices
    gap = ours.log_softmax(-1)[top] - plain.log_softmax(-1)[top]
    return bool((gap.abs() < (1e-3 if dtype == torch.float32 else 0.35)).all())


def _sees_part(model: Any) -> bool:
    """Whether a layer sees only a window of the context, going by the configuration."""
    config = model.config.get_text_config()
    kinds = getattr(config, "layer_types", None)
    if kinds:
        return any(kind != "full_attention" for kind in kinds)
    window = getattr(config, "sliding_window", None)
    longest = getattr(config, "max_position_embeddings", None)
    return window is not None and (longest is None or window < longest)


def _float(logits: "Tensor") -> "Tensor":
    return logits.float()
