"""The engines of decoding, each around a causal language model."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from core.domain.errors import BackendFailed
from core.generation.local.decoding import Engine
from core.generation.local.linears import replace_linears
from core.generation.local.llama import LlamaForward, is_llama
from core.generation.local.shared_prefix import ATTENTION_NAME, SharedPrefixCache, attention

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
        """Append one token per row, int64 (rows,); returns logits, float32 (rows, vocabulary)."""
        ...


def install_attention() -> None:
    """Register our attention with transformers; idempotent."""
    from transformers import AttentionInterface

    AttentionInterface.register(ATTENTION_NAME, attention)


class TransformersForward:
    """The forward pass of transformers; see `Forward` for the methods.

    Args:
        model: a causal language model whose attention was set to `ATTENTION_NAME`.
    """

    def __init__(self, model: Any) -> None:
        self.layers = int(model.config.get_text_config().num_hidden_layers)
        self._model = model

    def prefill(self, tokens: Sequence[int]) -> "tuple[Tensor, list[tuple[Tensor, Tensor]]]":
        logits, cache = prefill(self._model, tokens)
        return logits, [(layer.keys[0], layer.values[0]) for layer in cache.layers]

    def step(self, tokens: "Tensor", cache: SharedPrefixCache) -> "Tensor":
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
        return _float32(output.logits[:, -1])


class SharedPrefixEngine:
    """Keeps each prompt once and decodes several prompts together; see `decoding.Engine`."""

    mixes_prompts = True

    def __init__(self, forward: Forward) -> None:
        self._forward = forward
        self._cache = SharedPrefixCache(forward.layers)

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        logits, layers = self._forward.prefill(tokens)
        self._cache.add_prompt(prompt, layers)
        return logits

    def add_rows(self, prompts: Sequence[int]) -> None:
        self._cache.add_rows(prompts)

    def keep_rows(self, rows: Sequence[int]) -> None:
        self._cache.keep_rows(rows)

    def step(self, tokens: "Tensor") -> "Tensor":
        return self._forward.step(tokens, self._cache)


class ExpandedCacheEngine:
    """Copies a prompt's cache to its rows, one prompt at a time: for any causal model.

    See `decoding.Engine` for the methods; all rows of a prompt are added at once.

    Args:
        model: a causal language model with one of transformers' own attentions.
    """

    mixes_prompts = False

    def __init__(self, model: Any) -> None:
        self._model = model
        self._cache: Any = None

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        logits, self._cache = prefill(self._model, tokens)
        return logits

    def add_rows(self, prompts: Sequence[int]) -> None:
        self._cache.batch_repeat_interleave(len(prompts))

    def keep_rows(self, rows: Sequence[int]) -> None:
        import torch

        if rows:
            device = self._model.device
            self._cache.batch_select_indices(torch.tensor(rows, dtype=torch.int64, device=device))

    def step(self, tokens: "Tensor") -> "Tensor":
        import torch

        with torch.inference_mode():
            output = self._model(
                input_ids=tokens[:, None], past_key_values=self._cache, use_cache=True
            )
        return _float32(output.logits[:, -1])


class RereadingEngine:
    """Keeps no cache: every step reads the prompt and all that was drawn again. For models with a
    state that can't be copied to rows (hybrid and state-space models); slow.

    See `decoding.Engine` for the methods; all rows of a prompt are added at once.

    Args:
        model: a causal language model.
    """

    mixes_prompts = False

    def __init__(self, model: Any) -> None:
        self._model = model
        self._prompt: Sequence[int] = ()
        self._rows: Tensor | None = None

    def prefill(self, prompt: int, tokens: Sequence[int]) -> "Tensor":
        self._prompt = tokens
        return read(self._model, self._tokens([tokens]))[0]

    def add_rows(self, prompts: Sequence[int]) -> None:
        self._rows = self._tokens([self._prompt] * len(prompts))

    def keep_rows(self, rows: Sequence[int]) -> None:
        assert self._rows is not None
        self._rows = self._rows[list(rows)]

    def step(self, tokens: "Tensor") -> "Tensor":
        import torch

        assert self._rows is not None
        self._rows = torch.cat([self._rows, tokens[:, None].to(self._rows)], dim=1)
        return read(self._model, self._rows)

    def _tokens(self, rows: Sequence[Sequence[int]]) -> "Tensor":
        import torch

        return torch.tensor([list(row) for row in rows], device=self._model.device)


def read(model: Any, tokens: "Tensor") -> "Tensor":
    """The logits after texts of equal length, without a cache.

    Args:
        model: a causal language model.
        tokens: int64 (rows, tokens).

    Returns:
        float32 (rows, vocabulary).
    """
    import torch

    with torch.inference_mode():
        output = model(input_ids=tokens, use_cache=False)
    return _float32(output.logits[:, -1])


def prefill(model: Any, tokens: Sequence[int]) -> tuple["Tensor", Any]:
    """Run a prompt through the model.

    Returns:
        The logits after its last token, float32 (vocabulary,), and the filled cache.
    """
    import torch

    with torch.inference_mode():
        ids = torch.tensor([list(tokens)], dtype=torch.int64, device=model.device)
        output = model(input_ids=ids, use_cache=True, logits_to_keep=1)
    return _float32(output.logits[0, -1]), output.past_key_values


def _float32(logits: "Tensor") -> "Tensor":
    return logits.float()


_PROMPT_LENGTHS = (9, 5)
_ROWS = ((0, (11, 23, 31)), (1, (17, 11, 41)), (0, (29, 43, 19)))


@dataclass(frozen=True, slots=True)
class PickedEngine:
    """How a model decodes.

    Args:
        make: makes a fresh engine; engines may run side by side.
        kind: `shared prefix`, `expanded cache` or `re-reading`.
        forward: whose forward pass runs, `llama` (see `llama`) or `transformers`.
        way: how its linear layers are in fact computed, a key of `linears.WAYS`.
    """

    make: Callable[[], Engine]
    kind: str
    forward: str
    way: str


def pick_engine(model: Any, *, way: str = "plain") -> PickedEngine:
    """The quickest engine that gives the model's own answers.

    Args:
        model: a transformers causal language model in evaluation mode, on its device. Afterwards
            it holds what the engine needs: another attention, other linear layers, or no layers.
        way: how its linear layers are to be computed if they can, a key of `linears.WAYS`.

    Raises:
        BackendFailed: the model computes nothing, not even without a cache.
    """
    prompts = _prompts(int(model.config.get_text_config().vocab_size))
    own = _own_answers(model, prompts)

    def agrees(make: Callable[[], Engine]) -> bool:
        return _agrees(make, prompts, own, model.dtype)

    full = not _sees_part(model)
    if full and model.device.type == "cpu" and is_llama(model):
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            by_llama = partial(SharedPrefixEngine, LlamaForward(model, way))
            if agrees(by_llama):
                # The forward pass has its own copies.
                del model.model.layers, model.lm_head
                return PickedEngine(by_llama, "shared prefix", "llama", way)
    kind, make = _transformers_engine(model, agrees, full=full)
    # Models that re-read are of many makes; some take a layer's weights past the layer.
    replaced = kind != "re-reading" and replace_linears(model, way)
    return PickedEngine(make, kind, "transformers", way if replaced else "plain")


def _transformers_engine(
    model: Any, agrees: Callable[[Callable[[], Engine]], bool], *, full: bool
) -> tuple[str, Callable[[], Engine]]:
    """The quickest engine that agrees around the model's own forward pass, and its kind."""
    if full and _mixes(model, agrees):
        return "shared prefix", partial(SharedPrefixEngine, TransformersForward(model))
    expanded = partial(ExpandedCacheEngine, model)
    if agrees(expanded):
        return "expanded cache", expanded
    return "re-reading", partial(RereadingEngine, model)


