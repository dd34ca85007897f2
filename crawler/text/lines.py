"""Understand by-lines and date lines that stand as plain text on a page."""

import re
import unicodedata
from datetime import date

_MONTH_NAMES = (
    "january jan janvier januar jänner enero январь января يناير كانون_الثاني",
    "february feb février fevrier februar febrero февраль февраля فبراير شباط",
    "march mar mars märz marz marzo март марта مارس آذار",
    "april apr avril abril апрель апреля أبريل ابريل نيسان",
    "may mai mayo май мая مايو أيار ايار",
    "june jun juin juni junio июнь июня يونيو حزيران",
    "july jul juillet juli julio июль июля يوليو تموز",
    "august aug août aout agosto август августа أغسطس اغسطس آب",
    "september sep sept septembre septiembre setiembre сентябрь сентября سبتمبر أيلول ايلول",
    "october oct octobre oktober okt octubre октябрь октября أكتوبر اكتوبر تشرين_الأول",
    "november nov novembre noviembre ноябрь ноября نوفمبر تشرين_الثاني",
    "december dec décembre decembre dezember dez diciembre декабрь декабря ديسمبر كانون_الأول",
)
_MONTHS = {
    unicodedata.normalize("NFKC", name).casefold(): number
    for number, names in enumerate(_MONTH_NAMES, start=1)
    for name in names.split()
}
_FILLERS = frozenset(("st", "nd", "rd", "th", "er", "of", "de", "del", "le", "la", "the", "\u0433"))
_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_ISO = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d\d?)-(\d\d?)(?!\d)")
_DOTTED = re.compile(r"(?<!\d)(\d\d?)([./])(\d\d?)\2((?:19|20)\d\d)(?!\d)")
_URL_DATE = re.compile(r"/((?:19|20)\d\d)[/-](\d\d?)[/-](\d\d?)(?=[/_.-]|$)")

_PUBLISHED = re.compile(
    r"(?:first\s+)?(?:published|posted|date|publi[ée]e?|ver[öo]ffentlicht|publicado|"
    r"опубликовано|дата|نشرت?|تاريخ\s+النشر|نشر\s+في)\b",
    re.IGNORECASE,
)
_MODIFIED = re.compile(
    r"(?:last\s+)?(?:updated|modified|edited)\b|mis\s+à\s+jour|aktualisiert|actualizado|обновлено|"
    r"(?:آخر\s+)?تحديث",
    re.IGNORECASE,
)
_BY = (
    r"(?:written\s+)?by|reported\s+by|von|par|por|di|автор[ы]?|текст|بقلم|كتبت?|كتابة|إعداد|المصدر"
)
_BYLINE = re.compile(rf"(?:{_BY})(?:\s*:\s*|\s+)(?P<names>\S.*)", re.IGNORECASE)
_BARE_BY = re.compile(rf"(?:{_BY})\s*:?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[,;،&|]|\s(?:and|und|et|y|e|и)\s|\sو\s*)\s*", re.IGNORECASE)
_NO_NAME = re.compile(r"[\d?!:@/<>{}\[\]\"“”]|\.\s+\S+\s+\S+\s+\S+\s+\S+|https?", re.IGNORECASE)
_SMALL = "al el de da di du del della von van der den la le bin ibn abu y of for"
_SMALL_WORDS = frozenset(_SMALL.split())
_AROUND_NAME = " \t-\u2013\u2014|\u2022\u00b7*.:,"
_MAX_LINE = 140
_MAX_NAME_WORDS = 6


def parse_date(text: str) -> str | None:
    """Return the first date in a text as ``YYYY-MM-DD``; None if there is none, or it is unsure.

    ``03/04/2014`` is unsure: half of the world reads it as March, half as April.
    """
    text = unicodedata.normalize("NFKC", text[:400]).casefold()
    if iso := _ISO.search(text):
        return _day(int(iso[1]), int(iso[2]), int(iso[3]))
    if dotted := _DOTTED.search(text):
        return _dotted(int(dotted[1]), int(dotted[3]), int(dotted[4]), separator=dotted[2])
    return _spelt(text)


def date_in_url(url: str) -> str | None:
    """Return the date a news address carries, such as ``/2014/10/10/title``."""
    found = _URL_DATE.search(url)
    return _day(int(found[1]), int(found[2]), int(found[3])) if found else None


def published_line(line: str) -> str | None:
    """Return the date of a line such as ``Published Friday, October 10, 2014``."""
    return parse_date(line) if len(line) <= _MAX_LINE and _PUBLISHED.match(line) else None


def modified_line(line: str) -> str | None:
    """Return the date of a line such as ``Last updated 12 October 2014``."""
    return parse_date(line) if len(line) <= _MAX_LINE and _MODIFIED.match(line) else None


def byline_names(line: str) -> tuple[str, ...]:
    """Return the names of a line such as ``By: Nadia Karim and Omar Said``; else none."""
    found = _BYLINE.fullmatch(line) if len(line) <= _MAX_LINE else None
    if found is None:
        return ()
    names = split_names(found["names"])
    return names if names and all(_is_name(name) for name in names) else ()


def is_bare_by(line: str) -> bool:
    """Whether a line is the label of a by-line only, its names in an element of their own."""
    return _BARE_BY.fullmatch(line) is not None


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in a list of names, each once."""
    names = (name.strip(_AROUND_NAME) for name in _BETWEEN.split(text))
    return tuple(dict.fromkeys(name for name in names if name))


def _is_name(text: str) -> bool:
    parts = text.split()
    if not 1 <= len(parts) <= _MAX_NAME_WORDS or _NO_NAME.search(text):
        return False
    return all(
        not part[0].islower() or part.casefold().split("-")[0] in _SMALL_WORDS for part in parts
    )


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
