"""Shares with their intervals in words."""

from core.interventions.relabelling.label_accuracy import Share


def percent(share: Share | None) -> str:
    """A share in percent, or a dash."""
    if share is None or share.interval is None:
        return "-"
    return f"{share.interval.mean:.1%}"


def told(share: Share | None) -> str:
    """A share with its interval: 72.5% (68.1% to 76.4%, n 400)."""
    if share is None or share.interval is None:
        return "unknown"
    low, high = share.interval.low, share.interval.high
    return f"{share.interval.mean:.1%} ({low:.1%} to {high:.1%}, n {share.n:,})"


def short(share: Share | None) -> str:
    """A share with its interval, for a cell of a table: 72.5% (68.1 to 76.4)."""
    if share is None or share.interval is None:
        return ""
    low, high = (100 * (end or 0.0) for end in (share.interval.low, share.interval.high))
    return f"{share.interval.mean:.1%} ({low:.1f} to {high:.1f})"
