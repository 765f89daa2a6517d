"""Which engine gives a model's own answers: the quicker ones are tried, and believed if they agree.

Two prompts of unlike length and three rows take three steps in an engine; the same tokens run
plainly with the model as it came. Models whose attention does more than full causal attention
(caps, sinks, no attention function of that shape) differ or fail, and so get the engine that works
for all; so does one with a window, which short prompts would not betray.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from core.generation.decoding import Engine
from core.generation.engines import (
    ExpandedCacheEngine,
    SharedPrefixEngine,
    TransformersForward,
    install_attention,
    prefill,
)
from core.generation.linears import replace_linears
from core.generation.llama import LlamaForward, is_llama
from core.generation.shared_prefix import ATTENTION_NAME

if TYPE_CHECKING:
    from torch import Tensor

_PROMPT_LENGTHS = (9, 5)
_ROWS = ((0, (11, 23, 31)), (1, (17, 11, 41)), (0, (29, 43, 19)))


@dataclass(frozen=True, slots=True)
class PickedEngine:
    """How a model decodes.

    Args:
        make: makes a fresh engine; engines may run side by side.
        kind: `shared prefix` or `expanded cache`.
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
    """
    prompts = _prompts(int(model.config.get_text_config().vocab_size))
    own = _own_answers(model, prompts)

    def agrees(make: Callable[[], Engine]) -> bool:
        return own is not None and _agrees(make, prompts, own, model.dtype)

    full = own is not None and not _sees_part(model)
    if full and model.device.type == "cpu" and is_llama(model):
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            make = partial(SharedPrefixEngine, LlamaForward(model, way))
            if agrees(make):
                # The forward pass has its own copies.
                del model.model.layers, model.lm_head
                return PickedEngine(make, "shared prefix", "llama", way)
    used = way if replace_linears(model, way) else "plain"
    if full and _mixes(model, agrees):
        make = partial(SharedPrefixEngine, TransformersForward(model))
        return PickedEngine(make, "shared prefix", "transformers", used)
    return PickedEngine(partial(ExpandedCacheEngine, model), "expanded cache", "transformers", used)


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


def _own_answers(model: Any, prompts: Sequence[list[int]]) -> "list[Tensor] | None":
    """Each row's logits after three steps, by the model alone; None if it fails."""
    try:
        return [prefill(model, [*prompts[number], *drawn])[0] for number, drawn in _ROWS]
    except Exception:  # as above; the engine that is left says what is wrong
        return None


def _agrees(
    make: Callable[[], Engine],
    prompts: Sequence[list[int]],
    own: "Sequence[Tensor]",
    dtype: Any,
) -> bool:
    import torch

    try:
        engine = make()
        for number, prompt in enumerate(prompts):
            engine.prefill(number, prompt)
        engine.add_rows([prompt for prompt, _ in _ROWS])
        for step in range(len(_ROWS[0][1])):
            tokens = torch.tensor([drawn[step] for _, drawn in _ROWS], device=own[0].device)
            ours = engine.step(tokens)
    except Exception:  # as above
        return False
    return all(_close(mine, its, dtype) for mine, its in zip(ours, own, strict=True))


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
