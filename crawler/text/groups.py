"""Tell what the runs that stand together on a page come to: of one slot, element or box."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log1p

from crawler.text.blocks import Run

_COUNTED = ("slot", "parent")
"""Groups of which it tells something how many runs they have."""


@dataclass(slots=True)
class _Sum:
    """What the runs of one group come to."""

    words: int = 0
    unlinked: float = 0.0
    picked: int = 0
    runs: int = 0


def shares(
    runs: Sequence[Run], sizes: Sequence[int], picked: Sequence[bool]
) -> Iterator[dict[str, float]]:
    """Yield of each run how much text, how little of it linked, how much picked its groups hold.

    ``sizes`` are the words of the runs.
    """
    parents = [run.element.getparent() for run in runs]
    plain = [size * (1 - run.linked) for size, run in zip(sizes, runs, strict=True)]
    of_page = sum(plain) or 1.0
    members: dict[str, Sequence[Hashable]] = {
        "slot": [run.path for run in runs],
        "element": [run.element for run in runs],
        "parent": parents,
        "outer": [one.getparent() if one is not None else None for one in parents],
    }
    told = {
        name: _told(name, _sums(of, sizes, plain, picked), of_page) for name, of in members.items()
    }
    for number in range(len(runs)):
        own: dict[str, float] = {}
        for name, of in members.items():
            own.update(told[name][of[number]])
        yield own


def _told(
    name: str, sums: Mapping[Hashable, _Sum], of_page: float
) -> Mapping[Hashable, Mapping[str, float]]:
    """Return what is told of every run of each group."""
    told: dict[Hashable, dict[str, float]] = {}
    for group, found in sums.items():
        words = found.words or 1
        told[group] = {
            f"share of page in {name}": found.unlinked / of_page,
            f"unlinked in {name}": found.unlinked / words,
            f"picked in {name}": found.picked / words,
        }
        if name in _COUNTED:
            told[group][f"runs in {name}"] = log1p(found.runs)
    return told


def _sums(
    members: Sequence[Hashable],
    sizes: Sequence[int],
    plain: Sequence[float],
    picked: Sequence[bool],
) -> Mapping[Hashable, _Sum]:
    sums: dict[Hashable, _Sum] = {}
    for number, group in enumerate(members):
        own = sums.setdefault(group, _Sum())
        own.words += sizes[number]
        own.unlinked += plain[number]
        own.picked += sizes[number] * picked[number]
        own.runs += 1
    return sums
