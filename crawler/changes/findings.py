"""Ask every rule what it sees."""

from functools import cache
from typing import cast

from crawler import plugins
from crawler.changes import rules as folder
from crawler.changes.case import Case, Rule
from storage.model import Axis, Finding

_AXES = list(Axis)


@cache
def rules() -> tuple[Rule, ...]:
    """Return a rule of every file in the folder, in the order their findings are told."""
    found = [cast("Rule", module.Rule()) for module in plugins.modules(folder).values()]
    return tuple(sorted(found, key=lambda rule: (_AXES.index(rule.axis), rule.rank)))


def find(case: Case) -> tuple[Finding, ...]:
    """Return what the rules find, content first, the most telling finding of an axis first."""
    return tuple(finding for rule in rules() if (finding := rule.find(case)) is not None)
