"""Serve Atom feeds of what was told: of the whole archive, and of each site."""

from dataclasses import replace
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from crawler.feed import CONTENT_TYPE, About, atom, entry_of, named_id
from crawler.web.desk import Desk
from storage.catalogue import captures, events, sites
from storage.model import Delivery, DeliveryState, Event

SHOWN_ENTRIES = 100
MOST_ENTRIES = 2000

Limit = Annotated[int, Query(ge=1, le=MOST_ENTRIES)]


def router(desk: Desk) -> APIRouter:
    """Return the feeds over a desk."""
    feeds = APIRouter(include_in_schema=False)

    @feeds.api_route("/feed.atom", methods=["GET", "HEAD"])
    def whole(request: Request, limit: Limit = SHOWN_ENTRIES) -> Response:
        return _feed(desk, request, title="Holdfast: all sites", site=None, limit=limit)

    @feeds.api_route("/sites/{name}/feed.atom", methods=["GET", "HEAD"])
    def of_site(request: Request, name: str, limit: Limit = SHOWN_ENTRIES) -> Response:
        with desk.catalogue.read() as db:
            if sites.one(db, name) is None:
                raise HTTPException(404, f"There is no site named {name}.")
        return _feed(desk, request, title=f"Holdfast: {name}", site=name, limit=limit)

    return feeds


def _feed(desk: Desk, request: Request, *, title: str, site: str | None, limit: int) -> Response:
    with desk.catalogue.read() as db:
        found = events.newest_told(db, site=site, limit=limit)
        proofs = captures.by_ids(db, [one.capture_id for one in found if one.capture_id])
    base = str(request.base_url)
    shown = Delivery(
        id="",
        alert="",
        state=DeliveryState.SENT,
        events=tuple(found),
        attempts=0,
        next_try_at=desk.now(),
        captures=proofs,
    )
    entries = [replace(entry_of(one, shown), link=_page(base, one)) for one in found]
    # The archive has one feed of a name, by whatever address it is asked for.
    about = About(
        title=title,
        id=named_id(f"archive {desk.archive.root.name} {site or ''}"),
        link=str(request.url),
    )
    return Response(atom(about, entries), media_type=CONTENT_TYPE)


def _page(base: str, event: Event) -> str:
    return f"{base}events/{quote(event.id, safe='')}"
