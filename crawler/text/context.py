"""Say what is known when a page is read, beside the page itself."""

from dataclasses import dataclass

from spiders.reading.rules import NO_RULES, Rules
from storage.model import Article, Template

NO_TEMPLATE = Template()

NO_ARTICLE = "no article found: the visible text of the page stands for it"
"""Warning of an Article whose blocks are the text of the whole page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The rules of the site's spider file, what its other pages taught, and the last capture."""

    rules: Rules = NO_RULES
    template: Template = NO_TEMPLATE
    previous: Article | None = None
    """The article of the last good capture at this address."""
    picked: tuple[bool, ...] | None = None
    """What the extractor said of these very bytes, run by run, if it was asked before."""


ALONE = Context()
"""Nothing is known beside the page."""
