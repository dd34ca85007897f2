"""Keep the sites: those of the configuration and those added by command or web."""

from collections.abc import Sequence

from sqlalchemy import Connection, false, select, true, update

from storage.catalogue import targets
from storage.catalogue.dialects import insert_or_replace
from storage.catalogue.tables import sites
from storage.model import Site


def put(db: Connection, named: Sequence[Site], *, replace_file_sites: bool = False) -> None:
    """Keep these sites, each in place of the one of its name.

    With `replace_file_sites` they are all that the configuration names: sites that came from it
    before are gone, their captures stay, and their targets are not visited until they come back.
    """
    gone = set(db.execute(select(sites.c.name).where(sites.c.gone == true())).scalars())
    rows = [
        {"name": site.name, "options": site, "from_file": site.from_file, "gone": False}
        for site in named
    ]
    if rows:
        db.execute(insert_or_replace(db, sites), rows)
    changed = {site.name for site in named} & gone
    if replace_file_sites:
        changed |= _lose(db, {site.name for site in named})
    for name in sorted(changed):
        targets.requeue_site(db, name)


def listing(db: Connection) -> list[Site]:
    """Return the sites that are watched, by name."""
    statement = select(sites.c.options).where(sites.c.gone == false()).order_by(sites.c.name)
    return list(db.execute(statement).scalars())


def one(db: Connection, name: str) -> Site | None:
    """Return the site of this name, also one that is gone from the configuration."""
    return db.execute(select(sites.c.options).where(sites.c.name == name)).scalar()


def _lose(db: Connection, kept: set[str]) -> set[str]:
    there = select(sites.c.name).where(sites.c.from_file == true(), sites.c.gone == false())
    lost = set(db.execute(there).scalars()) - kept
    for name in sorted(lost):
        db.execute(update(sites).where(sites.c.name == name).values(gone=True))
    return lost
