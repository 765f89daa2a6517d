"""Self-BLEU: how much of each text's wording stands in the others (Zhu et al. 2018, section 3.2).

Counting and scoring are sacrebleu's, at its defaults for sentences: its 13a tokens with case, up to
four words, exponential smoothing, effective order. Only the leaving out of one text is done here:
for each n-gram the two highest counts in a text are kept, which tells the highest count among the
others, so that all texts against all others cost one pass instead of n of them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

AT_MOST = 1000

_ORDER = 4


@dataclass(frozen=True, slots=True)
class SelfBleu:
    """The measure with what it rests on.

    Args:
        value: mean BLEU of a text against all others, 0 to 1; lower is more diverse; None below two
            texts.
        n: texts compared.
        sampled: whether they are a random sample.
    """

    value: float | None
    n: int
    sampled: bool


def self_bleu(texts: Sequence[str], rng: np.random.Generator, *, most: int = AT_MOST) -> SelfBleu:
    """Self-BLEU of the texts, of a random sample where there are more than `most`.

    It grows with the number of texts, so that datasets above `most` compare at equal size and
    others only if they are equally large.

    Args:
        texts: the texts.
        rng: draws the sample.
        most: texts compared at most.
    """
    sampled = len(texts) > most
    if sampled:
        texts = [texts[row] for row in rng.choice(len(texts), most, replace=False)]
    if len(texts) < 2:
        return SelfBleu(None, len(texts), sampled)
    scores = bleu_against_the_others(texts)
    return SelfBleu(float(np.mean(scores)), len(texts), sampled)


def bleu_against_the_others(texts: Sequence[str]) -> list[float]:
    """Each text's BLEU with all the other texts as references, 0 to 1.

    Args:
        texts: at least two.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.helpers import extract_all_word_ngrams

    tokens = BLEU(effective_order=True).tokenizer
    counted: list[tuple[Counter[tuple[str, ...]], int]] = [
        extract_all_word_ngrams(tokens(text.rstrip()), 1, _ORDER) for text in texts
    ]
    most: dict[tuple[str, ...], tuple[int, int]] = {}  # the highest count and the next
    for grams, _ in counted:
        for gram, count in grams.items():
            first, second = most.get(gram, (0, 0))
            most[gram] = (count, first) if count > first else (first, max(second, count))
    lengths = Counter(length for _, length in counted)
    scores = []
    for grams, length in counted:
        correct, total = [0] * _ORDER, [0] * _ORDER
        for gram, count in grams.items():
            first, second = most[gram]
            total[len(gram) - 1] += count
            # Where this text's own count is the highest, the others reach the second.
            correct[len(gram) - 1] += min(count, second if count == first else first)
        found = BLEU.compute_bleu(
            correct,
            total,
            length,
            _closest_other(lengths, length),
            smooth_method="exp",
            effective_order=True,
        )
        scores.append(found.score / 100)
    return scores


def _closest_other(lengths: Counter[int], own: int) -> int:
    """The length among the other texts that is closest to a text's own; of two the shorter."""
    if lengths[own] > 1:
        return own
    return min((other for other in lengths if other != own), key=lambda o: (abs(o - own), o))
