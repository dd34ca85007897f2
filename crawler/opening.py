"""Open an archive with its configuration and catalogue: what every verb and process begins with."""

import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from crawler import config
from crawler.config import Config
from crawler.deliver import make_channel
from storage.archive import Archive, open_archive
from storage.catalogue import sites, targets
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import Found, FoundBy, Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What every process on an archive needs."""

    archive: Archive
    config: Config
    catalogue: Catalogue


def parts(root: Path) -> Parts:
    """Open an archive, read its configuration, open its catalogue; raise one clear error."""
    archive = open_archive(root)
    loaded = config.load(archive.config, environ=os.environ, make_channel=make_channel)
    return Parts(archive=archive, config=loaded, catalogue=open_catalogue(archive))


def parts_to_look_at(root: Path) -> Parts:
    """Open an archive for a listing, also while a service holds it.

    Nothing is configured here: what was kept can be looked at whatever holdfast.toml says.
    """
    archive = open_archive(root, read_only=True)
    return Parts(archive=archive, config=Config(), catalogue=open_catalogue(archive))


def publish_sites(own: Parts) -> None:
    """Write the sites of ``holdfast.toml`` and their start pages where the workers read them.

    A site that was added by command said its name, starts, spider and schedule; everything else of
    it follows ``[defaults]``, also when these change later.
    """
    now = datetime.now(UTC)
    with own.catalogue.write() as db:
        sites.put(db, own.config.sites, replace_file_sites=True)
        added = (site for site in sites.listing(db) if not site.from_file)
        sites.put(db, [following(own.config.defaults, site) for site in added])
        for site in own.config.sites:
            found = [Found(url=url, found_by=FoundBy.START) for url in site.start]
            targets.add(db, found, site=site.name, now=now, due_at=now)


def following(defaults: Site, site: Site) -> Site:
    """Return a site added by command, as the defaults have it now."""
    return replace(
        defaults,
        name=site.name,
        start=site.start,
        spider=site.spider,
        every=site.every,
        from_file=False,
    )
