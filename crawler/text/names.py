"""Understand a by-line: its names, and what stands around them."""

import re
from collections.abc import Iterable, Sequence

from crawler.text.fold import fold, tidy
from crawler.text.lines import parse_date
from crawler.text.vocabulary import (
    BETWEEN,
    BODIES,
    BUTTONS,
    BY_BEHIND,
    BY_STRONG,
    BY_WEAK,
    NOBODY,
    OTHER_HANDS,
    ROLES,
    SMALL,
    WEEKDAYS,
)

_STRONG_BY = "|".join(BY_STRONG)
_BY = f"(?:{_STRONG_BY}|{'|'.join(BY_WEAK)})"
_LABEL = re.compile(rf"{_BY}(?:\s*[:\uff1a/]\s*|\s+(?=\S))", re.IGNORECASE)
_STRONG_LABEL = re.compile(
    rf"(?:{_STRONG_BY})(?:\s*[:\uff1a]\s*|\s+)|{_BY}\s*[:\uff1a]\s*", re.IGNORECASE
)
_BEHIND = re.compile(rf"[\s,|]\s?(?:{'|'.join(BY_BEHIND)})\s*:?\s+(?=\S)", re.IGNORECASE)
_BARE_LABEL = re.compile(rf"{_BY}\s*[:\uff1a]?", re.IGNORECASE)
_OTHER_HANDS = re.compile("|".join(OTHER_HANDS), re.IGNORECASE)
_SEGMENT = re.compile(r"\s*[|\u2022\u00b7\u25cf»]\s*|\s/\s*|\s+[-\u2013\u2014]+\s+|\s{3,}|\n")
_BETWEEN = re.compile(
    rf"\s*(?:[,;\u060c&\u3001]|\s(?:{'|'.join(BETWEEN)})\s|\s\u0648\s*)\s*", re.IGNORECASE
)
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]{0,80}[)\]]")
_NO_NAME = re.compile(r"[?!@<>{}\[\]\"“”=]|://|\bwww\.|\.\s+\S+\s+\S+\s+\S+\s+\S+\s+\S+")
_AROUND = " \t-\u2013\u2014|\u2022\u00b7*:\uff1a,\u060c;/\u200e\u200f"
_SMALL = frozenset(SMALL.split())
_ROLES = frozenset(ROLES.split())
_BODIES = frozenset(BODIES.split())
_NOBODY = frozenset(NOBODY.split())
_BUTTONS = frozenset(BUTTONS.split())
_TAIL_NOISE = re.compile(
    r"\s+(?:am|on|at|le|el|um|den|the|published|updated|posted)$|\s+(?:via|for|für)\s+.*$",
    re.IGNORECASE,
)
_POSTS_BY = re.compile(
    r"^(?:view|see|read|show)?\s*(?:all|more)?\s*(?:posts?|articles?|stories|content)\s+(?:by|from|of)\s+",
    re.IGNORECASE,
)
_NUMERIC_DATE = re.compile(r"(?:\b[^\W\d_]{2,3}[.,]\s)?(?<!\d)\d{1,4}([./-])\d{1,2}\1\d{2,4}(?!\d)")
_DATE_START = re.compile(r"\b\d{1,2}[.:/]|\b(?:19|20)\d\d\b|\b\d{1,2}\s")
_NOISE = re.compile(r"https?://\S+|\bwww\.\S+|\S+@\S+\.\S+|(?<!\w)@\w+")
_PLACE = re.compile(r"\s(?:in|à|aus|from|desde|\u0438\u0437)\s+[^\W\d_]\S*(?:\s\S+){0,2}$")
_INITIAL = re.compile(r"\b\w\.$")
_LABELLED = re.compile(r"[,;]\s*[^\W\d_]{2,20}\s*:.*$")
_WEEKDAY = re.compile(rf"\b(?:{'|'.join(WEEKDAYS)})\b", re.IGNORECASE)
_MAX_LINE = 160
_MAX_NAME = 80
_MAX_NAME_WORDS = 7


def byline_names(line: str) -> tuple[str, ...]:
    """Return the names of a line such as ``By: Nadia Karim and Omar Said``; else none.

    The whole line must be a by-line: what follows the names may be a date, a role, a place.
    """
    if len(line) > _MAX_LINE or _OTHER_HANDS.match(line):
        return ()
    found = _LABEL.match(line) or _behind_date(line)
    if found is None:
        return ()
    segments = [one for one in _SEGMENT.split(_own_hand(line[found.end() :])) if one]
    if not segments or any(len(one.split()) > 10 for one in segments):
        return ()
    parts = until_role(split_names(_until_date(segments[0])))
    names = people(parts)
    kept = names and all(looks_like_name(name) for name in names)
    return names if kept and all(_short(part) for part in parts) else ()


def name_beside_date(line: str) -> tuple[str, ...]:
    """Return the name in a line that is a date and a name, such as ``10.10.2014 | Nadia Karim``."""
    segments = [one for one in _SEGMENT.split(line) if one] if len(line) <= _MAX_LINE // 2 else []
    if len(segments) != 2 or sum(parse_date(one) is not None for one in segments) != 1:
        return ()
    (other,) = (one for one in segments if parse_date(one) is None)
    names = people(split_names(other))
    sure = all(looks_like_name(name) and 2 <= len(name.split()) <= 4 for name in names)
    return names if sure and not any(map(is_body, names)) else ()


def says_by(line: str) -> bool:
    """Whether a line begins with words that only a by-line begins with."""
    return _STRONG_LABEL.match(line) is not None


