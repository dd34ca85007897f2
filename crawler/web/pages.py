"""Serve the pages: what a person asks first, and the evidence behind every line of it."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.responses import HTMLResponse

from crawler import owing
from crawler.web import overview
from crawler.web.desk import Desk
from crawler.web.evidence import wire
from crawler.web.suspicion import suspicion
from storage.catalogue import (
    captures,
    deliveries,
    events,
    missing,
    sites,
    standings,
    targets,
    texts,
    visits,
)
from storage.catalogue.overview import site_overviews
from storage.model import Phase

SHOWN_EVENTS = 100
SHOWN_VISITS = 100
SHOWN_TARGETS = 200
SHOWN_DELIVERIES = 200
SHOWN_MISSING = 100
MOST = 2000

Refresh = Annotated[int, Query(ge=0, le=3600)]
Limit = Annotated[int, Query(ge=1, le=MOST)]
Name = Annotated[str | None, Query(max_length=200)]
Url = Annotated[str | None, Query(max_length=16_000)]
After = Annotated[int, Query(ge=0, lt=2**63)]
Id = Annotated[int, Path(ge=0, lt=2**63)]


def router(desk: Desk) -> APIRouter:
    """Return the pages over a desk."""
    pages = APIRouter(default_response_class=HTMLResponse, include_in_schema=False)
    _overview_pages(pages, desk)
    _event_pages(pages, desk)
    _capture_pages(pages, desk)
    return pages


def _overview_pages(pages: APIRouter, desk: Desk) -> None:
    @pages.api_route("/", methods=["GET", "HEAD"])
    def front(refresh: Refresh = 0) -> HTMLResponse:
        now = desk.now()
        with desk.catalogue.read() as db:
            gathered = overview.gather(db, now=now)
        return desk.page(
            "front.html",
            health=desk.health(),
            started_at=desk.started_at,
            refresh=refresh,
            view=gathered,
            ledger=owing.ledger(desk, now=now),
        )

    @pages.api_route("/sites", methods=["GET", "HEAD"])
    def site_list() -> HTMLResponse:
        with desk.catalogue.read() as db:
            listed = site_overviews(db, now=desk.now())
        return desk.page("sites.html", sites=listed)

    @pages.api_route("/sites/{name}", methods=["GET", "HEAD"])
    def site_page(name: str, after: After = 0) -> HTMLResponse:
        with desk.catalogue.read() as db:
            overviews = {one.site: one for one in site_overviews(db, now=desk.now())}
            if name not in overviews:
                raise HTTPException(404, f"There is no site named {name}.")
            site = sites.one(db, name)
            suspected = overview.suspicions(db, most=SHOWN_TARGETS, site=name)
            listed = targets.listing(db, site=name, after_id=after, limit=SHOWN_TARGETS + 1)
            told = events.listing(db, site=name, limit=overview.LAST_EVENTS, newest_first=True)
        return desk.page(
            "site.html",
            one=overviews[name],
            site=site,
            suspicions=suspected,
            targets=listed[:SHOWN_TARGETS],
            first=after == 0,
            next_after=listed[SHOWN_TARGETS - 1].id if len(listed) > SHOWN_TARGETS else None,
            events=told,
        )

    @pages.api_route("/alerts", methods=["GET", "HEAD"])
    def alert_list(limit: Limit = SHOWN_DELIVERIES) -> HTMLResponse:
        with desk.catalogue.read() as db:
            listed = deliveries.listing(db, limit=limit)
        return desk.page("alerts.html", deliveries=listed, limit=limit)


def _event_pages(pages: APIRouter, desk: Desk) -> None:
    @pages.api_route("/events", methods=["GET", "HEAD"])
    def event_list(site: Name = None, limit: Limit = SHOWN_EVENTS) -> HTMLResponse:
        with desk.catalogue.read() as db:
            listed = events.listing(db, site=site, limit=limit + 1, newest_first=True)
            known = sites.listing(db)
        return desk.page(
            "events.html",
            events=listed[:limit],
            more=len(listed) > limit,
            limit=limit,
            most=MOST,
            site=site,
            sites=known,
        )

    @pages.api_route("/events/{event_id}", methods=["GET", "HEAD"])
    def event_page(event_id: str) -> HTMLResponse:
        with desk.catalogue.read() as db:
            event = events.one(db, event_id)
            if event is None:
                raise HTTPException(404, f"There is no event {event_id}.")
            before = captures.one(db, event.before_capture_id) if event.before_capture_id else None
            after = captures.one(db, event.capture_id) if event.capture_id else None
        return desk.page("event.html", event=event, before=before, after=after)


def _capture_pages(pages: APIRouter, desk: Desk) -> None:
    @pages.api_route("/captures/{capture_id}", methods=["GET", "HEAD"])
    def capture_page(capture_id: Id) -> HTMLResponse:
        with desk.catalogue.read() as db:
            capture = captures.one(db, capture_id)
            if capture is None:
                raise HTTPException(404, f"There is no capture {capture_id}.")
            article = texts.of_capture(db, capture_id)
        return desk.page(
            "capture.html",
            capture=capture,
            article=article,
            wire=wire(desk.archive, capture),
        )

    @pages.api_route("/targets", methods=["GET", "HEAD"])
    def target_page(url: Url = None) -> HTMLResponse:
        url = (url or "").strip()
        if not url:
            return desk.page("lookup.html", url="")
        with desk.catalogue.read() as db:
            target = targets.by_url(db, url)
            if target is None:
                return desk.page("lookup.html", status=404, url=url)
            standing = standings.one(db, target.id)
            site = sites.one(db, target.site)
            ledger = visits.listing(db, url=url, limit=SHOWN_VISITS)
            told = events.listing(db, url=url, limit=SHOWN_EVENTS, newest_first=True)
            lacked = missing.of_target(db, target.id)
        is_suspect = standing.phase is Phase.SUSPECT
        return desk.page(
            "target.html",
            target=target,
            standing=standing,
            suspicion=suspicion(target, standing, site) if is_suspect else None,
            visits=overview.visit_rows(ledger),
            ledger=list(owing.sentences(owing.ledger_of(desk, target, now=desk.now()))),
            events=told,
            missing=lacked[:SHOWN_MISSING],
            missing_in_all=len(lacked),
        )
