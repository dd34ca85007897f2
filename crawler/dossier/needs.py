"""Find in the archive what a captured page needs to be shown: as it was nearest to that time."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from crawler.fetch.needs import LEAD_ON
from spiders.reading.manifests import manifest_requisites
from spiders.reading.requisites import frame_requisites, sheet_requisites
from storage.archive import Archive
from storage.catalogue import captures
from storage.catalogue.engine import Connection
from storage.errors import RecordError
from storage.message import first_of
from storage.model import Capture, Outcome, Requisite, RequisiteKind
from storage.warc import reader
from storage.warc.reader import StoredPage

MOST_NEEDED = 2000
"""Things one page needs, those of its style sheets and frames included."""
MOST_REDIRECTS = 5
LARGEST_READ_BYTES = 4 << 20
_DOCUMENTS = ("html", "svg")


@dataclass(slots=True)
class Needed:
    """What a page needs: captures of it, redirects included, and what there is no capture of."""

    captures: list[Capture] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def needed(db: Connection, archive: Archive, page: Capture, *, site: str) -> Needed:
    """Return what a captured page needs to be shown, and what its sheets and frames need."""
    found = Needed()
    seen = {page.url}
    queue = deque(_inner(archive, page, RequisiteKind.FRAME, encoding=""))
    while queue and len(seen) < MOST_NEEDED:
        one = queue.popleft()
        if one.url in seen:
            continue
        seen.add(one.url)
        held = _held(db, one.url, page, site=site)
        found.captures += held
        if not held or held[-1].outcome is Outcome.REDIRECT:
            found.missing.append(one.url)
        elif one.kind in LEAD_ON:
            queue.extend(_inner(archive, held[-1], one.kind, encoding=one.encoding))
    return found


def _held(db: Connection, url: str, page: Capture, *, site: str) -> list[Capture]:
    """Return the capture of an address nearest to that of the page, and where it leads."""
    held: list[Capture] = []
    for _ in range(MOST_REDIRECTS + 1):
        one = captures.nearest(db, site, url, at=page.captured_at)
        if one is None:
            break
        held.append(one)
        if one.outcome is not Outcome.REDIRECT or one.location is None:
            break
        url = one.location
    return held


def _inner(
    archive: Archive, capture: Capture, kind: RequisiteKind, *, encoding: str
) -> Iterator[Requisite]:
    """Yield what a page, a style sheet or a manifest names; what cannot be read names nothing."""
    if capture.record is None:
        return
    try:
        page = reader.page(archive, capture.record, limit_bytes=LARGEST_READ_BYTES)
    except RecordError:
        return  # its own record is missed where it is copied
    yield from _named(page, capture.url, kind, encoding=encoding)


def _named(
    page: StoredPage, url: str, kind: RequisiteKind, *, encoding: str
) -> Iterator[Requisite]:
    content_type = first_of(page.headers, "content-type") or ""
    told = content_type.lower()
    if any(one in told for one in _DOCUMENTS) and kind is not RequisiteKind.STYLE:
        yield from frame_requisites(page.body, url=url, content_type=content_type)
    elif kind is RequisiteKind.STYLE or "css" in told:
        yield from sheet_requisites(
            page.body, url=url, content_type=content_type, encoding=encoding
        )
    elif kind is RequisiteKind.DATA and "json" in told:
        yield from manifest_requisites(page.body, url=url)
