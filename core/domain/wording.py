"""Wording: numbers, durations, money, intervals and lists as people read them, one way everywhere.

Nothing here is escaped: figures, Markdown and HTML escape what they show. Words for a knob's value,
a metric's and a stage of repair are in `core.domain.registries`, for a condition in
`core.domain.registries.knobs`.
"""

import math
from collections.abc import Iterable

UNKNOWN = "unknown"
MISSING = "–"
"""What stands in a cell that has no value."""


def number(value: float | None, *, digits: int | None = None) -> str:
    """ "1,234" or "0.813"; `digits` fixes the decimal places; "unknown" for None or NaN."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if digits is not None:
        return f"{value:,.{digits}f}"
    return f"{int(value):,}" if value == int(value) else f"{value:,.6g}"


def percent(share: float | None, *, digits: int = 1) -> str:
    """A share from 0 to 1 as "72.5%"; "unknown" for None or NaN."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return f"{100 * share:.{digits}f}%"


def points(difference: float | None) -> str:
    """A difference of two shares as "+4.2 points"; "unknown" for None or NaN."""
    if difference is None or not math.isfinite(difference):
        return UNKNOWN
    return f"{100 * difference:+.1f} points"


def shown_difference(before: float, after: float, *, digits: int) -> float:
    """The difference of two values as they are shown, so that shown numbers add up.

    Args:
        before: the first value.
        after: the second value.
        digits: decimal places to which both are rounded where they are shown.
    """
    return round(round(after, digits) - round(before, digits), digits)


def duration(seconds: float | None) -> str:
    """ "45 s", "2 min 5 s", "3 h 10 min", "2 d 4 h"; a dash for None."""
    if seconds is None:
        return MISSING
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def clock(seconds: float) -> str:
    """ "0:05", "12:34" or "1:02:03", for a progress line."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def ago(seconds: float) -> str:
    """ "just now", "5 min ago", "3 h ago", "2 days ago"."""
    minutes = max(0.0, seconds) / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    if minutes < 36 * 60:
        return f"{minutes / 60:.0f} h ago"
    return f"{minutes / 1440:.0f} days ago"


def money(amount: float | None, currency: str) -> str:
    """ "1.23 EUR", "0.0042 EUR", "0 EUR"; "unknown" for None."""
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return f"0 {currency}"
    return f"{amount:,.2f} {currency}" if amount >= 1 else f"{amount:.2g} {currency}"


def interval(low: float | None, high: float | None, *, digits: int = 3) -> str:
    """ "0.790 to 0.830"; "no interval" where an end is missing."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    return f"{low:.{digits}f} to {high:.{digits}f}"


def percent_interval(low: float | None, high: float | None) -> str:
    """ "61.2% to 70.0%"; "no interval" where an end is missing."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return "no interval"
    return f"{percent(low)} to {percent(high)}"


def counted(count: int, singular: str, plural: str = "") -> str:
    """ "1 run", "2,000 runs"; the plural is the singular with an s unless it is given."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"


def listed(words: Iterable[str], conjunction: str = "and") -> str:
    """ "a, b and c"."""
    *rest, last = [*words] or [""]
    return f"{', '.join(rest)} {conjunction} {last}" if rest else last


def capitalized(words: str) -> str:
    """The same with its first letter in upper case; the others stay as they are."""
    return words[:1].upper() + words[1:]


def quoted(words: str) -> str:
    """In quotation marks."""
    return f"\N{LEFT DOUBLE QUOTATION MARK}{words}\N{RIGHT DOUBLE QUOTATION MARK}"
