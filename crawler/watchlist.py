"""Add, pause, mute, acknowledge: the one road on which commands and pages change the watch list.

Each function is one change: looked up, written to the journal and made true in the catalogue
together (``storage/watchlist.py``), or refused with a CrawlerError and nothing changed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from crawler import opening
from crawler.asked import refused, require_site
from crawler.errors import CrawlerError
from crawler.fetch.guard import without_password
from crawler.opening import Parts
from storage.catalogue import events, sites, targets
from storage.catalogue.engine import Connection
from storage.journal import By, SeenEvent, Verb, WatchedTarget
from storage.model import Event, FoundBy, Site, Target, TargetState
from storage.watchlist import UNWATCHED, Change, watched_target

_NEXT: Mapping[Verb, tuple[frozenset[TargetState], TargetState]] = {
    Verb.REMOVE: (frozenset({TargetState.ACTIVE, TargetState.PAUSED}), TargetState.REMOVED),
    Verb.PAUSE: (frozenset({TargetState.ACTIVE}), TargetState.PAUSED),
    Verb.RESUME: (frozenset({TargetState.PAUSED}), TargetState.ACTIVE),
}
"""Of which states a verb takes pages, and to which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What came of adding pages: how many are new, and how many were watched already."""

    new: int
    known: int


def add(own: Parts, urls: Sequence[str], *, site: str | None, every: str | None, by: By) -> Added:
    """Watch these pages, in the site of their host, or as start pages of the site that is named.

    What was removed or captured once is watched again; a page watched in another site stays there.
    With ``every`` they have a schedule of their own from now on. CrawlerError when one of them
    cannot be the address of a page.
    """
    new: list[WatchedTarget] = []
    changed: list[WatchedTarget] = []
    wanted = list(dict.fromkeys(urls))
    for url in wanted:
        if (reason := refused(url)) is not None:
            shown = without_password(url)
            raise CrawlerError(f"{shown} cannot be watched: {reason}; nothing was added")
    with opening.changing(own, by=by) as change:
        known = targets.by_urls(change.db, wanted)
        for name, group in _by_site(wanted, site).items():
            starts = [url for url in group if not _stays(known.get(url), name)]
            if starts:
                fresh = _site(own, name, starts, every=every, discover=site is not None)
                _enter(change, fresh)
            for url in group:
                there = known.get(url)
                if there is None or there.state in UNWATCHED:
                    new.append(
                        WatchedTarget(
                            url=url,
                            site=name,
                            state=TargetState.ACTIVE,
                            found_by=FoundBy.START if site else FoundBy.USER,
                            found_at=change.at,
                            every=every,
                            muted=there is not None and there.muted,
                        )
                    )
                elif every not in (None, there.every):
                    changed.append(replace(watched_target(there), every=every))
        change.targets(Verb.WATCH, new)
        change.targets(Verb.EVERY, changed)
    return Added(new=len(new), known=len(wanted) - len(new))


def move(own: Parts, verb: Verb, urls: Sequence[str], *, site: str | None, by: By) -> int:
    """Remove, pause or resume these pages, or all of a site; return how many changed."""
    taken, to = _NEXT[verb]
    with opening.changing(own, by=by) as change:
        require_site(change.db, site)
        chosen = {url: _on_the_list(change.db, url) for url in urls}
        if site is not None:
            chosen |= {one.url: one for one in targets.listing(change.db, site=site)}
        moved = [one for one in chosen.values() if one.state in taken]
        change.targets(verb, [replace(watched_target(one), state=to) for one in moved])
    return len(moved)


def mute(own: Parts, what: Sequence[str], *, off: bool, by: By) -> int:
    """Tell nobody of these pages, or with ``off`` tell again; each is an address or an event."""
    with opening.changing(own, by=by) as change:
        chosen = {one.url: one for one in (_page(change.db, name) for name in what)}
        moved = [one for one in chosen.values() if one.muted is off]
        named = [replace(watched_target(one), muted=not off) for one in moved]
        change.targets(Verb.UNMUTE if off else Verb.MUTE, named)
    return len(chosen)


def acknowledge(own: Parts, what: Sequence[str], *, by: By) -> int:
    """Say that a person has seen these events, or with an address every event of that page."""
    with opening.changing(own, by=by) as change:
        chosen = {one.id: one for name in what for one in _events(change.db, name)}
        unseen = [one for one in chosen.values() if one.acknowledged_at is None]
        change.seen([SeenEvent(id=one.id, at=change.at) for one in unseen])
    return len(chosen)


def require(own: Parts, site: Site, *, by: By) -> None:
    """Make a site that needs no ``holdfast.toml``, unless there is one of its name."""
    with own.catalogue.read() as db:
        if sites.one(db, site.name) is not None:
            return
    with opening.changing(own, by=by) as change:
        if sites.one(change.db, site.name) is None:
            change.site(site)


def host_site(url: str) -> str:
    """Return the name of the site that single pages of a host belong to."""
    parts = urlsplit(url)
    port = f"-{parts.port}" if parts.port else ""
    plain = re.sub(r"[^a-z0-9.-]+", "-", f"{parts.hostname or ''}{port}".lower()).strip(".-")
    return plain[:80].rstrip(".-") or "pages"


def _by_site(urls: Sequence[str], site: str | None) -> dict[str, list[str]]:
    """Return the URLs by the site they are to belong to: the one named, else that of their host."""
    grouped: dict[str, list[str]] = {}
    for url in urls:
        grouped.setdefault(site or host_site(url), []).append(url)
    return grouped


def _stays(known: Target | None, name: str) -> bool:
    """Tell whether a page is watched in another site, where it stays."""
    return known is not None and known.state not in UNWATCHED and known.site != name


def _site(own: Parts, name: str, urls: Sequence[str], *, every: str | None, discover: bool) -> Site:
    """Return the site that pages added by command belong to, where there is none of its name."""
    return Site(
        name=name,
        start=tuple(urls) if discover else (),
        spider="site" if discover else "page",
        every=every or own.config.defaults.every,
    )


def _enter(change: Change, fresh: Site) -> None:
    """Say that a site is, if there is none; one added by command learns its new start pages.

    A site that ``holdfast.toml`` once named and names no longer counts as none.
    """
    there = {one.name: one for one in sites.listing(change.db)}
    known = there.get(fresh.name)
    if known is None:
        change.site(fresh)
    elif fresh.start and not known.from_file:
        start = tuple(dict.fromkeys([*known.start, *fresh.start]))
        spider = "site" if known.spider == "page" else known.spider
        if (start, spider) != (known.start, known.spider):
            change.site(replace(known, start=start, spider=spider))


def _on_the_list(db: Connection, url: str) -> Target:
    target = targets.by_url(db, url)
    if target is None:
        raise CrawlerError(f"{url} is not on the watch list; nothing was changed")
    return target


def _page(db: Connection, name: str) -> Target:
    event = events.one(db, name)
    target = targets.by_url(db, event.url if event is not None else name)
    if target is None:
        raise CrawlerError(f"{name} is neither a watched page nor an event; nothing changed")
    return target


def _events(db: Connection, name: str) -> Iterator[Event]:
    known = events.one(db, name)
    found = [known] if known is not None else events.listing(db, url=name)
    if not found:
        raise CrawlerError(f"{name} is no event and has none; nothing was acknowledged")
    yield from found
