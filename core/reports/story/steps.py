"""The seven steps of a story, each from the numbers that it rests on."""

import math

import numpy as np

from core.analysis.contrasts import Contrast
from core.analysis.frames.results import mixtures
from core.analysis.frontier import frontier
from core.analysis.naming import interval_words, listed, only_idle, value_words
from core.diversity.measures.lexical import common_openings
from core.reports.story.downstream_utility import worth as worth_of
from core.reports.story.facts import Facts
from core.reports.story.recommendation import standing as stand
from core.reports.story.recommendation import supported
from core.reports.story.step import Number, Step, Text
from core.reports.story.wording import (
    capital,
    change_words,
    quoted,
    run_words,
    share_words,
)

WORDS = 3
"""Words that make an opening, here."""
OPENINGS = 6
SHOWN = 4
"""Texts on each side where two conditions stand beside each other."""
OFTEN = 0.2
"""A share of texts that begin alike, or are repeats, from which data counts as repeating itself."""


def first(facts: Facts) -> Step:
    """The task, and what a text is."""
    phrases = [quoted(label.phrase) for label in facts.task.labels]
    more = [f"{len(phrases) - 3} more"] if len(phrases) > 4 else []
    shown: dict[str, Text] = {}
    for text, label in facts.texts[facts.cast.narrow]:
        if len(shown) < 2:
            shown.setdefault(label, (text, label))
    runs = facts.results["run_id"].nunique()
    article = "an" if facts.task.text_type[:1].lower() in "aeiou" else "a"
    return Step(
        "samples",
        "A language model writes the training data",
        f"Asked for {article} {facts.task.text_type}, one label at a time: "
        f"{listed([*phrases[: 3 if more else 4], *more])}."
        + (" These texts came first, at the most careful setting." if shown else ""),
        (
            Number("labels", f"{len(phrases)}"),
            Number("settings tried", f"{len(facts.raw)}", run_words(runs)),
            Number("texts a run", f"{float(facts.raw_results['n'].mean()):,.0f}"),
        ),
        f"{facts.task.name}. Written by {facts.raw['model'].iloc[0]}, {facts.narrow_words}; "
        "nobody picked these texts.",
        left=tuple(shown.values()),
    )


def narrow(facts: Facts) -> Step:
    """The narrow data: its repeats and its diversity."""
    texts = [text for text, _ in facts.texts[facts.cast.narrow]]
    found = common_openings(texts, words=WORDS)[:OPENINGS]
    repeats = facts.mean(facts.cast.narrow, "duplicates")
    first = (found[0].share if found else 0.0) if texts else math.nan
    often = max(np.nan_to_num([first, repeats])) >= OFTEN
    if found:
        said = f"{found[0].count} of {len(texts)} texts begin with {quoted(found[0].words)}."
    else:
        said = "No two texts begin with the same three words." if texts else ""
    if math.isfinite(repeats):
        said += f" {share_words(repeats)} repeat an earlier text word for word."
    row = facts.row(facts.cast.narrow)
    ends = "too few runs for an interval"
    if math.isfinite(row["diversity_low"]):
        ends = interval_words("diversity", row["diversity_low"], row["diversity_high"])
    return Step(
        "openings",
        f"Careful settings: the model {'repeats itself' if often else 'repeats little'}",
        said.strip() or "The texts of this setting are not here.",
        (
            Number("diversity", value_words("diversity", row["diversity"]), ends),
            Number("word for word repeats", share_words(repeats)),
        ),
        f"{capital(facts.narrow_words)}. Diversity: the mean cosine distance between two texts "
        f"(Remote-Clique), by {row['encoder']}.",
        openings=tuple(found),
        texts=len(texts),
    )


def wide(facts: Facts) -> Step:
    """The wide data beside it."""
    label = facts.shared_label()
    left, right = (
        tuple(row for row in facts.texts[one] if not label or row[1] == label)[:SHOWN]
        for one in (facts.cast.narrow, facts.cast.wide)
    )
    if not facts.cast.moved:
        said = "No knob differs between these runs: there is nothing to set beside them."
        return Step("beside", "There is one setting only", said, left=left)
    found = facts.contrast("diversity")
    title = {
        "up": "Knobs up: the texts spread wider",
        "down": "Knobs up, and the texts spread less",
        "unclear": "Knobs up: no clear change in diversity",
    }[found.direction]
    return Step(
        "beside",
        title,
        f"{capital(facts.knobs())}. {change_words('Diversity', 'diversity', found)}",
        (
            Number("diversity", *_now_and_then("diversity", found)),
            Number(
                "word for word repeats",
                share_words(facts.mean(facts.cast.wide, "duplicates")),
                f"from {share_words(facts.mean(facts.cast.narrow, 'duplicates'))}",
            ),
        ),
        " ".join(
            [
                f"The first {SHOWN} texts of each{f' for {quoted(label)}' if label else ''}, "
                f"not picked. {facts.basis(found)}",
                *mixtures(facts.raw),
            ]
        ),
        left=left,
        right=right,
    )


