"""Open an archive with its configuration and catalogue: what every verb and process begins with."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crawler import config
from crawler.config import Config
from crawler.deliver import make_channel
from storage.archive import Archive, open_archive
from storage.catalogue import sites, targets
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.model import Found, FoundBy


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
    """Open an archive for a listing; it may be held by a service meanwhile."""
    return parts(root)


def publish_sites(own: Parts) -> None:
    """Write the sites of ``holdfast.toml`` and their start pages where the workers read them."""
    now = datetime.now(UTC)
    with own.catalogue.write() as db:
        sites.put(db, own.config.sites, replace_file_sites=True)
        for site in own.config.sites:
            found = [Found(url=url, found_by=FoundBy.START) for url in site.start]
            targets.add(db, found, site=site.name, now=now, due_at=now)
