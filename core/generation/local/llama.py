"""The forward pass of Llama-shaped models, with as few operations as it takes.

At a few rows per step, what transformers does around the matrix products costs as much as they do.
Here queries, keys and values are one product, and so are both halves of the gated layer; the norm
is one operation and the rotation two. It is a plain reading of the architecture (Touvron et al.
2023, section 2.2; grouped queries: Ainslie et al. 2023), and `engines.pick_engine` checks it
against the model's own answers before it is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.generation.local.linears import WAYS
from core.generation.local.shared_prefix import SharedPrefixCache

if TYPE_CHECKING:
    from torch import Tensor

    from core.generation.local.linears import Linear

    # (layer, queries, keys, values), each (tokens, heads, size), to (tokens, heads, size).
    Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class _Layer:
    attention_norm: "Tensor"
    queries_keys_values: "Linear"
    attention_out: "Linear"
    gated_norm: "Tensor"
    gate_and_up: "Linear"
    down: "Linear"


def is_llama(model: Any) -> bool:
    """Whether the model is one that `LlamaForward` reads."""
    return type(model).__name__ == "LlamaForCausalLM" and model.config.hidden_act == "silu"


class LlamaForward:
    """Runs prompts and steps with a transformers Llama model's weights; see `engines.Forward`.

    Args:
        model: `is_llama` holds, on a CPU. Its own layers are not used, and may be freed.
        way: how linear layers are computed, a key of `linears.WAYS`.

    Raises:
        RuntimeError, ValueError: the way does not suit these weights.
    """

    def __init__(self, model: Any, way: str) -> None:
        config = model.config
        self.layers = int(config.num_hidden_layers)
        self._size = int(config.head_dim)
        self._query_heads = int(config.num_attention_heads)
        self._rotated_heads = self._query_heads + int(config.num_key_value_heads)
        self._gated = int(config.intermediate_size)
        self._epsilon = float(config.rms_norm_eps)
        self._embedding = model.model.embed_tokens.weight.detach()
        self._rotary = model.model.rotary_emb
        self._norm = model.model.norm.weight.detach()
        self._head = _joined(way, model.lm_head)
        self._layers = [
            _Layer(
                attention_norm=layer.input_layernorm.weight.detach(),
                queries_keys_values=_joined(
                    way, layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj
                ),
                attention_out=_joined(way, layer.self_attn.o_proj),
                gated_norm=layer.post_attention_layernorm.weight.detach(),
                gate_and_up=_joined(way, layer.mlp.gate_proj, layer.mlp.up_proj),
                down=_joined(way, layer.mlp.down_proj),
            )
            for layer in model.model.layers
        ]

    def prefill(self, tokens: Sequence[int]) -> "tuple[Tensor, list[tuple[Tensor, Tensor]]]":
        import torch

        kept: list[tuple[Tensor, Tensor]] = []

        def attend(_: int, queries: "Tensor", keys: "Tensor", values: "Tensor") -> "Tensor":
            q, k, v = (part.transpose(0, 1)[None] for part in (queries, keys, values))
            kept.append((k[0], v[0]))
            out = torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=True, enable_gqa=True
            )
            return out[0].transpose(0, 1)

        with torch.inference_mode():
            ids = torch.tensor(list(tokens), dtype=torch.int64)
            hidden = self._hidden(ids, torch.arange(len(ids)), attend)
            return self._logits(hidden[-1:])[0], kept

    def step(self, tokens: "Tensor", cache: SharedPrefixCache) -> "Tensor":
        import torch

        scaling = self._size**-0.5

        def attend(layer: int, queries: "Tensor", keys: "Tensor", values: "Tensor") -> "Tensor":
            cache.update(keys[:, :, None], values[:, :, None], layer)
            return cache.attend(queries[:, :, None], layer, scaling)[:, 0]

        with torch.inference_mode():
            positions = cache.begin_step()
            hidden = self._hidden(tokens, positions[:, 0], attend)
            cache.end_step()
            return self._logits(hidden)

    def _hidden(self, ids: "Tensor", positions: "Tensor", attend: "Attend") -> "Tensor":
        """The last layer's hidden states (tokens, width), given ids and positions (tokens,)."""
        import torch

        hidden = torch.nn.functional.embedding(ids, self._embedding)
        cos, sin = (part[0, :, None] for part in self._rotary(hidden[None], positions[None]))
        middle = self._size // 2
        # Rotating halves is rolling by half a head with the first half's sign turned.
        sin = torch.cat([-sin[..., :middle], sin[..., middle:]], dim=-1)
        for number, layer in enumerate(self._layers):
            normed = self._rms_norm(hidden, layer.attention_norm)
            heads = layer.queries_keys_values(normed).view(len(ids), -1, self._size)
            rotated = heads[:, : self._rotated_heads]
            rotated = torch.addcmul(rotated * cos, rotated.roll(middle, -1), sin)
            attended = attend(
                number,
                rotated[:, : self._query_heads],
                rotated[:, self._query_heads :],
                heads[:, self._rotated_heads :],
            )
            hidden = hidden + layer.attention_out(attended.reshape(len(ids), -1))
            both = layer.gate_and_up(self._rms_norm(hidden, layer.gated_norm))
            gated = torch.nn.functional.silu(both[:, : self._gated]).mul_(both[:, self._gated :])
            hidden = hidden + layer.down(gated)
        return hidden

    def _logits(self, hidden: "Tensor") -> "Tensor":
        return self._head(self._rms_norm(hidden, self._norm)).float()

    def _rms_norm(self, hidden: "Tensor", weight: "Tensor") -> "Tensor":
        import torch

        return torch.nn.functional.rms_norm(hidden, weight.shape, weight, self._epsilon)


def _joined(way: str, *linears: Any) -> "Linear":
    """One product for several linear layers of the same input, their outputs side by side."""
    import torch

    weight = torch.cat([linear.weight.detach() for linear in linears])
    biases = [linear.bias for linear in linears]
    bias = None if biases[0] is None else torch.cat([part.detach() for part in biases])
    return WAYS[way](weight, bias)
