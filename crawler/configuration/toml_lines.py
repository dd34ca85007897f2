"""Find the line on which each key of a TOML text stands; the standard library's parser drops it."""

import re
import tomllib
from bisect import bisect_right
from collections.abc import Sequence

Place = tuple[str | int, ...]
"""Keys and indexes from the top of the document: ``("site", 0, "start", 1)``."""

_SPACE = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:[^\\]|\\.)*?"{3,5}(?!")', re.DOTALL),
    re.compile(r"'''.*?'{3,5}(?!')", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


class Lines:
    """Know where every key and every element of a list stands in one TOML text.

    The text must be one that ``tomllib`` takes; this reads positions only and checks nothing.
    """

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._starts = [0, *(at + 1 for at, one in enumerate(self._text) if one == "\n")]
        self._places: dict[Place, int] = {}
        self._counts: dict[Place, int] = {}
        self._at = 0
        self._document()

    def of(self, path: Sequence[str | int]) -> int | None:
        """Return the line of a key, or of the nearest thing around it, or None."""
        for length in range(len(path), 0, -1):
            place = self._places.get(tuple(path[:length]))
            if place is not None:
                return bisect_right(self._starts, place)
        return None

    def _document(self) -> None:
        table: Place = ()
        while self._skip_space():
            if self._peek() == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Place:
        start = self._at
        array = self._text.startswith("[[", start)
        self._at += 2 if array else 1
        keys = self._keys()
        self._at += 2 if array else 1
        table: Place = ()
        for place, key in enumerate(keys, start=1):
            table = (*table, key)
            self._places.setdefault(table, start)
            if array and place == len(keys):
                self._counts[table] = self._counts.get(table, 0) + 1
            # In [a.b] or [[a.b]], an `a` that is a list of tables means the last of them.
            if table in self._counts:
                table = (*table, self._counts[table] - 1)
        self._places[table] = start
        return table

    def _pair(self, table: Place) -> None:
        start = self._at
        path = table
        for key in self._keys():
            path = (*path, key)
            self._places.setdefault(path, start)
        self._skip_space()
        self._at += 1  # the equals sign
        self._skip_space()
        self._value(path)

    def _value(self, path: Place) -> None:
        match self._peek():
            case "[":
                self._list(path)
            case "{":
                self._inline_table(path)
            case '"' | "'":
                self._string()
            case _:
                found = _BARE_VALUE.match(self._text, self._at)
                self._at = found.end() if found else len(self._text)

    def _list(self, path: Place) -> None:
        self._at += 1
        index = 0
        while self._skip_space() and self._peek() != "]":
            if self._peek() == ",":
                self._at += 1
                index += 1
                continue
            self._places.setdefault((*path, index), self._at)
            self._value((*path, index))
        self._at += 1

    def _inline_table(self, path: Place) -> None:
        self._at += 1
        while self._skip_space() and self._peek() != "}":
            if self._peek() == ",":
                self._at += 1
                continue
            self._pair(path)
        self._at += 1

    def _keys(self) -> list[str]:
        """Read a dotted key and return its parts."""
        keys = [self._key()]
        while self._skip_space() and self._peek() == ".":
            self._at += 1
            keys.append(self._key())
        return keys

    def _key(self) -> str:
        self._skip_space()
        if self._peek() in "\"'":
            (name,) = tomllib.loads(f"{self._string()} = 0")
            return name
        found = _BARE_KEY.match(self._text, self._at)
        self._at = found.end() if found else len(self._text)
        return found[0] if found else ""

    def _string(self) -> str:
        start = self._at
        ends = (form.match(self._text, start) for form in _STRINGS)
        self._at = next((found.end() for found in ends if found), len(self._text))
        return self._text[start : self._at]

    def _skip_space(self) -> bool:
        """Pass over blanks, line ends and comments; say whether anything is left."""
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at < len(self._text)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]