def is_bare_by(line: str) -> bool:
    """Whether a line is the label of a by-line only, its names in an element of their own."""
    return _BARE_LABEL.fullmatch(line) is not None


def names_in(text: str) -> tuple[str, ...]:
    """Return the names in a text that is said to be a by-line, without label, date and role."""
    text = _POSTS_BY.sub("", tidy(_NOISE.sub(" ", tidy(text)[:400])))
    found = _LABEL.match(text)
    if found is not None:
        text = text[found.end() :]
    if _OTHER_HANDS.match(text):
        return ()
    segments = _SEGMENT.split(_own_hand(text))
    for segment in segments:
        names = people(until_role(split_names(_until_date(segment))))
        if names:
            return names
    return ()


def until_role(parts: Sequence[str]) -> Sequence[str]:
    """Return the parts of a list up to the first that says what the one before it is."""
    for place, part in enumerate(parts):
        if place and _is_role(part) and not _is_role(parts[0]):
            return parts[:place]
    return parts


def _without_place(text: str) -> str:
    """Return a name without the place its bearer writes from."""
    found = _PLACE.search(text)
    return text[: found.start()] if found and len(text[: found.start()].split()) >= 2 else text


def people(parts: Iterable[str], *, sites: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the persons among parts of a by-line; its bodies only if it names no person.

    ``sites`` are the names of the site itself, in the form of ``compact``.
    """
    names = [name for part in parts if (name := _clean(part))]
    persons = [one for one in names if is_person(one, sites=sites)]
    bodies = [one for one in names if is_body(one, sites=sites) or one[0].isupper()]
    return tuple(dict.fromkeys(persons or bodies))


def split_names(text: str) -> tuple[str, ...]:
    """Return the parts of a list of names, each once."""
    parts = (part.strip(_AROUND) for part in _BETWEEN.split(_BRACKETS.sub("", text)))
    return tuple(dict.fromkeys(part for part in parts if part))


def is_person(name: str, *, sites: frozenset[str] = frozenset()) -> bool:
    """Whether a name may be that of a person: it names no body, no desk and no channel."""
    return not is_body(name, sites=sites) and not _is_role(name) and not _is_channel(name)


def _is_channel(name: str) -> bool:
    """Whether a name is a sign as stations and agencies have: capitals only, or with a number."""
    first, *rest = name.split()
    return (not rest and first.isupper() and 2 <= len(first) <= 6 and first.isascii()) or (
        bool(rest) and any(part.isdecimal() for part in rest)
    )


def is_body(name: str, *, sites: frozenset[str] = frozenset()) -> bool:
    """Whether a name is that of a newspaper, an agency, an office rather than of a person."""
    folded = fold(name).casefold()
    if compact(name) in sites or re.search(r"\.[a-z]{2,6}$", folded):
        return True
    tokens = re.findall(r"[^\W\d_]+", folded)
    return any(token in _BODIES for token in tokens)


def looks_like_name(text: str) -> bool:
    """Whether a text is written as names are: few words, with capitals where there are any."""
    parts = text.split()
    if not 1 <= len(parts) <= _MAX_NAME_WORDS or _NO_NAME.search(text) or re.search(r"\d", text):
        return False
    return all(
        not part[0].islower() or part.casefold().split("-")[0].split("'")[0] in _SMALL
        for part in parts
    )


def compact(text: str) -> str:
    """Return the letters and digits of a name, for comparing."""
    return re.sub(r"[\W_]+", "", fold(text).casefold())


def _behind_date(line: str) -> re.Match[str] | None:
    """Return the word for "by" that stands behind a date."""
    found = _BEHIND.search(line)
    return found if found and parse_date(line[: found.start()]) is not None else None


def _own_hand(text: str) -> str:
    """Return a by-line up to where translators, photographers and editors are named."""
    other = _OTHER_HANDS.search(text)
    return text[: other.start()].rstrip(" ,;(") if other else text


def _until_date(text: str) -> str:
    text = _LABELLED.sub("", text)
    found = _NUMERIC_DATE.search(text)
    if found is None and parse_date(text) is not None:
        found = _WEEKDAY.search(text) or _DATE_START.search(text)
    if found and found.start():
        text = text[: found.start()]
        return _TAIL_NOISE.sub("", " " + text.rstrip(" ,")).strip()
    return "" if parse_date(text) is not None else text


def _clean(part: str) -> str:
    """Return one name without what is stuck to it, or nothing if it is none."""
    name = part.strip(_AROUND)
    if not _INITIAL.search(name):
        name = name.strip(" .")
    words = name.split()
    if not words or len(words) > _MAX_NAME_WORDS + 1:
        return ""
    bare = _without_role(words)
    name = _without_place(" ".join(bare))
    key = compact(name)
    if not key or key in _NOBODY or key.isdecimal() or len(name) > _MAX_NAME:
        return ""
    buttons = any(fold(word).casefold() in _BUTTONS for word in bare)
    return "" if buttons or _NO_NAME.search(name) else name


def _without_role(words: list[str]) -> list[str]:
    """Return a name without the role behind it; a role or a body alone stays as it is."""
    kept = list(words)
    while len(kept) > 1 and fold(kept[-1]).casefold() in _ROLES:
        kept.pop()
    if any(fold(word).casefold() in _BODIES for word in kept):
        return words
    whole = len(kept) >= 2 or not kept[0].isascii()
    return kept if whole and not _is_role(" ".join(kept)) else words


def _is_role(name: str) -> bool:
    tokens = re.findall(r"[^\W\d_]+", fold(name).casefold())
    return any(token in _ROLES for token in tokens)


def _short(part: str) -> bool:
    return len(part.split()) <= _MAX_NAME_WORDS
