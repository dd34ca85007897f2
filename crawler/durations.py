"""Read and write lengths of time as people write them: ``0.2s 90s 15m 6h 3d``."""

import math
import re
from datetime import timedelta

RIGHT = 'a number and one of the units s, m, h, d, such as "90s", "15m", "6h" or "3d"'
"""What a length of time looks like, for messages."""

LONGEST = timedelta(days=36500)
"""A hundred years: longer than any promise, too short to overflow a date."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FORM = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)([smhd])")


def parse_duration(text: str) -> timedelta:
    """Return the length of time ``text`` names; raise ValueError that says what would be right."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a length of time; write {RIGHT}")
    seconds = float(found[1]) * _SECONDS[found[2]]
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text!r} is longer than a hundred years; write {RIGHT}")
    return timedelta(seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Return the shortest text that ``parse_duration`` reads back as ``duration``.

    The largest unit that divides it is used; fractions are of seconds.
    """
    micros = duration // timedelta(microseconds=1)
    for unit in "dhms":
        count, rest = divmod(micros, _SECONDS[unit] * 1_000_000)
        if rest == 0 and (micros or unit == "s"):
            return f"{count}{unit}"
    return f"{micros / 1_000_000:f}".rstrip("0") + "s"


def tell_duration(duration: timedelta) -> str:
    """Return a rounded length of time for a person: ``3 d 4 h``, ``12 min``, ``0.2 s``."""
    seconds = abs(duration.total_seconds())
    sign = "-" if duration < timedelta() else ""
    if seconds < 10:
        return f"{sign}{math.floor(seconds * 10 + 0.5) / 10:g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (rest, "s"))
    shown = [f"{count} {unit}" for count, unit in parts if count]
    return sign + " ".join(shown[:2])
