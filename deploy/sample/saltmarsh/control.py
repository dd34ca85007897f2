"""Read what somebody asks who drives the newspaper by hand instead of by its script."""

import json
from dataclasses import dataclass

from saltmarsh.edition import SampleError

WISHES = {"node": int, "replace": list, "to": str, "status": int}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked for; whatever is left out is taken from the script."""

    node: int | None = None
    replacements: tuple[tuple[str, str], ...] | None = None
    to: str | None = None
    status: int | None = None


def read_wish(body: bytes) -> Wish:
    """Return the wish in a form of JSON; an empty body wishes nothing in particular."""
    if not body.strip():
        return Wish()
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise SampleError(f"the body is not JSON: {error}") from error
    if not isinstance(asked, dict):
        raise SampleError("the body must be a JSON object")
    for name, value in asked.items():
        if not isinstance(value, WISHES.get(name, ())):
            raise SampleError(f"{name!r} is not one of {', '.join(WISHES)}, or is of another type")
    return Wish(
        node=asked.get("node"),
        replacements=_pairs(asked["replace"]) if "replace" in asked else None,
        to=asked.get("to"),
        status=asked.get("status"),
    )


def _pairs(asked: list[object]) -> tuple[tuple[str, str], ...]:
    pairs = []
    for pair in asked:
        match pair:
            case [str(old), str(new)]:
                pairs.append((old, new))
            case _:
                raise SampleError('"replace" is a list of pairs [old, new]')
    return tuple(pairs)
