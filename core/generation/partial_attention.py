"""Attention to a part of the keys, and the joining of two parts.

Softmax over keys that lie in two places is a mean of the softmaxes over each, weighted by the sums
of their exponentials. So neither scores nor keys of the two places need be copied together.
(The same identity is what FlashAttention computes in blocks by: Dao et al. 2022, section 3.1.)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def attend_part(
    query: "Tensor", keys: "Tensor", values: "Tensor", *, mask: "Tensor", scaling: float
) -> tuple["Tensor", "Tensor"]:
    """Attention to these keys alone.

    Args:
        query: (batch, heads, queries, size).
        keys: (batch, heads, tokens, size).
        values: as the keys.
        mask: (batch, 1, 1, tokens), of the query's dtype: 0, or -inf for a token not to be seen;
            every query sees one at least.
        scaling: factor of the scores.

    Returns:
        (batch, heads, queries, size) of the query's dtype, and the natural logarithm of the sum
        of the scores' exponentials, float32 or wider, (batch, heads, queries).
    """
    import torch

    if query.device.type == "cpu":
        # One pass that stays in the processor's caches; what the public function calls inside,
        # which keeps the sums to itself.
        out, log_sum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, attn_mask=mask, scale=scaling
        )
        return out, log_sum
    scores = ((query * scaling) @ keys.mT + mask).float()
    log_sum = torch.logsumexp(scores, dim=-1)
    return (scores - log_sum[..., None]).exp().to(query.dtype) @ values, log_sum


def join_parts(
    one: "Tensor", one_log_sum: "Tensor", other: "Tensor", other_log_sum: "Tensor"
) -> "Tensor":
    """Attention to the keys of both parts, of the shape of each."""
    import torch

    share = torch.sigmoid(other_log_sum - one_log_sum)[..., None].to(one.dtype)
    return torch.lerp(one, other, share)
