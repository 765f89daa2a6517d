"""What each measure is called, which way it points and where it comes from; imports nothing heavy.

The names are those of a result of `core.diversity.measures.measure`.
"""

from dataclasses import dataclass
from typing import Literal

Direction = Literal[
    "higher is more diverse",
    "lower is more diverse",
    "higher is nearer to the reference",
    "lower is nearer to the reference",
    "higher is more fluent",
    "none",
]

_COX = "Cox et al. 2021, Directed Diversity; paper, section 4.2"


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure as a page or a table explains it.

    Args:
        name: its key in a result.
        title: for display.
        field: the key within its entry that is the number to show; None for lists and curves.
        direction: which way is which.
        range: the values it can take, in words.
        sentence: what it says, for somebody who has never heard of it.
        source: where it is from.
        grows_with_n: whether its value depends on the number of texts itself, so that only datasets
            of equal size compare.
        needs_encoder: whether its value depends on the encoder, so that only values of one compare.
        needs_reference: whether it takes a reference.
        by_label: whether each label has its own value, under `per_label`.
    """

    name: str
    title: str
    field: str | None
    direction: Direction
    range: str
    sentence: str
    source: str
    grows_with_n: bool = False
    needs_encoder: bool = False
    needs_reference: bool = False
    by_label: bool = True


MEASURES = (
    Measure(
        "remote_clique",
        "Remote-Clique",
        "value",
        "higher is more diverse",
        "0 to 2, seldom above 1",
        "The mean distance in meaning between two texts of the dataset.",
        _COX,
        needs_encoder=True,
    ),
    Measure(
        "vendi_score",
        "Vendi score",
        "value",
        "higher is more diverse",
        "1 to the number of texts, at most the size of the encoder's vectors",
        "How many wholly different texts the dataset is worth.",
        "Friedman and Dieng 2023, The Vendi Score",
        grows_with_n=True,
        needs_encoder=True,
    ),
    Measure(
        "distinct_1",
        "Distinct-1",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different words, as a share of all words.",
        "Li et al. 2016, A Diversity-Promoting Objective Function, section 5.1",
        grows_with_n=True,
    ),
    Measure(
        "distinct_2",
        "Distinct-2",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different pairs of neighbouring words, as a share of all such pairs.",
        "Li et al. 2016, A Diversity-Promoting Objective Function, section 5.1",
        grows_with_n=True,
    ),
    Measure(
        "distinct_3",
        "Distinct-3",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different runs of three words, as a share of all such runs.",
        "after Li et al. 2016, who count one and two words",
        grows_with_n=True,
    ),
    Measure(
        "compression_ratio",
        "Compression ratio",
        "value",
        "lower is more diverse",
        "about 1 and above",
        "How many times smaller the texts become when their repetitions are packed away.",
        "Shaib et al. 2024, Standardizing the Measurement of Text Diversity",
        grows_with_n=True,
    ),
    Measure(
        "self_bleu",
        "Self-BLEU",
        "value",
        "lower is more diverse",
        "0 to 1",
        "How much of a text's wording stands in the other texts, too; large datasets are sampled.",
        "Zhu et al. 2018, Texygen, section 3.2; BLEU by sacrebleu",
        grows_with_n=True,
    ),
    Measure(
        "nearest_distance",
        "Nearest-neighbour distance",
        "value",
        "higher is more diverse",
        "0 to 2",
        "The mean distance in meaning from a text to the one nearest to it.",
        "Chamfer distance in Cox et al. 2021, Directed Diversity",
        grows_with_n=True,
        needs_encoder=True,
    ),
    Measure(
        "exact_duplicates",
        "Exact duplicates",
        "share",
        "lower is more diverse",
        "0 to 1",
        "The share of texts that repeat an earlier one word for word; case and white space aside.",
        "counted",
        grows_with_n=True,
    ),
    Measure(
        "near_duplicates",
        "Near duplicates",
        "share",
        "lower is more diverse",
        "0 to 1",
        "The share of texts that lie within the threshold of an earlier one, exact ones included.",
        "counted, by cosine distance",
        grows_with_n=True,
        needs_encoder=True,
    ),
    Measure(
        "fluency",
        "Fluency",
        "mean",
        "higher is more fluent",
        "0 at most",
        "How likely the language model found what it wrote; gibberish is unlikely, and looks "
        "diverse.",
        "mean log-probability of a token under the untouched model",
    ),
    Measure(
        "vocabulary",
        "Vocabulary growth",
        None,
        "higher is more diverse",
        "0 and above",
        "How many different words the first so many texts hold.",
        "type-token curve, Heaps 1978",
        grows_with_n=True,
        by_label=False,
    ),
    Measure(
        "openings",
        "Over-used openings",
        None,
        "lower is more diverse",
        "0 to 1 each",
        "The first two words that most texts share, and the share of the texts that begin so.",
        'after the paper, where 3,012 of 5,600 texts of one condition began with "I\'m so"',
        by_label=False,
    ),
    Measure(
        "curve",
        "Remote-Clique while the texts arrived",
        None,
        "higher is more diverse",
        "0 to 2, seldom above 1",
        "Remote-Clique of the first so many texts, in their order of arrival.",
        f"{_COX}; interval after Hoeffding 1948",
        needs_encoder=True,
        by_label=False,
    ),
    Measure(
        "reference_distance",
        "Distance to the reference",
        "value",
        "lower is nearer to the reference",
        "0 to 2",
        "The mean distance in meaning between a text of the dataset and a real one.",
        "paper, section 4.2",
        needs_encoder=True,
        needs_reference=True,
    ),
    Measure(
        "similarity",
        "Similarity to the reference",
        "value",
        "higher is nearer to the reference",
        "-1 to 1",
        "The mean cosine between a text of the dataset and a real one: 1 minus their distance.",
        "paper, section 4.2",
        needs_encoder=True,
        needs_reference=True,
    ),
    Measure(
        "size_matched",
        "Remote-Clique at equal size",
        None,
        "higher is more diverse",
        "0 to 2, seldom above 1",
        "Remote-Clique of the dataset and of the reference, both at the smaller one's size.",
        _COX,
        needs_encoder=True,
        needs_reference=True,
    ),
)
"""Every measure, in the order in which they are shown."""

BY_NAME = {measure.name: measure for measure in MEASURES}
