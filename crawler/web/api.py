"""Answer programs under ``/api/v1/``: the keys are those of the commands' ``--json``."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AfterValidator
from starlette.responses import JSONResponse

from crawler.listing import capture_dict, event_dict, iso
from crawler.web.desk import Desk
from storage.catalogue import captures, events
from storage.catalogue.overview import SiteOverview, site_overviews

DEFAULT = 100
MOST = 1000


def _aware(at: datetime | None) -> datetime | None:
    """Take a time without an offset as UTC: every time of an archive is."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


Limit = Annotated[int, Query(ge=1, le=MOST)]
Name = Annotated[str | None, Query(max_length=200)]
Url = Annotated[str | None, Query(max_length=16_000)]
Since = Annotated[datetime | None, Query(), AfterValidator(_aware)]
After = Annotated[int, Query(ge=0, lt=2**63)]


def router(desk: Desk) -> APIRouter:
    """Return the API over a desk: lists of objects, at most ``limit`` of them."""
    answers = APIRouter()

    @answers.api_route("/events", methods=["GET", "HEAD"])
    def event_list(
        since: Since = None, site: Name = None, url: Url = None, limit: Limit = DEFAULT
    ) -> JSONResponse:
        """List events in the order they were told; go on with ``since`` of the last one."""
        with desk.catalogue.read() as db:
            listed = events.listing(db, since=since, site=site, url=url, limit=limit)
        return JSONResponse([event_dict(one) for one in listed])

    @answers.api_route("/captures", methods=["GET", "HEAD"])
    def capture_list(
        since: Since = None,
        site: Name = None,
        url: Url = None,
        after: After = 0,
        limit: Limit = DEFAULT,
    ) -> JSONResponse:
        """List captures in the order they were kept; go on with ``after`` the last ``id``."""
        with desk.catalogue.read() as db:
            listed = captures.listing(
                db, since=since, site=site, url=url, after_id=after, limit=limit
            )
        return JSONResponse([capture_dict(one) for one in listed])

    @answers.api_route("/sites", methods=["GET", "HEAD"])
    def site_list() -> JSONResponse:
        """List the sites and how each is doing."""
        with desk.catalogue.read() as db:
            listed = site_overviews(db, now=desk.now())
        return JSONResponse([_site_dict(one) for one in listed])

    return answers


def _site_dict(one: SiteOverview) -> dict[str, object]:
    times = {
        "last_visit_at": one.last_visit_at,
        "last_event_at": one.last_event_at,
        "next_due_at": one.next_due_at,
    }
    return {
        "site": one.site,
        "targets": one.targets,
        "paused": one.paused,
        "due_now": one.due_now,
        "suspects": one.suspects,
        "confirmed": one.confirmed,
        "captures": one.captures,
    } | {name: iso(at) if at is not None else None for name, at in times.items()}
