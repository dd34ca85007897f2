"""Fill in what people wrote with names in braces: a fixed set of names, and nothing else.

No format strings and no template language: a name stands for one text, whatever that text says.
"""

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


def check(template: str, names: Iterable[str]) -> None:
    """Refuse a template with a name that is none of these; ValueError says what would be right."""
    known = sorted(names)
    for found in _PART.finditer(template):
        if found[0] in ("{", "}"):
            raise ValueError(
                f"a single {found[0]} stands at place {found.start() + 1}; write "
                f"{found[0]}{found[0]} if you mean the brace itself"
            )
        name = found[1]
        if name is not None and name not in known:
            close = get_close_matches(name, known, n=1)
            meant = f"did you mean {{{close[0]}}}?" if close else f"there are {', '.join(known)}"
            raise ValueError(f"there is no placeholder {{{name}}}; {meant}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with the values in their places; braces in a value are only braces."""
    return _PART.sub(lambda found: _part(found[0], found[1], values), template)


def _part(text: str, name: str | None, values: Mapping[str, str]) -> str:
    if name is not None:
        return values[name]
    return {"{{": "{", "}}": "}"}.get(text, text)
