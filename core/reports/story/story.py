"""Story: what a sweep shows, in seven steps that a presenter shows one by one.

Every sentence is built from the numbers and their intervals: where these data show no effect, or
can't decide, the step says that.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from core.analysis.contrasts import Contrast, contrast, with_pooled_intervals
from core.analysis.findings.hypotheses import as_generated
from core.analysis.frames.results import mixtures, only_idle
from core.analysis.frontier import frontier
from core.analysis.uninspected import uninspected_accuracy
from core.diversity.measures.lexical import common_openings
from core.domain.registries.knob import Knob
from core.domain.registries.knobs import NUMERIC_AXES, condition_words
from core.domain.registries.metrics import COLUMN, Metric
from core.domain.registries.stages import ALL, RAW, STAGE
from core.domain.tasks import Task
from core.domain.wording import capitalized, counted, listed, number, percent, quoted
from core.reports.card import model_name
from core.reports.story.conclusions import recommendation_step, utility_step
from core.reports.story.conditions import StoryConditions, choose_conditions
from core.reports.story.step import Number, Step, Text, basis_sentence, change_sentence, knob_words

OPENING_WORDS = 3
OPENINGS = 6
TEXTS_SHOWN = 4
"""Texts on each side where two conditions are shown side by side."""
REPETITIVE = 0.2
"""A share of texts that begin alike, or are repeats, from which data counts as repeating itself."""

_DIVERSITY, _LABEL_ACCURACY = COLUMN["diversity"], COLUMN["label_accuracy"]
_NO_CONTRAST = Contrast(math.nan, math.nan, None, None, 0, "")


@dataclass(frozen=True, slots=True)
class Story:
    """The steps, and what they are based on.

    Args:
        conditions: those that it compares.
        points: theirs at all stages, with pooled intervals.
        steps: seven; none where there is nothing to show.
        inspected: the stage of LR that the story speaks of; empty without LR.
        baseline_words: the baseline by its knobs.
        most_diverse_words: the most diverse condition by its knobs.
    """

    conditions: StoryConditions
    points: pd.DataFrame
    steps: tuple[Step, ...]
    inspected: str = ""
    baseline_words: str = ""
    most_diverse_words: str = ""


def build_story(
    points: pd.DataFrame,
    results: pd.DataFrame,
    samples: Mapping[str, Sequence[Text]],
    *,
    task: Task,
) -> Story:
    """Tell the story of a sweep of one task.

    Args:
        points: a points frame.
        results: the results frame that it was made of.
        samples: usable texts by `condition`, in order of arrival, of one run each; those of the
            baseline and the most diverse condition are shown.
        task: whose sweep it is.
    """
    conditions = choose_conditions(points, task_key=task.key)
    if not conditions.baseline:
        return Story(conditions, conditions.points, ())
    own = results[results["point"].isin(conditions.points["point"])]
    data = StoryData(conditions, own, samples, task)
    points = data.points.assign(model="", other=data.points["other"].map(only_idle))
    recommendation = recommendation_step(points, own, data.inspected)
    if conditions.left_out:
        recommendation = _with_note(recommendation, f"Not shown: {conditions.left_out_words}.")
    steps = (
        _samples_step(data),
        _openings_step(data),
        _side_by_side_step(data),
        _frontier_step(data),
        _repairs_step(data),
        utility_step(conditions, own, data.inspected),
        recommendation,
    )
    return Story(
        conditions,
        data.points,
        steps,
        data.inspected,
        data.words(conditions.baseline),
        data.words(conditions.most_diverse),
    )


class StoryData:
    """What the steps draw from; arguments as of `build_story`, with the chosen conditions."""

    def __init__(
        self,
        conditions: StoryConditions,
        results: pd.DataFrame,
        samples: Mapping[str, Sequence[Text]],
        task: Task,
    ) -> None:
        self.conditions, self.results, self.task = conditions, results, task
        self.points = with_pooled_intervals(conditions.points, results, vain=False)
        self.raw = as_generated(self.points)
        self.raw_results = as_generated(results)
        ends = (conditions.baseline, conditions.most_diverse)
        self.texts = {condition: list(samples.get(condition, ())) for condition in ends}
        self.varying = [knob for knob in NUMERIC_AXES if self.raw[knob.name].nunique() > 1]
        self.inspected, self.repair = self._choose_repair()

    def _choose_repair(self) -> tuple[str, Contrast]:
        """The fewest inspected texts with a clear gain on the most diverse data, else the most
        but all."""
        rows = self.conditions.points
        rows = rows[rows["condition"] == self.conditions.most_diverse]
        known = {str(count) for count in rows[~rows["filtered"].astype(bool)]["inspected"]} - {RAW}
        counts = sorted(known - {ALL}, key=int)
        gains = {count: self.gain(_LABEL_ACCURACY, count) for count in known}
        clear = [count for count in counts if gains[count].direction == "up"]
        candidates = [*clear[:1], *counts[-1:], *([ALL] if ALL in known else [])]
        return (candidates[0], gains[candidates[0]]) if candidates else ("", _NO_CONTRAST)

    def contrast(self, metric: Metric) -> Contrast:
        """From the baseline to the most diverse data, as generated."""
        ends = (self.conditions.baseline, RAW), (self.conditions.most_diverse, RAW)
        return contrast(self.results, metric.column, *ends)

    def gain(self, metric: Metric, inspected: str) -> Contrast:
        """Of the most diverse data, from as generated to this stage of LR."""
        condition = self.conditions.most_diverse
        return contrast(self.results, metric.column, (condition, RAW), (condition, inspected))

    def uninspected(self) -> float:
        """Label accuracy of the most diverse data's texts that were not inspected; NaN unknown."""
        rows = self.points[
            (self.points["condition"] == self.conditions.most_diverse)
            & (self.points["inspected"] == self.inspected)
            & ~self.points["filtered"].astype(bool)
        ]
        return float(uninspected_accuracy(rows)[0]) if len(rows) else math.nan

    def basis(self, difference: Contrast) -> str:
        """Where a difference's interval is from."""
        return basis_sentence(difference, conditions=len(self.raw))

    def row(self, condition: str) -> pd.Series:
        """The point of a condition as generated."""
        return self.raw[self.raw["condition"] == condition].iloc[0]

    def words(self, condition: str) -> str:
        """A condition by its knobs, without the model that all share."""
        row = self.row(condition)
        values = {knob.name: row[knob.name] for knob in NUMERIC_AXES}
        varying = [knob.name for knob in self.varying]
        return condition_words(values, varying=varying, other=only_idle(str(row["other"])))

    def changed_knobs(self) -> list[Knob]:
        """The knobs in which the baseline and the most diverse condition differ."""
        before = self.row(self.conditions.baseline)
        after = self.row(self.conditions.most_diverse)
        return [knob for knob in NUMERIC_AXES if before[knob.name] != after[knob.name]]

    def mean(self, condition: str, column: str) -> float:
        """The mean of a column over a condition's runs as generated; NaN without values."""
        rows = self.raw_results[self.raw_results["condition"] == condition]
        return float(rows[column].mean())

    def shared_label(self) -> str:
        """The first label, in task order, that both sides have texts of."""
        sides = [{label for _, label in rows} for rows in self.texts.values()]
        shared = set.intersection(*sides) if sides else set()
        return next((name for name in self.task.label_names if name in shared), "")


