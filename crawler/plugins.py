"""Find the parts that are one file each: channels, rules, verbs, spiders."""

import pkgutil
from importlib import import_module
from types import ModuleType

import spiders
from spiders.reading.rules import NO_RULES, Rules

NOT_SPIDERS = frozenset({"address", "base", "scope"})
"""Files of ``spiders/`` that are what the spiders stand on."""


def modules(package: ModuleType) -> dict[str, ModuleType]:
    """Import every module of a package and return them by file name.

    Raise ImportError (or whatever the file raises) for a broken file: our own parts must load.
    """
    return {name: import_module(f"{package.__name__}.{name}") for name in names(package)}


def names(package: ModuleType) -> list[str]:
    """Return the names of a package's modules in alphabetical order, without importing them."""
    return sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.ispkg)


def rules_of(spider: str) -> Rules:
    """Return the rules of a spider file, for reading its site's pages; none if it does not load.

    A broken file is loudly refused where its sites are visited; what was captured is read anyway.
    """
    try:
        found = getattr(import_module(f"spiders.{spider}").Spider, "rules", NO_RULES)
    except Exception:  # noqa: BLE001 - a file of somebody else may raise anything
        return NO_RULES
    return found if isinstance(found, Rules) else NO_RULES


def spider_names() -> list[str]:
    """Return the names that ``spider = "…"`` may have, without importing their files."""
    return [name for name in names(spiders) if name not in NOT_SPIDERS]
