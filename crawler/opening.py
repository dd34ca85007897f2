"""Open an archive with its configuration and catalogue: what every verb and process begins with."""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from crawler import config
from crawler.config import Config
from crawler.deliver import make_channel
from storage import watchlist
from storage.archive import Archive, holder, open_archive
from storage.catalogue import sites, targets
from storage.catalogue.engine import Catalogue, open_catalogue
from storage.errors import CatalogueError
from storage.journal import By
from storage.model import Found, FoundBy
from storage.watchlist import Change

logger = logging.getLogger(__name__)


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
    refuse_without_catalogue(archive)
    return Parts(archive=archive, config=loaded, catalogue=open_catalogue(archive))


def parts_to_look_at(root: Path) -> Parts:
    """Open an archive for a listing, also while a service holds it.

    Nothing is configured here: what was kept can be looked at whatever holdfast.toml says.
    """
    archive = open_archive(root, read_only=True)
    refuse_without_catalogue(archive)
    used = holder(archive) is not None
    return Parts(archive=archive, config=Config(), catalogue=open_catalogue(archive, as_it_is=used))


def refuse_without_catalogue(archive: Archive) -> None:
    """Raise CatalogueError rather than make an empty catalogue beside WARC files.

    Everything in them would be forgotten.
    """
    if not archive.catalogue.exists() and next(archive.warc.rglob("*.warc.gz*"), None) is not None:
        raise CatalogueError(
            f"{archive.catalogue}: is gone; the WARC files are there. Make it anew with"
            f" `holdfast rebuild --archive {archive.root}`, or put back a good copy"
        )


@contextlib.contextmanager
def changing(own: Parts, *, by: By) -> Iterator[Change]:
    """Lend the watch list for one change; what was said and not yet done is done first."""
    with watchlist.changing(
        own.archive,
        own.catalogue,
        defaults=own.config.defaults,
        by=by,
        now=datetime.now(UTC),
    ) as change:
        if change.passed_over:
            logger.warning(
                "lines of watch.jsonl could not be read; what they said is not on the watch list",
                extra={"lines": change.passed_over},
            )
        yield change


def publish_sites(own: Parts) -> None:
    """Write the sites of ``holdfast.toml`` and their start pages where the workers read them.

    A site that was added by command said its name, starts, spider and schedule; everything else of
    it follows ``[defaults]``, also when these change later. Once ``holdfast.toml`` names it, it is
    one of that file.
    """
    named = {site.name: site for site in own.config.sites}
    with changing(own, by=By.START) as change:
        added = [site for site in sites.listing(change.db) if not site.from_file]
        for site in added:
            if site.name in named:
                change.site(replace(site, from_file=True))
        rest = [site for site in added if site.name not in named]
        sites.put(change.db, own.config.sites, replace_file_sites=True)
        sites.put(change.db, [watchlist.following(own.config.defaults, site) for site in rest])
        for site in own.config.sites:
            found = [Found(url=url, found_by=FoundBy.START) for url in site.start]
            targets.add(change.db, found, site=site.name, now=change.at, due_at=change.at)
