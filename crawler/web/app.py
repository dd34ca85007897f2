"""Build the web application: pages, API, health and metrics, behind the guards."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles

from crawler.health import Health
from crawler.web import api, feeds, pages, probes, show
from crawler.web.desk import Desk
from crawler.web.guard import SAFE_HEADERS, HostCheck, SafeHeaders, own_names
from storage.archive import Archive
from storage.catalogue.engine import Catalogue
from storage.errors import StorageError

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"


def make_app(
    *,
    catalogue: Catalogue,
    archive: Archive,
    health: Callable[[], Health],
    allowed_hosts: Sequence[str],
    now: Callable[[], datetime],
    started_at: datetime,
) -> FastAPI:
    """Return the application over one archive; it only reads, and answers only GET and HEAD.

    ``allowed_hosts`` are the names people call it by, beside those of the loopback.
    """
    desk = Desk(
        catalogue=catalogue,
        archive=archive,
        health=health,
        now=now,
        started_at=started_at,
        templates=show.templates(),
    )
    app = FastAPI(
        title="Holdfast",
        openapi_url=None,
        # Nothing about an archive leaves it, whatever the environment says of telemetry.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=[
            Middleware(SafeHeaders),
            Middleware(HostCheck, names=own_names(allowed_hosts)),
        ],
    )
    app.include_router(feeds.router(desk))
    app.include_router(pages.router(desk))
    app.include_router(probes.router(desk))
    app.include_router(api.router(desk), prefix="/api/v1")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    _answer_faults(app, desk)
    return app


def _answer_faults(app: FastAPI, desk: Desk) -> None:
    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        return _fault(request, desk, status=error.status_code, message=str(error.detail))

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return _fault(request, desk, status=400, message=f"The address is not right: {wrong}.")

    @app.exception_handler(StorageError)
    def unreadable(request: Request, error: StorageError) -> Response:
        # Loud where a person stands, and in the log; the archive's own files are not touched by us.
        logger.error("page not made", extra={"path": request.url.path, "reason": str(error)})
        return _fault(request, desk, status=503, message=f"The archive could not be read: {error}.")

    @app.exception_handler(Exception)
    def failed(_request: Request, _error: Exception) -> Response:
        # Answered outside the middleware, so it brings its own headers; the server logs the error.
        message = (
            "The page could not be made. The archive is not harmed; the reason is in the log.\n"
        )
        return PlainTextResponse(message, 500, headers=SAFE_HEADERS | {"Cache-Control": "no-store"})


def _fault(request: Request, desk: Desk, *, status: int, message: str) -> Response:
    if request.url.path.startswith("/api/"):
        return JSONResponse({"error": message}, status_code=status)
    return desk.page("fault.html", status=status, code=status, message=message)
