"""What a story says of a difference, and what that rests on; not escaped."""

import math

from core.analysis.contrasts import Contrast
from core.analysis.frames.results import RANGES
from core.analysis.naming import value_words


def change_words(name: str, metric: str, found: Contrast) -> str:
    """A sentence on a difference, as far as its interval carries it."""
    if not found.known:
        return f"{name} was not measured on both sides."
    ends = f"{value_words(metric, found.before)} to {value_words(metric, found.after)}"
    change = value_words(metric, found.mean, signed=True)
    if found.low is None or found.high is None:
        return f"{name} goes from {ends} ({change}); these runs tell no interval."
    between = difference_words(metric, found)
    if found.direction == "unclear":
        return f"{name} goes from {ends}: {change}, but the interval ({between}) holds 0."
    verb = "rises" if found.direction == "up" else "falls"
    return f"{name} {verb} from {ends}: {change} ({between})."


def difference_words(metric: str, found: Contrast) -> str:
    """The interval of a difference: "+2.1 to +4.0 points"; "no interval" without one."""
    if found.low is None or found.high is None:
        return "no interval"
    return between_words(metric, found.low, found.high)


def between_words(metric: str, low: float, high: float) -> str:
    """The ends of a difference's interval, none farther than the metric's `RANGES` are wide."""
    least, most = RANGES[metric]
    ends = (min(max(end, least - most), most - least) for end in (low, high))
    first, second = (value_words(metric, end, signed=True) for end in ends)
    return f"{first.removesuffix(' points')} to {second}"


def basis_words(found: Contrast, *, conditions: int) -> str:
    """Where the interval is from, or why there is none; empty where nothing was measured.

    Args:
        found: the difference.
        conditions: how many there are whose repeats the spread is of.
    """
    if found.basis == "repeats":
        return (
            f"Intervals are 95 %, by the spread among the repeats of all {conditions} conditions; "
            f"{run_words(found.runs)} a side."
        )
    if found.basis == "texts":
        return (
            f"Intervals are 95 %, by the texts of {run_words(found.runs)} a side: another seed may "
            "come out differently."
        )
    if found.runs and found.known:
        is_are = "is" if found.runs == 1 else "are"
        return f"{run_words(found.runs)} a side {is_are} too few for an interval."
    return ""


def run_words(count: int) -> str:
    """ "1 run", "2 runs"."""
    return f"{count:,} run{'' if count == 1 else 's'}"


def share_words(value: float) -> str:
    """ "34 %"; "unknown" for NaN."""
    return f"{100 * value:.0f} %" if math.isfinite(value) else "unknown"


def quoted(words: str) -> str:
    """In quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"


def capital(words: str) -> str:
    """With a capital letter."""
    return words[:1].upper() + words[1:]
