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
    """

    make: Callable[[], Engine]
    kind: str
    forward: str


def pick_engine(model: Any, *, way: str = "plain") -> PickedEngine:
    """The quickest engine that gives the model's own answers.

    Args:
        model: a transformers causal language model in evaluation mode, on its device. Afterwards
            it holds what the engine needs: another attention, other linear layers, or no layers.
        way: how its linear layers are computed, a key of `linears.WAYS`.
    """
    own = _own_answers(model)
    full = own is not None and not _sees_part(model)
    if full and model.device.type == "cpu" and is_llama(model):
        with suppress(AttributeError, NotImplementedError, RuntimeError, ValueError):
            make = partial(SharedPrefixEngine, LlamaForward(model, way))
            if _agrees(make, own, model.dtype):
                # The forward pass has its own copies.
                del model.model.layers, model.lm_head
                return PickedEngine(make, "shared prefix", "llama")
    replace_linears(model, way)
    if full and _mixes(model, own):
        plain = TransformersForward(model)
        return PickedEngine(partial(SharedPrefixEngine, plain), "shared prefix", "transformers")
    return PickedEngine(partial(ExpandedCacheEngine, model), "expanded cache", "transformers")


def _mixes(model: Any, own: "Sequence[Tensor] | None") -> bool:
    """Whether the model agrees with itself under our attention; else it keeps its own."""
    own_attention = model.config._attn_implementation
    try:
        install_attention()
        model.set_attn_implementation(ATTENTION_NAME)
        agrees = _agrees(lambda: SharedPrefixEngine(TransformersForward(model)), own, model.dtype)
    except Exception:  # whatever a foreign model raises here, the answer is the same
        agrees = False
    if not agrees:
        model.set_attn_implementation(own_attention)
    return agrees


def _own_answers(model: Any) -> "list[Tensor] | None":
    """Each row's logits after three steps, by the model alone; None if it fails."""
    try:
        prompts = _prompts(model)
        return [prefill(model, [*prompts[number], *drawn])[0] for number, drawn in _ROWS]
    except Exception:  # as above; the engine that is left says what is wrong
        return None


def _agrees(make: Callable[[], Engine], own: "Sequence[Tensor] | None", dtype: Any) -> bool:
    import torch

    assert own is not None
    prompts = _prompts_of(int(own[0].shape[0]))
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


def _prompts(model: Any) -> list[list[int]]:
    return _prompts_of(int(model.config.get_text_config().vocab_size))


def _prompts_of(vocabulary: int) -> list[list[int]]:
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
