"""What ``holdfast export`` can make, one kind a file, named with hyphens for underscores.

A file holds ``HELP: str``, ``add_arguments(parser)`` and ``run(own, arguments) -> Exported``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came of an export: a sentence for a person, and what had to be left out."""

    told: str
    left_out: tuple[str, ...] = ()