def price(facts: Facts) -> Step:
    """What diversity costs in label accuracy."""
    found = facts.contrast("label_accuracy")
    title = {
        "down": "The price: fewer labels are right",
        "up": "No price here: more labels are right",
        "unclear": "The price: these data do not show one clearly",
    }[found.direction]
    said = change_words("Label accuracy", "label_accuracy", found)
    edge = int(frontier(facts.raw)["pareto"].sum())
    if edge and len(facts.raw) > 1:
        said += f" {edge} of {len(facts.raw)} settings are beaten by no other in both."
    oracle = float(facts.raw_results["oracle_accuracy"].mean())
    sure = f", itself right on {share_words(oracle)} of real ones" if oracle == oracle else ""
    return Step(
        "frontier",
        title if found.known else "The price was not measured",
        said,
        (Number("label accuracy", *_now_and_then("label_accuracy", found)),),
        "A label counts as right if the oracle agrees: a classifier that learned from real "
        f"texts{sure}. {facts.basis(found)}",
    )


def repair(facts: Facts) -> Step:
    """What label replacement brings back."""
    if not facts.inspected:
        said = "None of these runs has been through label replacement."
        return Step("repairs", "Repair was not tried", said)
    found = facts.repaired
    few = "all" if facts.inspected == "all" else facts.inspected
    title = {
        "up": f"Repair: looking at {few} texts brings labels back",
        "down": f"Repair: looking at {few} texts makes it worse",
        "unclear": f"Repair: looking at {few} texts shows no clear gain",
    }[found.direction]
    price = facts.contrast("label_accuracy")
    said = change_words("Label accuracy of the wide data", "label_accuracy", found)
    rest = facts.uninspected()
    if facts.inspected == "all":
        said += " As the oracle both relabels and judges, all are right by definition."
    elif math.isfinite(rest):
        share = value_words("label_accuracy", rest)
        said += f" Of the texts that nobody looked at, {share} are right."
    if found.direction == "up" and price.direction == "down":
        cost = value_words("label_accuracy", -price.mean, signed=True).lstrip("+")
        said += f" The knobs had cost {cost}."
    numbers = [Number(f"{few} texts looked at", *_now_and_then("label_accuracy", found))]
    whole = facts.gain("label_accuracy", "all")
    if facts.inspected != "all" and whole.known:
        value = value_words("label_accuracy", whole.after)
        numbers.append(Number("all looked at", value, "by definition"))
    return Step(
        "repairs",
        title if found.known else "Repair was not measured",
        said,
        tuple(numbers),
        "Label replacement: a classifier learns from the texts that were looked at, and its "
        "word is weighed against the label asked for. The oracle stands in for the person who "
        f"looks, and judges, too. {facts.basis(found)}",
    )


def worth(facts: Facts) -> Step:
    """What the data is worth to a classifier."""
    told = worth_of(facts.cast, facts.results, facts.inspected)
    note = f"{facts.raw['classifier'].iloc[0]}. {told.note} {facts.basis(told.overall)}"
    return Step(
        "worth", told.title, told.sentence, (), capital(note.strip(". ")) + ".", bars=told.bars
    )


def standing(facts: Facts) -> Step:
    """Where to stand, and what is supported."""
    plain = facts.points.assign(model="", other=facts.points["other"].map(only_idle))
    title, said, note = stand(plain, facts.inspected)
    if facts.cast.left_out:
        note += f" Not shown: {facts.cast.left_out_words}."
    support = supported(facts.results, facts.inspected)
    return Step("standing", title, said, (), note.strip(), support=support)


def _now_and_then(metric: str, found: Contrast) -> tuple[str, str]:
    """A value, and what it was before."""
    return value_words(metric, found.after), f"from {value_words(metric, found.before)}"
