"""Say where the pages of a site keep the fields of an article, for templates that hide them."""

from dataclasses import dataclass, fields

from cssselect import GenericTranslator, SelectorError
from lxml import etree


def xpath(selector: str) -> str:
    """Return a selector as XPath, an empty one as it is; raise SelectorError for bad CSS."""
    selector = selector.strip()
    if not selector or selector.startswith(("/", "./", "(")):
        return selector
    return str(GenericTranslator().css_to_xpath(selector))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Selectors for the fields of an article; an empty one leaves its field to the general reader.

    Each is CSS (``h1.title``) or XPath, which begins with ``/``, ``.`` + ``/`` or ``(``; an XPath
    may end in an attribute (``//time/@datetime``). The first place that says anything counts, for
    ``byline`` every place. Raise ValueError for one that is neither.
    """

    title: str = ""
    byline: str = ""
    published: str = ""
    modified: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            try:
                etree.XPath(xpath(getattr(self, field.name)) or ".")
            except (SelectorError, etree.XPathError) as fault:
                raise ValueError(
                    f"the rule for {field.name} is neither CSS nor XPath: {fault}"
                ) from fault


NO_RULES = Rules()
"""What holds for a site whose file says nothing: nothing is hidden."""
