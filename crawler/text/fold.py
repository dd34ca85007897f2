"""Put text into one form for reading, and into a coarser one for comparing."""

import re
import unicodedata
from collections.abc import Mapping

_INVISIBLE = dict.fromkeys(
    [
        *range(0x09),
        *range(0x0E, 0x1C),
        *range(0x7F, 0x85),
        *range(0x86, 0xA0),
        0xAD,
        0x200B,
        0x2060,
        0xFEFF,
    ]
)
"""Control characters, soft hyphens and zero-width spaces: no reader sees them."""

_FORMAT = dict.fromkeys(
    [0x61C, *range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x2061, 0x206A), 0x640]
)
"""Joiners, direction marks, the Arabic stretching stroke: they change the look, not the words."""

_SAME = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u00b4`\u2032"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033"), '"'),
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-"),
}
"""Quotes and dashes that editors, templates and typesetters put in each other's place."""

_TIDIED = dict.fromkeys(map(chr, _INVISIBLE), "")
_FOLDED = {chr(one): new or "" for one, new in {**_INVISIBLE, **_FORMAT, **_SAME}.items()}
_TO_TIDY, _TO_FOLD = (re.compile(f"[{re.escape(''.join(odd))}]") for odd in (_TIDIED, _FOLDED))

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"(?:[{_SPACELESS}]|[^\s{_SPACELESS}]+)\s*")
_UNSPACED = re.compile(f"[{_SPACELESS}]")
_SPACES = re.compile(r"\s+")
_LONG = 100_000
"""Characters from which a text is not taken apart: its words take ten times its size."""


def tidy(text: str) -> str:
    """Return text as one line for reading: NFC, single spaces, nothing invisible."""
    line = _one_line(text)
    if line.isascii() and line.isprintable():
        return line
    tidied = unicodedata.normalize("NFC", _without(line, _TO_TIDY, _TIDIED))
    return line if tidied == line else _one_line(tidied)


def fold(text: str) -> str:
    """Return the form in which texts are the same to a reader: NFKC, plain quotes and dashes."""
    return _one_line(_folded(text))


def squeeze(text: str) -> str:
    """Return folded text without its spaces, for finding text that was set differently."""
    folded = _folded(text)
    return "".join(folded.split()) if len(folded) < _LONG else _SPACES.sub("", folded)


def _folded(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text.replace("`", "'")
    return unicodedata.normalize("NFKC", _without(text, _TO_FOLD, _FOLDED))


def _without(text: str, odd: re.Pattern[str], instead: Mapping[str, str]) -> str:
    """Return text with its odd characters put in their form.

    A text has few of them: to look for each is a tenth of the time of a table for every letter.
    """
    found = odd.search(text)
    while found is not None:
        text = text.replace(found[0], instead[found[0]])
        found = odd.search(text, found.start())
    return text


def words(text: str) -> list[str]:
    """Split text into words that keep the space after them; joined, they are the tidied text.

    Scripts that write no spaces between words are split into their characters.
    """
    return _WORD.findall(_one_line(text))


def count_words(text: str) -> int:
    """Return how many words ``words`` finds, without holding them."""
    if len(text) >= _LONG:
        return sum(1 for _ in _WORD.finditer(_one_line(text)))
    if text.isascii() or _UNSPACED.search(text) is None:
        return len(text.split())
    return len(_WORD.findall(_one_line(text)))


def _one_line(text: str) -> str:
    return " ".join(text.split()) if len(text) < _LONG else _SPACES.sub(" ", text).strip()
