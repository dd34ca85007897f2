"""Apply what a site's user has asked for, and tell when it fits the pages no more.

None of it is needed. Selectors cut the page before it is read, slots are added to its noise,
phrases are looked for; everything else is as without them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from crawler.changes.case import Case, Reading
from crawler.changes.hearing import Verdict
from crawler.changes.slots import slot_noise
from crawler.changes.surface import Surface
from crawler.changes.telling import event_id
from crawler.killable import ArticleReader, RecentSurfaces, T
from crawler.readings import LARGEST_PAGE_BYTES, Scene
from crawler.text.trim import TYPE, Trimmed, trimmed
from storage.archive import Archive
from storage.catalogue import events
from storage.catalogue.engine import Catalogue
from storage.errors import RecordError
from storage.model import Alert, Axis, Capture, Event, Severity, Site
from storage.warc import reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The selectors of a site."""

    keep: tuple[str, ...]
    drop: tuple[str, ...]


class RuledReader(ArticleReader):
    """Reads only what the selectors of a site leave of a page, in the killable child of another."""

    def __init__(self, inner: ArticleReader, selection: Selection) -> None:
        self._inner = inner
        self._selection = selection
        self._seen = RecentSurfaces()

    def cut(self, body: bytes, url: str, headers: Sequence[tuple[str, str]]) -> Trimmed | None:
        """Return what is left of a page, or None where it cannot be cut."""
        task = partial(_cut, keep=self._selection.keep, drop=self._selection.drop)
        found, _ = self._inner.run(task, body, url, headers)
        return found

    def run(
        self,
        task: Callable[..., T],
        body: bytes,
        url: str,
        headers: Sequence[tuple[str, str]],
    ) -> tuple[T | None, str]:
        """Do a task over what is left of a page; a page that cannot be cut is read whole."""
        found = self.cut(body, url, headers)
        if found is None:
            return self._inner.run(task, body, url, headers)
        return self._inner.run(task, found.body, url, TYPE)

    def close(self) -> None:
        """Leave the child to whom it belongs."""


def _cut(
    body: bytes,
    *,
    url: str,
    headers: tuple[tuple[str, str], ...],
    keep: tuple[str, ...],
    drop: tuple[str, ...],
) -> Trimmed | None:
    del url
    return trimmed(body, headers=headers, keep=keep, drop=drop)


def reading_as(site: Site, articles: ArticleReader) -> ArticleReader:
    """Return the reader for the pages of a site: the same, if it has no selectors."""
    if not site.only_css and not site.without_css:
        return articles
    return RuledReader(articles, Selection(keep=site.only_css, drop=site.without_css))


def asked(case: Case, site: Site) -> Case:
    """Return the case with the phrases and slots its site asks about."""
    slots = {slot for slot in _slots(case) if _ends(slot, site.ignore_slots)}
    if not site.phrases and not slots:
        return case
    noise = case.noise | {slot_noise(slot) for slot in slots}
    return replace(case, phrases=site.phrases, noise=noise)


def with_losses(
    verdict: Verdict,
    case: Case,
    *,
    scene: Scene,
    archive: Archive,
    catalogue: Catalogue,
    articles: ArticleReader,
) -> Verdict:
    """Return the verdict with what is to be told of rules that fitted this page and fit no more.

    Once a day for each rule of a site: a new template concerns all its pages.
    """
    site, after = scene.site, case.after
    has_rules = site.only_css or site.without_css or site.ignore_slots
    if not has_rules or not after.answered_well or after.surface is None or case.before is None:
        return verdict
    lost = [*_lost_slots(case, site)]
    if isinstance(articles, RuledReader):
        now = _unmatched(after, archive=archive, articles=articles)
        if now:
            before = _unmatched(case.before, archive=archive, articles=articles)
            lost += [one for one in now if one not in before]
    told = [_event(scene, after, one) for one in lost]
    with catalogue.read() as db:
        new = [one for one in told if events.one(db, one.id) is None]
    return replace(verdict, events=(*verdict.events, *new)) if new else verdict


def _unmatched(reading: Reading, *, archive: Archive, articles: RuledReader) -> tuple[str, ...]:
    """Return the selectors that find nothing on a page; none where it cannot be read."""
    last: Capture | None = reading.hops[-1] if reading.hops else None
    if last is None or last.record is None:
        return ()
    try:
        page = reader.page(archive, last.record, limit_bytes=LARGEST_PAGE_BYTES)
    except RecordError:
        return ()  # said already, where the page was read
    found = articles.cut(page.body, last.url, page.headers)
    return found.unmatched if found is not None else ()


def _lost_slots(case: Case, site: Site) -> Iterator[str]:
    before = case.before.surface if case.before is not None else None
    for one in site.ignore_slots:
        if _has(before, one) and not _has(case.after.surface, one):
            yield one


def _slots(case: Case) -> Iterator[str]:
    for one in (case.before, case.after):
        if one is not None and one.surface is not None:
            yield from one.surface.slots


def _has(page: Surface | None, wanted: str) -> bool:
    return page is not None and any(_ends(slot, (wanted,)) for slot in page.slots)


def _ends(slot: str, wanted: tuple[str, ...]) -> bool:
    return any(slot == one or slot.endswith(f"/{one}") for one in wanted)


def _event(scene: Scene, after: Reading, rule: str) -> Event:
    site = scene.site
    return Event(
        id=event_id(site.name, "site_rule_lost", f"{rule} {after.at:%Y-%m-%d}"),
        url=after.url,
        target_id=0,
        site=site.name,
        kind="site_rule_lost",
        axis=Axis.OPERATIONS,
        alert=Alert.DIGEST,
        severity=Severity.NOTICE,
        summary=(
            f"The rule {rule} of the site {site.name} fitted this page and fits it no more; the "
            "page is read without it. Look at the page, then mend holdfast.toml or take it out."
        ),
        captured_at=after.at,
        capture_id=after.capture_id,
    )
