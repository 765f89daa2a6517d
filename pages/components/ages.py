"""How long ago something was, as a person says it."""


def ago(seconds: float) -> str:
    """Such as `just now`, `5 min ago`, `3 h ago`, `2 days ago`."""
    minutes = max(0.0, seconds) / 60
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes:.0f} min ago"
    if minutes < 36 * 60:
        return f"{minutes / 60:.0f} h ago"
    return f"{minutes / 1440:.0f} days ago"