def _mixes(model: Any, agrees: Callable[[Callable[[], Engine]], bool]) -> bool:
    """Whether the model agrees with itself under our attention; else it keeps its own."""
    own_attention = model.config._attn_implementation
    try:
        install_attention()
        model.set_attn_implementation(ATTENTION_NAME)
        mixes = agrees(lambda: SharedPrefixEngine(TransformersForward(model)))
    except Exception:  # whatever a foreign model raises here, the answer is the same
        mixes = False
    if not mixes:
        model.set_attn_implementation(own_attention)
    return mixes


def _own_answers(model: Any, prompts: Sequence[list[int]]) -> "list[Tensor]":
    """Each row's logits after three steps, by the model alone."""
    import torch

    def answer(tokens: list[int]) -> "Tensor":
        return read(model, torch.tensor([tokens], device=model.device))[0]

    try:
        return [answer([*prompts[number], *drawn]) for number, drawn in _ROWS]
    except Exception as error:  # foreign models raise of every kind
        line = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise BackendFailed(
            f"The model could not compute a trial text: {line.removesuffix('.')}.",
            "Choose a causal language model, such as one of the architectures named in README.",
        ) from error


def _agrees(
    make: Callable[[], Engine],
    prompts: Sequence[list[int]],
    own: "Sequence[Tensor]",
    dtype: Any,
) -> bool:
    """Whether an engine gives these answers; one that can't mix prompts is tried on each."""
    try:
        groups = [list(range(len(_ROWS)))]
        if not make().mixes_prompts:
            groups = [[row for row in groups[0] if _ROWS[row][0] == n] for n in range(len(prompts))]
        return all(
            _close(answer, own[row], dtype)
            for rows in groups
            for row, answer in zip(rows, _answers(make(), prompts, rows), strict=True)
        )
    except Exception:  # as above; the answer is the same
        return False


def _answers(engine: Engine, prompts: Sequence[list[int]], rows: Sequence[int]) -> "Tensor":
    """The logits of these rows after three steps, float32 (rows, vocabulary)."""
    import torch

    needed = [_ROWS[row][0] for row in rows]
    for number in sorted(set(needed)):
        logits = engine.prefill(number, prompts[number])
    engine.add_rows([*needed, needed[-1]])  # one more than is kept, as a text that ends
    for step in range(len(_ROWS[0][1])):
        drawn = [_ROWS[row][1][step] for row in rows]
        if step == 0:
            engine.step(torch.tensor([*drawn, 0], device=logits.device))
            engine.keep_rows(list(range(len(drawn))))
            continue
        logits = engine.step(torch.tensor(drawn, device=logits.device))
    return logits


def _prompts(vocabulary: int) -> list[list[int]]:
    return [[(7 + 13 * i) % vocabulary for i in range(n)] for n in _PROMPT_LENGTHS]


def _close(ours: "Tensor", own: "Tensor", dtype: Any) -> bool:
    import torch

    top = own.topk(20).indices
    gap = ours.log_softmax(-1)[top] - own.log_softmax(-1)[top]
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
