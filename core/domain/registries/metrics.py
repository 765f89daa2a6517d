"""METRICS: what each measure of a dataset is called, which way it points and how it is written.

The names are those of a result of `core.diversity.measures.measure.measure` and, by `column`, of
the frames of sweeps. Nothing heavy is imported.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from core.domain.wording import UNKNOWN, number, percent, points, shown_difference

Direction = Literal[
    "higher is more diverse",
    "lower is more diverse",
    "higher is nearer to the reference",
    "lower is nearer to the reference",
    "higher is more fluent",
    "higher is better",
    "none",
]

_COX = "Cox et al. 2021, Directed Diversity; paper, section 4.2"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as a page, a table or an axis explains it.

    Args:
        name: its key in a result.
        title: for display, in sentence case.
        field: the key within its entry that is the number to show; None for lists and curves.
        direction: what a higher value means.
        range: the values it can take, in words.
        sentence: what it says, for somebody who has never heard of it.
        source: where it is from.
        unit: `share` is stored from 0 to 1 and shown in percent, its differences in points.
        digits: decimal places of a number.
        low: the lowest possible value, to which intervals are cut; -inf where there is none.
        high: the highest possible value; inf where there is none.
        grows_with_n: whether its value depends on the number of texts itself, so that only datasets
            of equal size compare.
        needs_encoder: whether its value depends on the encoder, so that only values of one compare.
        needs_reference: whether it takes a reference.
        by_label: whether each label has its own value, under `per_label`.
        summary: whether it has a column in Explore's summary of runs.
        short: its title in narrow columns; empty where that is `title`.
        interval: whether its values have a 95% interval.
        measured: whether `core.diversity.measures.measure.measure` gives it.
        column: its column in frames of sweeps, with `_low` and `_high` beside it; empty where
            sweeps do not have it.
    """

    name: str
    title: str
    field: str | None
    direction: Direction
    range: str
    sentence: str
    source: str
    unit: Literal["number", "share"] = "number"
    digits: int = 3
    low: float = -math.inf
    high: float = math.inf
    grows_with_n: bool = False
    needs_encoder: bool = False
    needs_reference: bool = False
    by_label: bool = True
    summary: bool = False
    short: str = ""
    interval: bool = False
    measured: bool = True
    column: str = ""

    @property
    def axis_title(self) -> str:
        """Its title with the measure behind it, for an axis: "Diversity (Remote-Clique)"."""
        return "Diversity (Remote-Clique)" if self.column == "diversity" else self.title

    @property
    def noun(self) -> str:
        """Its name within a sentence about sweeps: "label accuracy"."""
        return (self.column or self.name).replace("_", " ")

    @property
    def column_title(self) -> str:
        """Its title in tables and choices about sweeps: "Diversity", "Label accuracy"."""
        return "Diversity" if self.column == "diversity" else self.title

    @property
    def tick_format(self) -> str:
        """How plotly's axes write its values."""
        return ".0%" if self.unit == "share" else ".2f"

    def words(self, value: float | None) -> str:
        """A value: "72.5%" or "0.813"; "unknown" for None or NaN."""
        return percent(value) if self.unit == "share" else number(value, digits=self.digits)

    def difference_words(self, value: float | None) -> str:
        """A difference: "+4.2 points" or "+0.031"; "unknown" for None or NaN."""
        if self.unit == "share":
            return points(value)
        if value is None or not math.isfinite(value):
            return UNKNOWN
        return f"{value:+.{self.digits}f}"

    def change_words(self, before: float | None, after: float | None) -> str:
        """A difference of two values as they are shown, so that the shown numbers add up."""
        if before is None or after is None:
            return UNKNOWN
        if self.unit == "share":
            return points(shown_difference(100 * before, 100 * after, digits=1) / 100)
        return self.difference_words(shown_difference(before, after, digits=self.digits))

    def difference_interval_words(self, low: float | None, high: float | None) -> str:
        """ "+2.1 to +4.0 points", cut to what is possible; "no interval" without an end."""
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return "no interval"
        span = self.high - self.low
        first, second = (self.difference_words(min(max(end, -span), span)) for end in (low, high))
        return f"{first.removesuffix(' points')} to {second}"

    def interval_words(self, low: float | None, high: float | None) -> str:
        """ "61.2% to 70.0%"; "no interval" where an end is missing."""
        if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
            return "no interval"
        return f"{self.words(low)} to {self.words(high)}"

    def estimate_words(
        self, value: float | None, low: float | None = None, high: float | None = None
    ) -> str:
        """ "72.5% (68.1% to 76.4%)", or the value alone where an end is missing."""
        if value is None or low is None or high is None:
            return self.words(value)
        return f"{self.words(value)} ({self.interval_words(low, high)})"


