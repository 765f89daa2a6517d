"""What asking a server's model for labels is thought to take, before it is asked."""

from collections.abc import Sequence

from core.classification.llm.served_labels import SPOKEN_TOKENS, prompts_of, signs_of
from core.domain.connections import Prices
from core.domain.errors import BadInput
from core.domain.registries.capabilities import Capabilities
from core.domain.runs import Example
from core.domain.spending import CostEstimate, SpendingLimit
from core.domain.tasks import Task
from core.generation.servers.parameters import max_prompt_tokens


def asking_ahead(
    texts: Sequence[str],
    task: Task,
    examples: Sequence[Example],
    *,
    found: Capabilities | None,
    prices: Prices,
) -> CostEstimate:
    """A request a text, none failing; tokens, and what they cost, at most.

    Args:
        texts: asked about.
        task: whose labels are asked for.
        examples: shown in each prompt.
        found: what probing found of the model; None is unknown.
        prices: the connection's.
    """
    prompts = prompts_of(texts, task, examples)
    tokens_in = sum(map(max_prompt_tokens, prompts))
    odds = found is not None and found.top_logprobs == "exact" and found.most_logprobs > 1
    one = odds and signs_of(task)[0].isalpha()
    tokens_out = len(prompts) * (1 if one else SPOKEN_TOKENS)
    return CostEstimate(len(prompts), tokens_in, tokens_out, prices.cost(tokens_in, tokens_out))


def check_enough(cap: SpendingLimit, requests: int) -> None:
    """Refuse a cap that is sure to be reached: a part of the answers would be another answer.

    Args:
        cap: as wanted.
        requests: one a text.

    Raises:
        BadInput: it allows fewer requests.
    """
    if cap.requests is not None and cap.requests < requests:
        raise BadInput(
            f"A cap of {cap.requests:,} requests does not reach for {requests:,} texts, one "
            "request each.",
            "Allow more requests, or ask about fewer texts.",
        )
