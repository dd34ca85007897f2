"""Spiders are loaded each for itself, and one that cannot be made is a broken file."""

import pytest

from crawler.fetch.roster import Roster, SpiderFileError, made
from spiders.base import SiteSpider
from storage.model import Site as Watched


class Unmade(SiteSpider):
    """Fail when it is made."""

    name = "unmade"

    def __init__(self, site: Watched) -> None:
        raise KeyError(site.name)


class Scopeless(SiteSpider):
    """Fail when it is asked for its scope."""

    name = "scopeless"

    def whole_site(self) -> Watched:
        """Fail."""
        raise KeyError(self.site.name)


@pytest.mark.parametrize("kind", [Unmade, Scopeless])
def test_a_spider_that_cannot_be_made_is_a_broken_file(kind: type[SiteSpider]) -> None:
    """A constructor or a scope that raises is told like a file that does not import."""
    with pytest.raises(SpiderFileError, match=r"spiders/x\.py .* site paper \(KeyError: 'paper'\)"):
        made(kind, Watched(name="paper", spider="x"))


def test_a_spider_has_another_name_when_its_site_has_other_settings() -> None:
    """What was read with other settings is read again; with the same ones it is not."""
    roster, site = Roster(), Watched(name="paper", start=("https://a.example/",))
    _, name = roster.spider(site)
    assert roster.spider(site)[1] == name == Roster().spider(site)[1]
    _, other = roster.spider(Watched(name="paper", start=site.start, include=("/node/*",)))
    assert other != name
