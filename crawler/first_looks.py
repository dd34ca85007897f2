"""Read the first looks at many pages, and write down together what they came to.

Such a look brings a text, and the page is to be fetched once more; there is nothing yet to hold it
against. One transaction for each of them would cost as much as some captures.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from crawler import quiet, readings, site_rules
from crawler.changes.case import Case, Reading
from crawler.changes.hearing import Verdict
from crawler.changes.judge import judge
from crawler.chronicle import Chronicle
from crawler.killable import ArticleReader
from crawler.planner import Planner
from crawler.quiet import Plain
from crawler.readings import Scene
from crawler.text.template import learn
from storage.archive import Archive
from storage.catalogue import templates
from storage.catalogue.engine import Catalogue
from storage.host import host_of
from storage.model import Phase, Template, Visit

WRITTEN_AFTER = timedelta(seconds=2)
"""How long what was read waits for others: a crash costs no more than to read it again."""
MOST_WAITING = 4 * 1024 * 1024
"""Letters of texts that wait; those of a hundred ordinary pages."""


@dataclass(slots=True, kw_only=True)
class FirstLooks:
    """First looks that were read, each at another page, and are not yet written."""

    archive: Archive
    catalogue: Catalogue
    articles: ArticleReader
    chronicle: Chronicle
    scenes: Mapping[int, Scene]
    """What is known around those visits that may be first looks, by their ids."""
    _read: list[Plain] = field(default_factory=list)
    _learnt: dict[str, Template] = field(default_factory=dict)
    """By site, what it had learnt at the first of these looks, and learns by them."""
    _taught: set[str] = field(default_factory=set)
    _other: tuple[int, Reading] | None = None
    """Visit and reading of the last one that was no plain first look."""
    _letters: int = 0
    _write_at: float = 0.0

    @property
    def is_full(self) -> bool:
        """Whether what was read should be written now."""
        late = bool(self._read) and time.monotonic() >= self._write_at
        return late or self._letters >= MOST_WAITING

    @property
    def waiting(self) -> list[Visit]:
        """Return the visits that were read and are not written."""
        return [one.visit for one in self._read]

    def bears_on(self, visit: Visit) -> bool:
        """Whether one of the looks is to be written before another visit is compared.

        It taught what the pages of its site show, or says how its host is.
        """
        host = host_of(visit.url)
        return any(
            one.visit.site == visit.site or one.scene.target.host == host for one in self._read
        )

    def take(self, visit: Visit) -> bool:
        """Read a first look; False, and no more is done, where it is none or tells anything."""
        bare = self.scenes.get(visit.id)
        if bare is None:
            return False
        scene = replace(bare, template=self._template(visit.site))
        articles = site_rules.reading_as(scene.site, self.articles)
        after = readings.present(visit, scene, archive=self.archive, articles=articles)
        verdict = judge(
            site_rules.asked(Case(before=None, after=after), scene.site),
            scene.standing,
            site=scene.site,
            target=scene.target,
            visit_id=visit.id,
            control=scene.control,
        )
        if not _is_plain(verdict, after=after):
            self._other = visit.id, after
            return False
        if not self._read:
            self._write_at = time.monotonic() + WRITTEN_AFTER.total_seconds()
        self._keep(Plain(visit=visit, scene=scene, after=after, verdict=verdict))
        return True

    def other(self, visit: Visit) -> Reading | None:
        """Return what was read of a visit that was not taken."""
        return self._other[1] if self._other is not None and self._other[0] == visit.id else None

    def write(self, planner: Planner) -> frozenset[int]:
        """Write what was read, and return the ids of its visits."""
        read, taught = self._read, {name: self._learnt[name] for name in self._taught}
        self._read, self._letters = [], 0
        self._learnt, self._taught = {}, set()
        quiet.keep(self.catalogue, read, chronicle=self.chronicle, planner=planner, taught=taught)
        return frozenset(one.visit.id for one in read)

    def _template(self, site: str) -> Template:
        if site not in self._learnt:
            with self.catalogue.read() as db:
                self._learnt[site] = templates.of_site(db, site)
        return self._learnt[site]

    def _keep(self, one: Plain) -> None:
        site, article, lesson = one.visit.site, one.after.article, one.after.lesson
        self._letters += len(article.text) if article is not None else 0
        # The surface is large, and only the verdict asked for it.
        self._read.append(replace(one, after=replace(one.after, surface=None, lesson=None)))
        if (
            lesson is not None
            and (now := learn(self._learnt[site], lesson)) is not self._learnt[site]
        ):
            self._learnt[site] = now
            self._taught.add(site)


def _is_plain(verdict: Verdict, *, after: Reading) -> bool:
    """Say whether a look brought a first good text and nothing else is to be done for it."""
    wants = verdict.events or verdict.needs_control or verdict.needs_probe
    standing = verdict.standing
    is_good = after.article is not None and standing.good_capture_id == after.capture_id
    return is_good and not wants and standing.phase is Phase.OK and after.wait_asked is None
