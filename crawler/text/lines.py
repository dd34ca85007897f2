"""Understand dates as people and programs write them."""

import re
import unicodedata
from datetime import date

from crawler.text.vocabulary import MODIFIED, MONTHS, PUBLISHED

_MONTHS = {
    unicodedata.normalize("NFKC", name).casefold(): number
    for number, names in enumerate(MONTHS, start=1)
    for name in names.split()
}
_FILLERS = frozenset(
    ("st", "nd", "rd", "th", "er", "of", "de", "del", "le", "la", "the", "\u0433", "do")
)
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)([-/.])(\d\d?)\2(\d\d?)(?!\d)")
_PACKED = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])(?=T?\d{4,6}(?!\d)|Z?(?!\d))"
)
_EASTERN = re.compile(r"((?:19|20)\d\d)\s*[年년]\s*(\d\d?)\s*[月월]\s*(\d\d?)\s*[日일]")
_DOTTED = re.compile(r"(?<!\d)(\d\d?)([./-])(\d\d?)\2((?:19|20)\d\d)(?!\d)")
_SHORT_DOTTED = re.compile(r"(?<![\d.])(\d\d?)\.(\d\d?)\.(\d\d)(?![\d.])")
_UNIVERSAL = re.compile(r"\d(?:\.\d+)?\s?(?:Z|[+-]00:?00|UTC|GMT)$")
_HOUR = re.compile(r"\d[T ]\s?([01]\d|2[0-3]):?\d\d")
_EPOCH = re.compile(r"\d{10}(?:\d{3})?")
_URL_DATE = re.compile(r"/((?:19|20)\d\d)(?:[/_-])(\d\d?)[/_-](\d\d?)(?=[/_.-]|$)")
_URL_WORD_DATE = re.compile(r"/((?:19|20)\d\d)/([a-z]{3})/(\d\d?)(?=/|$)")
_URL_PACKED = re.compile(r"[/_-]((?:19|20)\d\d)(0[1-9]|1[0-2])([0-2]\d|3[01])(?=[/_.-]|$)")

_PUBLISHED = re.compile(rf"(?:{'|'.join(PUBLISHED)})\b", re.IGNORECASE)
_MODIFIED = re.compile("|".join(MODIFIED), re.IGNORECASE)
_MAX_LINE = 160


def parse_date(text: str) -> str | None:
    """Return the first date in a text as ``YYYY-MM-DD``; None if there is none, or it is unsure.

    ``03/04/2014`` is unsure: half of the world reads it as March, half as April.
    """
    text = unicodedata.normalize("NFKC", text[:400]).casefold()
    if iso := _ISO.search(text):
        return _day(int(iso[1]), int(iso[3]), int(iso[4]))
    if eastern := _EASTERN.search(text):
        return _day(int(eastern[1]), int(eastern[2]), int(eastern[3]))
    if dotted := _DOTTED.search(text):
        return _dotted(int(dotted[1]), int(dotted[3]), int(dotted[4]), separator=dotted[2])
    if spelt := _spelt(text):
        return spelt
    if short := _SHORT_DOTTED.search(text):
        return _day(2000 + int(short[3]), int(short[2]), int(short[1]))
    return None


def parse_stamp(text: str) -> str | None:
    """Return the day of a value made for programs: also ``20141010`` and seconds since 1970."""
    stripped = text.strip()
    if _EPOCH.fullmatch(stripped):
        seconds = int(stripped[:10])
        return date.fromordinal(719163 + seconds // 86400).isoformat() if seconds > 6e8 else None
    packed = _PACKED.match(stripped)
    if packed:
        return _day(int(packed[1]), int(packed[2]), int(packed[3]))
    return parse_date(text)


def universal_hour(text: str) -> int | None:
    """Return the hour of a moment in UTC, which says little of the readers' day; else None."""
    stripped = text.strip()
    if _EPOCH.fullmatch(stripped):
        return int(stripped[:10]) // 3600 % 24
    found = _HOUR.search(stripped[:40])
    return int(found[1]) if found and _UNIVERSAL.search(stripped[-12:]) else None


def date_in_url(url: str) -> str | None:
    """Return the date a news address carries, such as ``/2014/10/10/title``."""
    url = url[:2000]
    if found := _URL_DATE.search(url):
        return _day(int(found[1]), int(found[2]), int(found[3]))
    if found := _URL_WORD_DATE.search(url.lower()):
        return _day(int(found[1]), _MONTHS.get(found[2], 0), int(found[3]))
    found = _URL_PACKED.search(url)
    return _day(int(found[1]), int(found[2]), int(found[3])) if found else None


def published_line(line: str) -> str | None:
    """Return the date of a line such as ``Published Friday, October 10, 2014``."""
    return parse_date(line) if len(line) <= _MAX_LINE and _PUBLISHED.match(line) else None


def modified_line(line: str) -> str | None:
    """Return the date of a line such as ``Last updated 12 October 2014``."""
    return parse_date(line) if len(line) <= _MAX_LINE and _MODIFIED.match(line) else None


def says_modified(text: str) -> bool:
    """Whether a short text speaks of a change rather than of the first publication."""
    return _MODIFIED.search(text[:_MAX_LINE]) is not None and not _PUBLISHED.match(text)


def only_a_date(line: str) -> bool:
    """Whether a line is a date and hardly anything else."""
    return len(line) <= 60 and len(line.split()) <= 8 and parse_date(line) is not None


def may_be_local(day: str, local: str, *, hour: int) -> bool:
    """Whether a moment in UTC may have been on another day for its readers.

    Clocks differ from UTC by twelve hours backwards and fourteen onwards at most.
    """
    ahead = (date.fromisoformat(local) - date.fromisoformat(day)).days
    return (ahead == 1 and hour >= 10) or (ahead == -1 and hour < 12)


def _spelt(text: str) -> str | None:
    """Return a date with a month in letters: a day and a year must stand beside it."""
    tokens = [token for token in _TOKEN.findall(text) if token not in _FILLERS]
    for place, token in enumerate(tokens):
        after = tokens[place + 1] if place + 1 < len(tokens) else ""
        month, width = _MONTHS.get(f"{token}_{after}"), 2
        if month is None:
            month, width = _MONTHS.get(token), 1
        if month is None:
            continue
        before = _number(tokens[place - 1] if place else "")
        following = [_number(part) for part in tokens[place + width : place + width + 2]]
        found = _around(month, before=before, following=following)
        if found is not None:
            return found
    return None


def _around(month: int, *, before: int, following: list[int]) -> str | None:
    if following and before and following[0] >= 1900:
        return _day(following[0], month, before)
    if len(following) == 2 and following[1] >= 1900:
        return _day(following[1], month, following[0])
    return None


def _number(token: str) -> int:
    return int(token) if token.isdecimal() and len(token) <= 4 else 0


def _dotted(first: int, second: int, year: int, *, separator: str) -> str | None:
    if separator == "." or first > 12 or first == second:
        return _day(year, second, first)
    if second > 12:
        return _day(year, first, second)
    return None


def _day(year: int, month: int, day: int) -> str | None:
    if not 1900 <= year <= 2100:
        return None
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
