"""Hold what every page needs: the catalogue, the archive, the clock, the health, the templates."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment
from starlette.responses import HTMLResponse

from crawler.health import Health
from storage.archive import Archive
from storage.catalogue.engine import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What pages, API and metrics are made from."""

    catalogue: Catalogue
    archive: Archive
    health: Callable[[], Health]
    now: Callable[[], datetime]
    started_at: datetime
    templates: Environment

    def page(self, template: str, *, status: int = 200, **values: object) -> HTMLResponse:
        """Fill a template; ``now`` and the archive's folder are there on every page."""
        common = {"now": self.now(), "archive_name": self.archive.root.name}
        text = self.templates.get_template(template).render(common | values)
        return HTMLResponse(text, status_code=status)