def _samples_step(data: StoryData) -> Step:
    """The task, and its first texts."""
    phrases = [quoted(label.phrase) for label in data.task.labels]
    more = [f"{len(phrases) - 3} more"] if len(phrases) > 4 else []
    shown: dict[str, Text] = {}
    for text, label in data.texts[data.conditions.baseline]:
        if len(shown) < 2:
            shown.setdefault(label, (text, label))
    article = "an" if data.task.text_type[:1].lower() in "aeiou" else "a"
    sentence = (
        f"It was asked for {article} {data.task.text_type}, one category (label) at a time: "
        f"{listed([*phrases[: 3 if more else 4], *more])}."
    )
    if shown:
        sentence += " These are the first texts of the most conservative setting."
    knobs = "; ".join(map(knob_words, data.varying))
    runs = counted(data.results["run_id"].nunique(), "run")
    return Step(
        "samples",
        "A language model writes the training data",
        sentence,
        (
            Number("labels", f"{len(phrases)}"),
            Number("settings tried", f"{len(data.raw)}", runs),
            Number("texts per run", number(round(float(data.raw_results["n"].mean())))),
        ),
        f"{data.task.name}. Written by {model_name(str(data.raw['model'].iloc[0]))} at "
        f"{data.words(data.conditions.baseline)}; texts are not hand-picked."
        + (f" {capitalized(knobs)}." if knobs else ""),
        left=tuple(shown.values()),
    )


