"""Answer machines that ask how the service is: ``/healthz`` and ``/metrics``."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from crawler.health import Health
from crawler.listing import iso
from crawler.owing import ledger
from crawler.web import metrics
from crawler.web.desk import Desk
from storage.catalogue.overview import site_overviews, totals


def router(desk: Desk) -> APIRouter:
    """Return the two probes over a desk."""
    probes = APIRouter()

    @probes.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> JSONResponse:
        health = desk.health()
        return JSONResponse(health_dict(health), status_code=200 if health.ok else 503)

    @probes.api_route("/metrics", methods=["GET", "HEAD"])
    def scrape() -> Response:
        return Response(metrics.exposition(lambda: _reading(desk)), media_type=metrics.CONTENT_TYPE)

    return probes


def health_dict(health: Health) -> dict[str, object]:
    """Return the health as JSON values."""
    return {
        "ok": health.ok,
        "problems": list(health.problems),
        "workers": [
            {"name": one.name, "pid": one.pid, "alive": one.alive, "restarts": one.restarts}
            for one in health.workers
        ],
        "reader_alive": health.reader_alive,
        "scheduler_alive": health.scheduler_alive,
        "last_tick_at": iso(health.last_tick_at) if health.last_tick_at else None,
        "disk_free_bytes": health.disk_free_bytes,
    }


def _reading(desk: Desk) -> metrics.Reading:
    now = desk.now()
    added_up = ledger(desk, now=now)
    with desk.catalogue.read() as db:
        return metrics.Reading(
            totals=totals(db, now=now),
            sites=site_overviews(db, now=now),
            ledger=added_up,
            health=desk.health(),
            started_at=desk.started_at,
            now=now,
        )
