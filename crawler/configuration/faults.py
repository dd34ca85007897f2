"""Put what is wrong in a configuration into sentences: where it stands, and what would be right."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from crawler.configuration.sections import SECTIONS, nearest
from crawler.configuration.toml_lines import Lines, Place

_SYNTAX = re.compile(r"(.*?)(?: \(at (?:line (\d+), column (\d+)|end of document)\))?", re.DOTALL)
_MUST_BE = {
    "missing": "it is missing",
    "string_type": "it must be text in quotes",
    "int_type": "it must be a whole number, without quotes",
    "bool_type": "it must be true or false, without quotes",
    "tuple_type": 'it must be a list such as ["a", "b"]',
    "string_too_short": "it must not be empty",
    "too_short": "it must not be empty",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: its place in the document, and a sentence."""

    place: Place
    says: str
    variable: str = ""
    """The environment variable it comes from, where it does not come from the file."""


def syntax_fault(path: Path, error: tomllib.TOMLDecodeError) -> str:
    """Return file, line, column and fault of a text that is not TOML."""
    found = _SYNTAX.fullmatch(str(error))
    fault, line, column = found.groups() if found else (str(error), None, None)
    where = f"{path}:{line}:{column}" if line else f"{path}, at its end"
    return f"{where}: this is not TOML: {fault[:1].lower()}{fault[1:]}"


def encoding_fault(path: Path, error: UnicodeDecodeError) -> str:
    """Return file and line of the first byte that is not UTF-8."""
    line = error.object.count(b"\n", 0, error.start) + 1
    return f"{path}:{line}: this is not text in UTF-8; save the file in that encoding"


def problems_of(error: ValidationError) -> Iterator[Problem]:
    """Yield what a validation found, in our words; values are told only by their own checks."""
    for details in error.errors(include_url=False, include_input=False):
        yield Problem(place=details["loc"], says=_sentence(details))


def tell(
    problems: Iterable[Problem], *, path: Path, raw: Mapping[str, object], lines: Lines
) -> list[str]:
    """Return a line for each problem in the order of the file, those of the environment first."""
    told: dict[str, int] = {}
    for problem in problems:
        label = _label(problem.place, raw)
        says = f"{label}: {problem.says}" if label else problem.says
        line = 0 if problem.variable else lines.of(problem.place) or 0
        where = f"{path}:{line}" if line else str(path)
        if problem.variable:
            where = f"{problem.variable} in the environment"
        told.setdefault(f"{where}: {says}", line)
    return sorted(told, key=told.__getitem__)


def _sentence(details: ErrorDetails) -> str:
    kind, place = details["type"], details["loc"]
    context = details.get("ctx", {})
    match kind:
        case "value_error":
            return str(context["error"])
        case "extra_forbidden":
            return _unknown_key(place)
        case "tuple_type" if len(place) == 1:
            return f"write [[{place[0]}]] with two brackets, once for each"
        case "model_type":
            return f"it must be a table: write {_heading(str(place[0]), many=len(place) > 1)}"
        case "greater_than_equal":
            return f"it must be {context['ge']} or more"
        case _:
            return _MUST_BE.get(kind, details["msg"])


def _unknown_key(place: Place) -> str:
    known = SECTIONS if len(place) == 1 else SECTIONS[str(place[0])].model_fields
    if len(place) == 1:
        return f'there is nothing called "{place[0]}" here; {nearest(str(place[0]), known)}'
    return f"there is no such key; {nearest(str(place[-1]), known)}"


def _label(place: Place, raw: Mapping[str, object]) -> str:
    """Return the place as a person names it: ``[[site]] al-akhbar-english, delay``."""
    match place:
        case (str(section), int(index), *rest):
            name = _name(raw, section, index) or f"number {index + 1}"
            parts = [f"{_heading(section, many=True)} {name}", *map(str, rest[:1])]
        case (str(section), str(key), *_):
            parts = [_heading(section, many=False), key]
        case (str(section), *_) if section in SECTIONS:
            parts = [f"[{section}]"]
        case _:
            parts = []
    return ", ".join(parts)


def _heading(section: str, *, many: bool) -> str:
    return f"[[{section}]]" if many else f"[{section}]"


def _name(raw: Mapping[str, object], section: str, index: int) -> str:
    tables = raw.get(section)
    table = tables[index] if isinstance(tables, list) else None
    name = table.get("name") if isinstance(table, dict) else None
    return name if isinstance(name, str) else ""