def _openings_step(data: StoryData) -> Step:
    """The baseline: its repeats and its diversity."""
    baseline = data.conditions.baseline
    texts = [text for text, _ in data.texts[baseline]]
    openings = common_openings(texts, words=OPENING_WORDS)[:OPENINGS]
    repeats = data.mean(baseline, "duplicates")
    share = (openings[0].share if openings else 0.0) if texts else math.nan
    repetitive = max(np.nan_to_num([share, repeats])) >= REPETITIVE
    if openings:
        first = quoted(openings[0].words)
        sentence = f"{openings[0].count} of {len(texts)} texts begin with {first}."
    else:
        sentence = "No two texts begin with the same three words." if texts else ""
    if math.isfinite(repeats):
        sentence += f" {_share(repeats)} repeat an earlier text word for word."
    row = data.row(baseline)
    interval = "too few runs for an interval"
    if math.isfinite(row["diversity_low"]):
        interval = _DIVERSITY.interval_words(row["diversity_low"], row["diversity_high"])
    return Step(
        "openings",
        f"Conservative settings: the model {'repeats itself' if repetitive else 'repeats little'}",
        sentence.strip() or "The texts of this setting are not available.",
        (
            Number("diversity", _DIVERSITY.words(row["diversity"]), interval),
            Number("word-for-word repeats", _share(repeats)),
        ),
        f"{capitalized(data.words(baseline))}. Diversity is the mean distance in meaning between "
        f"two texts (Remote-Clique, cosine distance of embeddings by {row['encoder']}); higher is "
        "more diverse.",
        openings=tuple(openings),
        texts=len(texts),
    )


def _side_by_side_step(data: StoryData) -> Step:
    """The most diverse data beside the baseline."""
    baseline, most_diverse = data.conditions.baseline, data.conditions.most_diverse
    label = data.shared_label()
    left, right = (
        tuple(row for row in data.texts[condition] if not label or row[1] == label)[:TEXTS_SHOWN]
        for condition in (baseline, most_diverse)
    )
    if not data.conditions.differ:
        sentence = "No knob differs between these runs, so there is nothing to compare."
        return Step("side_by_side", "There is only one setting", sentence, left=left)
    difference = data.contrast(_DIVERSITY)
    title = {
        "up": "Turning up the knobs: texts become more diverse",
        "down": "Turning up the knobs: texts become less diverse",
        "unclear": "Turning up the knobs: no clear change in diversity",
    }[difference.direction]
    before, after = data.row(baseline), data.row(most_diverse)
    changes = ", ".join(
        f"{knob.title.lower()} {before[knob.name]:g} to {after[knob.name]:g}"
        for knob in data.changed_knobs()
    )
    change = change_sentence("Diversity", _DIVERSITY, difference)
    label_words = f" for {quoted(label)}" if label else ""
    return Step(
        "side_by_side",
        title,
        f"{capitalized(changes)}. {change}",
        (
            _before_and_after("diversity", _DIVERSITY, difference),
            Number(
                "word-for-word repeats",
                _share(data.mean(most_diverse, "duplicates")),
                f"from {_share(data.mean(baseline, 'duplicates'))}",
            ),
        ),
        " ".join(
            [
                f"The first {TEXTS_SHOWN} texts of each{label_words}, not hand-picked.",
                data.basis(difference),
                *mixtures(data.raw),
            ]
        ),
        left=left,
        right=right,
    )


