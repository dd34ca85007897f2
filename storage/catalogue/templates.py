"""Keep what the pages of each site have taught the reader of their articles."""

from functools import lru_cache

from sqlalchemy import Connection, Text, select, type_coerce

from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.tables import TEMPLATE, templates
from storage.model import Template


def of_site(db: Connection, site: str) -> Template:
    """Return the template of a site; an empty one when nothing was learnt of it yet."""
    told = type_coerce(templates.c.template, Text)
    text = db.execute(select(told).where(templates.c.site == site)).scalar()
    return Template() if text is None else _template(text)


@lru_cache(maxsize=8)
def _template(text: str) -> Template:
    """Return the template that a text says: the pages of a site ask for one again and again."""
    return TEMPLATE.value(text)


def put(db: Connection, site: str, template: Template) -> None:
    """Keep the newest template of a site."""
    db.execute(insert_or_replace(db, templates), {"site": site, "template": template})
