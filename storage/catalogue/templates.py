"""Keep what the pages of each site have taught the reader of their articles."""

from sqlalchemy import Connection, select

from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.tables import templates
from storage.model import Template


def of_site(db: Connection, site: str) -> Template:
    """Return the template of a site; an empty one when nothing was learnt of it yet."""
    statement = select(templates.c.template).where(templates.c.site == site)
    return db.execute(statement).scalar() or Template()


def put(db: Connection, site: str, template: Template) -> None:
    """Keep the newest template of a site."""
    db.execute(insert_or_replace(db, templates), {"site": site, "template": template})