METRICS: tuple[Metric, ...] = (
    Metric(
        "remote_clique",
        "Remote-Clique",
        "value",
        "higher is more diverse",
        "0 to 2, seldom above 1",
        "The mean distance in meaning between two texts of the dataset.",
        _COX,
        low=0.0,
        high=2.0,
        needs_encoder=True,
        column="diversity",
        summary=True,
        interval=True,
    ),
    Metric(
        "vendi_score",
        "Vendi score",
        "value",
        "higher is more diverse",
        "1 to the number of texts, at most the size of the encoder's vectors",
        "How many wholly different texts the dataset is worth.",
        "Friedman and Dieng 2023, The Vendi Score",
        grows_with_n=True,
        needs_encoder=True,
        digits=1,
        short="Vendi",
        summary=True,
    ),
    Metric(
        "distinct_1",
        "Distinct-1",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different words, as a share of all words.",
        "Li et al. 2016, A Diversity-Promoting Objective Function, section 5.1",
        grows_with_n=True,
    ),
    Metric(
        "distinct_2",
        "Distinct-2",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different pairs of neighbouring words, as a share of all such pairs.",
        "Li et al. 2016, A Diversity-Promoting Objective Function, section 5.1",
        grows_with_n=True,
    ),
    Metric(
        "distinct_3",
        "Distinct-3",
        "value",
        "higher is more diverse",
        "0 to 1",
        "Different runs of three words, as a share of all such runs.",
        "after Li et al. 2016, who count one and two words",
        grows_with_n=True,
    ),
    Metric(
        "compression_ratio",
        "Compression ratio",
        "value",
        "lower is more diverse",
        "about 1 and above",
        "How many times smaller the texts become when their repetitions are packed away.",
        "Shaib et al. 2024, Standardizing the Measurement of Text Diversity",
        grows_with_n=True,
    ),
    Metric(
        "self_bleu",
        "Self-BLEU",
        "value",
        "lower is more diverse",
        "0 to 1",
        "How much of a text's wording stands in the other texts, too; large datasets are sampled.",
        "Zhu et al. 2018, Texygen, section 3.2; BLEU by sacrebleu",
        grows_with_n=True,
    ),
    Metric(
        "nearest_distance",
        "Nearest-neighbour distance",
        "value",
        "higher is more diverse",
        "0 to 2",
        "The mean distance in meaning from a text to the one nearest to it.",
        "Chamfer distance in Cox et al. 2021, Directed Diversity",
        grows_with_n=True,
        needs_encoder=True,
        short="NN distance",
        summary=True,
    ),
    Metric(
        "exact_duplicates",
        "Exact duplicates",
        "share",
        "lower is more diverse",
        "0% to 100%",
        "The share of texts that repeat an earlier one word for word; case and white space aside.",
        "counted",
        grows_with_n=True,
        unit="share",
        low=0.0,
        high=1.0,
        short="Exact dup.",
        summary=True,
    ),
    Metric(
        "near_duplicates",
        "Near duplicates",
        "share",
        "lower is more diverse",
        "0% to 100%",
        "The share of texts that lie within the threshold of an earlier one, exact ones included.",
        "counted, by cosine distance",
        grows_with_n=True,
        unit="share",
        low=0.0,
        high=1.0,
        needs_encoder=True,
        short="Near dup.",
        summary=True,
    ),
    Metric(
        "fluency",
        "Fluency",
        "mean",
        "higher is more fluent",
        "0 at most",
        "How likely the language model found what it wrote; gibberish is unlikely, and looks "
        "diverse.",
        "mean log-probability of a token under the untouched model",
        digits=2,
        summary=True,
    ),
    Metric(
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
    Metric(
        "openings",
        "Over-used openings",
        None,
        "lower is more diverse",
        "0 to 1 each",
        "The first two words that most texts share, and the share of the texts that begin so.",
        'after the paper, where 3,012 of 5,600 texts of one condition began with "I\'m so"',
        by_label=False,
    ),
    Metric(
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
    Metric(
        "reference_distance",
        "Distance to the reference",
        "value",
        "lower is nearer to the reference",
        "0 to 2",
        "The mean distance in meaning between a text of the dataset and a real one.",
        "paper, section 4.2",
        needs_encoder=True,
        needs_reference=True,
        interval=True,
    ),
    Metric(
        "similarity",
        "Similarity to the reference",
        "value",
        "higher is nearer to the reference",
        "-1 to 1",
        "The mean cosine between a text of the dataset and a real one: 1 minus their distance.",
        "paper, section 4.2",
        low=-1.0,
        high=1.0,
        needs_encoder=True,
        needs_reference=True,
        column="similarity",
        short="Similarity",
        summary=True,
        interval=True,
    ),
    Metric(
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
    Metric(
        "label_accuracy",
        "Label accuracy",
        None,
        "higher is better",
        "0% to 100%",
        "The share of texts whose label is the one that the oracle gives them.",
        "paper, section 4.2",
        unit="share",
        low=0.0,
        high=1.0,
        needs_encoder=True,
        needs_reference=True,
        measured=False,
        column="label_accuracy",
    ),
    Metric(
        "model_accuracy",
        "Model accuracy",
        None,
        "higher is better",
        "0% to 100%",
        "The accuracy on real test texts of a classifier trained on the dataset.",
        "paper, section 4.2",
        unit="share",
        low=0.0,
        high=1.0,
        grows_with_n=True,
        needs_reference=True,
        measured=False,
        column="model_accuracy",
    ),
)
"""Every metric, in the order in which they are shown."""

METRIC: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
"""Each by its name."""

MEASURED: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.measured)
"""Those that `core.diversity.measures.measure.measure` gives."""

SWEEP_METRICS: tuple[Metric, ...] = tuple(metric for metric in METRICS if metric.column)
"""Those that sweeps measure at every stage of repair."""

COLUMN: Mapping[str, Metric] = {metric.column: metric for metric in SWEEP_METRICS}
"""The metrics of sweeps by their columns in frames."""
