"""Logit suppression (paper, section 4.1): what was written often becomes unlikely.

After an iteration the paper counts every token generated so far and gives the 100 most frequent
ones a logit bias of their share of all tokens in percent times -7.5, cut off at -7.5:

    bias(t) = max(-7.5, -7.5 * 100 * count(t) / total)

Not stated there: whether the closing quote and the end tokens are exempt. They are here, and so do
not count towards the total either, as they are no part of a text.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from core.domain.conditions import Suppression


@dataclass(frozen=True, slots=True)
class SuppressedToken:
    """A token with a negative logit bias.

    Args:
        token: its id in the model's vocabulary.
        count: how often the tally holds it, at least 1.
        share: count / total of the tally, above 0 to 1.
        bias: added to its logit, `Suppression.lowest` to 0.
        text: how it reads, where that was looked up.
    """

    token: int
    count: int
    share: float
    bias: float
    text: str = ""


class Tally:
    """How often each token was generated; closing and end tokens are never counted.

    Args:
        exempt: ids that are not counted and so never suppressed.
    """

    def __init__(self, exempt: Collection[int] = ()) -> None:
        self._exempt = frozenset(exempt)
        self._counts: Counter[int] = Counter()
        self.total = 0

    def add(self, tokens: Iterable[int]) -> None:
        """Count the tokens of one text."""
        kept = [token for token in tokens if token not in self._exempt]
        self._counts.update(kept)
        self.total += len(kept)

    def most_common(self, n: int) -> list[tuple[int, int]]:
        """The n most frequent (token, count), ties by the lower id so that runs repeat exactly."""
        ranked = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        return ranked[:n]


def suppressed_tokens(tally: Tally, suppression: Suppression) -> list[SuppressedToken]:
    """The tokens to suppress and their biases, the most frequent first.

    Args:
        tally: what was generated so far.
        suppression: strength s, number of tokens and floor; the paper's are 7.5, 100 and -7.5.

    Returns:
        At most `suppression.tokens` entries with bias `max(floor, -s * 100 * share)`, none while
        the tally is empty or the strength is 0.
    """
    if not suppression.on or tally.total == 0:
        return []
    rows = []
    for token, count in tally.most_common(suppression.tokens):
        share = count / tally.total
        bias = max(suppression.lowest, -suppression.strength * 100 * share)
        rows.append(SuppressedToken(token, count, share, bias))
    return rows
