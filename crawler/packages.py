"""Notice when the packages that run are not the ones that Holdfast installed.

``crawler``, ``spiders`` and ``storage`` are names that other distributions use as well; pip lets
the last one installed overwrite the files of the first, without a word.
"""

import importlib.metadata
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import PathFinder
from importlib.metadata import Distribution, PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

DISTRIBUTION = "holdfast"
OURS = ("crawler", "spiders", "storage")


def release() -> str:
    """Return the version that is installed, or ``0`` when this runs from a bare folder."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


def package_faults(path: Sequence[str] | None = None) -> list[str]:
    """Return a sentence for each of our packages that is not ours, or is claimed by another.

    ``path`` is where to look instead of ``sys.path``.
    """
    found = list(importlib.metadata.distributions(path=list(sys.path if path is None else path)))
    own = next((one for one in found if _name(one) == DISTRIBUTION), None)
    root = _root(own) if own is not None else None
    return [*_foreign_claims(found), *_wrong_places(root, path)]


def _foreign_claims(found: Sequence[Distribution]) -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for distribution in found:
        name = _name(distribution)
        if name == DISTRIBUTION:
            continue
        for package in sorted(_top_level(distribution).intersection(OURS)):
            if (name, package) not in seen:
                seen.add((name, package))
                yield (
                    f"the distribution {name} installs a package called {package} too, which may "
                    f"have overwritten ours: install Holdfast into an environment of its own"
                )


def _wrong_places(root: Path | None, path: Sequence[str] | None) -> Iterator[str]:
    """Yield what is imported from elsewhere than where our distribution put it."""
    for package in OURS:
        spec = find_spec(package) if path is None else PathFinder.find_spec(package, path)
        if spec is None or spec.origin is None:
            yield f"the package {package} is missing or empty: install Holdfast again"
        elif root is not None and not Path(spec.origin).resolve().is_relative_to(root):
            yield (
                f"the package {package} comes from {Path(spec.origin).parent}, but Holdfast is "
                f"installed in {root}: start it without PYTHONPATH and from another folder"
            )


def _root(own: Distribution) -> Path:
    """Return the folder our packages lie in: that of the checkout for an editable install."""
    told = own.read_text("direct_url.json")
    origin = json.loads(told) if told else {}
    if origin.get("dir_info", {}).get("editable"):
        return Path(unquote(urlsplit(origin["url"]).path)).resolve()
    return Path(str(own.locate_file(""))).resolve()


def _name(distribution: Distribution) -> str:
    # A distribution whose metadata is damaged has no name at all.
    name: str | None = distribution.metadata["Name"]
    return (name or "").lower()


def _top_level(distribution: Distribution) -> set[str]:
    told = (distribution.read_text("top_level.txt") or "").split()
    files = (file.parts[0] for file in distribution.files or () if file.parts)
    return {*told, *(name.removesuffix(".py") for name in files)}
