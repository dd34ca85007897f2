"""Decide which requisites of a page are fetched now, and when those that are missing are tried."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from spiders.scope import why_no_requisite
from storage.model import Capture, Missing, Requisite, RequisiteKind, Site, Target

MOST_REQUISITES = 500
"""Requisites fetched at one visit of a page; those beyond wait for the next one."""
FRAME_DEPTH = 3
"""Frames inside frames that are followed."""
STYLE_DEPTH = 6
"""Style sheets that import each other, or lie in frames, that are followed: five imports."""
LEAD_ON = frozenset(
    {RequisiteKind.STYLE, RequisiteKind.FRAME, RequisiteKind.DATA, RequisiteKind.OTHER}
)
"""Requisites that may have requisites of their own."""
TRIED_AGAIN_AFTER = (
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
)
"""How long a requisite that could not be had rests after each try; the last holds from then on."""
REFUSED_AGAIN_AFTER = timedelta(days=1)
"""When one that is not to be asked for is looked at again: the site's options may differ then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a page, or a sheet or frame it needs, names as its requisites."""

    target: Target
    site: Site
    via: str
    """Address of the document that names them."""
    needs: tuple[Missing, ...]
    again: bool
    """Whether what stands on the target's list already is taken up as well."""
    room: int
    """How many more may be fetched at this visit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the catalogue knows of the requisites that a page names."""

    own: Mapping[str, Missing]
    """What is missing of this page, by address."""
    tried: Mapping[str, Missing]
    """The last failed try of the site at each address, be it for this page or another."""
    held: frozenset[str]
    """Addresses the site has, and not too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """What is to be done about the requisites that a page names."""

    fetch: tuple[Missing, ...] = ()
    listed: tuple[Missing, ...] = ()
    """Rows that the page's list of missing ones lacks, or has otherwise."""
    had: tuple[str, ...] = ()
    """Listed as missing for the page, though the site has them."""
    forgotten: tuple[str, ...] = ()
    """Listed as missing for the page, which no longer names them."""


def sort_out(named: Named, known: Known, *, now: datetime) -> Sorted:
    """Say what to fetch now: what is not had, is in scope, rests no longer, and has room.

    What was missing before may be tried again without being named anew: a page that was not read
    this time names nothing. A style sheet that is held and still listed was kept by a visit that
    died before it was read: it is fetched again for what it needs.
    """
    again = [one for one in known.own.values() if named.again and one.next_try_at <= now]
    needs = {one.url: _known_since(one, known.own) for one in [*again, *named.needs]}
    fetch: list[Missing] = []
    listed: list[Missing] = []
    for need in needs.values():
        unread = need.kind in LEAD_ON and need.url in known.own
        if need.url in known.held and not unread:
            continue
        last = known.tried.get(need.url)
        if (refusal := refusal_of(need, named.site)) is not None:
            listed.append(_put_off(need, refusal, until=now + REFUSED_AGAIN_AFTER))
        elif last is not None and last.next_try_at > now:
            listed.append(_as_tried(need, last))
        elif len(fetch) >= named.room:
            reason = f"more than {MOST_REQUISITES} requisites at one visit"
            listed.append(_put_off(need, reason, until=now + TRIED_AGAIN_AFTER[0]))
        else:
            fetch.append(_as_tried(need, last) if last is not None else need)
    missing = {one.url for one in (*fetch, *listed)}
    names = {one.url for one in named.needs}
    gone = [one for one in known.own.values() if names and one.via == named.via]
    return Sorted(
        fetch=tuple(fetch),
        listed=tuple(one for one in (*fetch, *listed) if _is_news(one, known.own, now)),
        had=tuple(url for url in needs if url in known.own and url not in missing),
        forgotten=tuple(one.url for one in gone if one.url not in names),
    )


def _known_since(need: Missing, own: Mapping[str, Missing]) -> Missing:
    before = own.get(need.url)
    return need if before is None else replace(need, since_at=before.since_at)


def _is_news(need: Missing, own: Mapping[str, Missing], now: datetime) -> bool:
    """Say whether a row of the list is to be written: it is new, says else, or rests again."""
    before = own.get(need.url)
    if before is None or replace(before, next_try_at=need.next_try_at) != need:
        return True
    return before.next_try_at <= now < need.next_try_at


def _as_tried(need: Missing, last: Missing) -> Missing:
    """Return a need of this page with what came of the site's last try at it."""
    return replace(
        last,
        target_id=need.target_id,
        kind=need.kind,
        via=need.via,
        depth=need.depth,
        encoding=need.encoding,
        since_at=need.since_at,
    )


def _put_off(need: Missing, reason: str, *, until: datetime) -> Missing:
    return replace(need, outcome=None, status=None, reason=reason, next_try_at=until)


def reading_turn(target: Target, site: Site, *, now: datetime) -> int:
    """Return a number that changes when a page is to be read again even if it is as it was.

    Only a page that is read names its requisites, so that old ones are fetched again; that is done
    in every half of ``requisites_every`` since the page was found.
    """
    return (now - target.found_at) // (site.requisites_every / 2) if site.requisites else 0


def refusal_of(need: Missing, site: Site) -> str | None:
    """Return why a requisite is not to be asked for, one sentence, or None if it is."""
    if need.kind is RequisiteKind.MEDIA and not site.requisites_media:
        return "films and sounds are not kept (requisites_media)"
    if need.kind is RequisiteKind.FRAME and need.depth >= FRAME_DEPTH:
        return f"it lies more than {FRAME_DEPTH} frames deep"
    if need.kind is RequisiteKind.STYLE and need.depth >= STYLE_DEPTH:
        return f"it lies more than {STYLE_DEPTH} style sheets and frames deep"
    return why_no_requisite(site, need.url)


def needs_of(
    requisites: Iterable[Requisite], *, target: Target, via: str, depth: int, now: datetime
) -> tuple[Missing, ...]:
    """Return what a document names as needs of its target, each address once."""
    kinds = {kind: kind for kind in RequisiteKind}  # a spider's file may name any
    needs: dict[str, Missing] = {}
    for one in requisites:
        needs.setdefault(
            one.url,
            Missing(
                target_id=target.id,
                site=target.site,
                url=one.url,
                kind=kinds.get(one.kind, RequisiteKind.OTHER),
                via=via,
                encoding=one.encoding,
                depth=depth,
                since_at=now,
                next_try_at=now,
            ),
        )
    return tuple(needs.values())


def after_try(need: Missing, last_hop: Capture, *, now: datetime) -> Missing:
    """Return what is missing after a try that failed, with the time of the next one."""
    rest = TRIED_AGAIN_AFTER[min(need.tries, len(TRIED_AGAIN_AFTER) - 1)]
    return replace(
        need,
        outcome=last_hop.outcome,
        status=last_hop.status,
        reason=last_hop.reason,
        tries=need.tries + 1,
        next_try_at=now + rest,
    )
