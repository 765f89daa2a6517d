"""Measures on the words themselves: cheap, exact, and blind to meaning.

A word is a run of letters and digits with apostrophes inside, in lower case; the texts are never
joined, so that no n-gram reaches from one into the next.
"""

import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_WORD = re.compile(r"\w+(?:['’]\w+)*")


@dataclass(frozen=True, slots=True)
class Opening:
    """A beginning that several texts share.

    Args:
        words: the first words, in lower case.
        count: how many texts begin so.
        share: of all texts, 0 to 1.
    """

    words: str
    count: int
    share: float


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case."""
    return [word.casefold() for word in _WORD.findall(text)]


def distinct_n(texts: Sequence[str], n: int) -> float | None:
    """Distinct-n: different n-grams of words over all of them (Li et al. 2016, section 5.1).

    0 to 1, higher is more diverse. It falls as a dataset grows, whatever its texts are: compare
    datasets of equal size only.

    Returns:
        None if no text holds n words.
    """
    grams: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        grams.update(_grams(words_of(text), n))
    total = grams.total()
    return len(grams) / total if total else None


def compression_ratio(texts: Sequence[str]) -> float | None:
    """Bytes of the texts, a line each, over their bytes when compressed (Shaib et al. 2024).

    By DEFLATE at its highest level, as gzip without its header. 1 and above, lower is more diverse;
    it grows with the dataset.

    Returns:
        None if there is no text.
    """
    if not any(texts):
        return None
    raw = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(raw) / len(zlib.compress(raw, 9))


def common_openings(texts: Sequence[str], *, words: int = 2, at_least: int = 2) -> list[Opening]:
    """Beginnings that several texts share, the commonest first.

    In the paper 3,012 of 5,600 texts of one condition began with "I'm so".

    Args:
        texts: the texts; those with fewer words are counted in the share alone.
        words: how many words make an opening.
        at_least: how many texts must share it.
    """
    counts = Counter(" ".join(own[:words]) for text in texts if len(own := words_of(text)) >= words)
    return [
        Opening(opening, count, count / len(texts))
        for opening, count in sorted(counts.items(), key=lambda row: (-row[1], row[0]))
        if count >= at_least
    ]


def vocabulary_growth(texts: Sequence[str], at: Sequence[int]) -> list[int]:
    """How many different words the first so many texts hold.

    Args:
        texts: in order of arrival.
        at: numbers of texts, growing, none above the number of texts.
    """
    seen: set[str] = set()
    sizes, done = [], 0
    for number in at:
        for text in texts[done:number]:
            seen.update(words_of(text))
        done = max(done, number)
        sizes.append(len(seen))
    return sizes


def _grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    return zip(*(words[start:] for start in range(n)), strict=False)


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
        score = BLEU.compute_bleu(
            correct,
            total,
            length,
            _closest_other(lengths, length),
            smooth_method="exp",
            effective_order=True,
        )
        scores.append(score.score / 100)
    return scores


def _closest_other(lengths: Counter[int], own: int) -> int:
    """The length among the other texts that is closest to a text's own; of two the shorter."""
    if lengths[own] > 1:
        return own
    return min((other for other in lengths if other != own), key=lambda o: (abs(o - own), o))