def _frontier_step(data: StoryData) -> Step:
    """What diversity costs in label accuracy."""
    difference = data.contrast(_LABEL_ACCURACY)
    title = {
        "down": "The cost: fewer labels are correct",
        "up": "No cost here: more labels are correct",
        "unclear": "The cost: no clear change in label accuracy",
    }[difference.direction]
    sentence = change_sentence("Label accuracy", _LABEL_ACCURACY, difference)
    optimal = int(frontier(data.raw)["pareto"].sum())
    if optimal and len(data.raw) > 1:
        verb = "is" if optimal == 1 else "are"
        sentence += f" {optimal} of {len(data.raw)} settings {verb} not beaten in both by another."
    oracle = float(data.raw_results["oracle_accuracy"].mean())
    own = f", itself correct on {_share(oracle)} of real test texts" if oracle == oracle else ""
    return Step(
        "frontier",
        title if difference.known else "Label accuracy was not measured",
        sentence,
        (_before_and_after("label accuracy", _LABEL_ACCURACY, difference),),
        "A label counts as correct if the oracle agrees: a reference classifier trained on real "
        f"texts{own}. {data.basis(difference)}",
    )


def _repairs_step(data: StoryData) -> Step:
    """What label replacement recovers."""
    title = capitalized(STAGE["lr"].for_stakeholders)
    if not data.inspected:
        return Step("repairs", f"{title} was not tried", "No run has label replacement yet.")
    difference = data.repair
    texts = "all texts" if data.inspected == ALL else counted(int(data.inspected), "text")
    effect = {
        "up": "raises label accuracy",
        "down": "lowers label accuracy",
        "unclear": "shows no clear gain",
    }[difference.direction]
    cost = data.contrast(_LABEL_ACCURACY)
    name = "Label accuracy of the diverse data"
    sentence = change_sentence(name, _LABEL_ACCURACY, difference)
    rest = data.uninspected()
    if data.inspected == ALL:
        sentence += (
            " The oracle both corrects and judges the labels, so all are correct by definition."
        )
    elif math.isfinite(rest):
        sentence += f" Of the texts not inspected, {_LABEL_ACCURACY.words(rest)} are correct."
    if difference.direction == "up" and cost.direction == "down":
        lost = _LABEL_ACCURACY.change_words(cost.after, cost.before).lstrip("+")
        sentence += f" Turning up the knobs had cost {lost}."
    numbers = [_before_and_after(f"{texts} inspected", _LABEL_ACCURACY, difference)]
    whole = data.gain(_LABEL_ACCURACY, ALL)
    if data.inspected != ALL and whole.known:
        numbers.append(
            Number("all texts inspected", _LABEL_ACCURACY.words(whole.after), "by definition")
        )
    return Step(
        "repairs",
        f"{title}: inspecting {texts} {effect}" if difference.known else "Repair was not measured",
        sentence,
        tuple(numbers),
        "Label replacement (LR): a classifier learns from the inspected texts, and its prediction "
        "for every other text is weighed against the label asked for. The oracle stands in for the "
        f"person who inspects, and also judges the result. {data.basis(difference)}",
    )


def _before_and_after(name: str, metric: Metric, difference: Contrast) -> Number:
    """The value after, with the one before."""
    return Number(name, metric.words(difference.after), f"from {metric.words(difference.before)}")


def _share(value: float) -> str:
    return percent(value, digits=0)


def _with_note(step: Step, note: str) -> Step:
    return replace(step, note=f"{step.note} {note}".strip())
