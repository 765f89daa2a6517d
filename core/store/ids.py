"""Identifiers: short, sortable by time of making, safe in file names and addresses."""

import secrets

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TIME_DIGITS = 9  # 36**9 milliseconds reach the year 5188
_RANDOM_DIGITS = 6  # 2 billion: two ids of one millisecond still differ


def new_id(now: float) -> str:
    """An id of 15 characters out of a-z and 0-9; later milliseconds sort later.

    Args:
        now: seconds since 1970, UTC.
    """
    chance = "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM_DIGITS))
    return _base36(max(0, int(now * 1000))).rjust(_TIME_DIGITS, "0") + chance


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = _DIGITS[rest] + digits
    return digits
