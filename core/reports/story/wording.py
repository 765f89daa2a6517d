"""How a story words a difference, its basis and its knobs; not escaped."""

import re

from core.analysis.contrasts import Contrast
from core.domain.registries.knob import Knob
from core.domain.registries.metrics import Metric
from core.domain.wording import counted


def change_sentence(name: str, metric: Metric, difference: Contrast) -> str:
    """A sentence on a difference, as far as its interval supports it."""
    if not difference.known:
        return f"{name} was not measured on both sides."
    before, after = difference.before, difference.after
    ends = f"{metric.words(before)} to {metric.words(after)}"
    change = metric.change_words(before, after)
    if difference.low is None or difference.high is None:
        return f"{name} changes from {ends} ({change}); there are too few runs for an interval."
    interval = metric.difference_interval_words(difference.low, difference.high)
    if difference.direction == "unclear":
        return f"{name} changes from {ends}: {change}, but the interval ({interval}) includes 0."
    verb = "rises" if difference.direction == "up" else "falls"
    return f"{name} {verb} from {ends}: {change} ({interval})."


def basis_sentence(difference: Contrast, *, conditions: int) -> str:
    """Where the interval is from, or why there is none; empty where nothing was measured.

    Args:
        difference: whose interval it is.
        conditions: how many there are whose repeats the spread is of.
    """
    runs = counted(difference.runs, "run")
    if difference.basis == "repeats":
        return (
            f"Intervals are 95%, from the spread among the repeats of all {conditions} settings; "
            f"{runs} per side."
        )
    if difference.basis == "texts":
        return (
            f"Intervals are 95%, from the texts of {runs} per side: another seed may give a "
            "different result."
        )
    if difference.runs and difference.known:
        verb = "is" if difference.runs == 1 else "are"
        return f"{runs} per side {verb} too few for an interval."
    return ""


def knob_words(knob: Knob) -> str:
    """A knob explained in half a sentence: "T = temperature: higher is more varied"."""
    clause = re.split(r"[:;.]", knob.help)[0]
    letter = re.match(r"[A-Z](?= )", knob.short)
    name = f"{letter[0]} = {knob.title.lower()}" if letter else knob.title.lower()
    return f"{name}: {clause[:1].lower()}{clause[1:]}"
