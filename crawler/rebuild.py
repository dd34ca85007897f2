"""Make the catalogue anew from the WARC files, ``watch.jsonl`` and ``holdfast.toml``.

What the files say is read once and sorted on the disk, then lived through again in its order:
pages, visits, where each page stood, events, what a person said, at last the texts. It is made
beside the old catalogue and takes its name when it is whole; a rebuild that dies begins anew.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import zip_longest

from crawler import opening
from crawler.children import SERVICE_WORKERS
from crawler.chronicle import stoppage_of
from crawler.config import Config
from crawler.opening import Parts
from crawler.rebuild_habits import learn_again
from crawler.rebuild_texts import read_texts
from crawler.rebuild_visits import Replay, row_of
from storage import journal, watchlist
from storage.archive import Archive
from storage.catalogue import (
    deliveries,
    events,
    overview,
    replacement,
    sites,
    stoppages,
    targets,
    visits,
)
from storage.catalogue.engine import open_catalogue
from storage.catalogue.staging import FoundTarget, Staging, staged
from storage.folders import explain
from storage.model import Cause
from storage.warc import history
from storage.warc.history import Damage, Past, Unclaimed


@dataclass(slots=True, kw_only=True)
class Rebuilt:
    """What a rebuild came to."""

    files: int = 0
    damaged: int = 0
    """Places from which nothing could be read."""
    unclaimed: int = 0
    """Exchanges of visits that were given up; they are in the files, and were in no listing."""
    unfinished: int = 0
    """Visits that a crash cut short before their page had come; they were in no listing."""
    targets: int = 0
    visits: int = 0
    unread: int = 0
    """Visits that had not been compared; the next run compares them."""
    captures: int = 0
    events: int = 0
    texts: int = 0
    old: str = ""
    """Where the catalogue of before is kept, empty if there was none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watcher:
    """Who is told how far it is."""

    begin: Callable[[str, int], Callable[[str], None]]
    """Is given what is done now and of how many steps, and returns what is called at each."""
    damage: Callable[[Damage], None]
    """Is given each place from which nothing could be read."""


@dataclass(slots=True, kw_only=True)
class _Work:
    own: Parts
    """With the catalogue that is being made."""
    staging: Staging
    watcher: Watcher
    sum: Rebuilt = field(default_factory=Rebuilt)


def rebuild(archive: Archive, config: Config, *, watcher: Watcher, jobs: int) -> Rebuilt:
    """Make the catalogue of an archive that is held; the old one is kept beside it.

    Raise StorageError when it cannot be made; then nothing has changed.
    """
    replacement.discard(archive)
    path = replacement.draft(archive)
    catalogue = open_catalogue(path)
    try:
        with staged(path.with_name(f"{path.name}.notes")) as staging:
            own = Parts(archive=archive, config=config, catalogue=catalogue)
            work = _Work(own=own, staging=staging, watcher=watcher)
            _read_files(work)
            _enter_targets(work)
            _enter_stoppages(work)
            replay = Replay(catalogue, staging, work.sum, watcher.begin)
            replay.run()
            _enter_events(work, replay)
            _enter_sent(work)
            _say_again(work)
            work.sum.texts = read_texts(archive, catalogue, staging, begin=watcher.begin, jobs=jobs)
            learn_again(archive, catalogue, lost=replay.lost, begin=watcher.begin)
        with catalogue.read() as db:
            work.sum.targets = overview.totals(db, now=datetime.now(UTC)).targets
    finally:
        catalogue.close()
    kept = replacement.put_in_place(archive, now=datetime.now(UTC))
    work.sum.old = kept.name if kept is not None else ""
    return work.sum


def _read_files(work: _Work) -> None:
    names = history.files_of(work.own.archive)
    step = work.watcher.begin("reading", len(names))
    for name in names:
        _read_file(work, name)
        work.sum.files += 1
        step(name)
    work.staging.index()


def _read_file(work: _Work, name: str) -> None:
    try:
        for item in history.read_file(work.own.archive, name):
            match item:
                case Past():
                    work.staging.exchange(replace(item, capture=row_of(item)))
                case Damage():
                    _tell(work, item)
                case Unclaimed():
                    work.sum.unclaimed += 1
                case _:
                    work.staging.statement(item)
    except OSError as error:
        _tell(work, Damage(file=name, offset=0, message=explain(error)))


def _tell(work: _Work, damage: Damage) -> None:
    work.sum.damaged += 1
    work.watcher.damage(damage)


def _enter_targets(work: _Work) -> None:
    """Enter the sites and pages, those of the journal and the configuration included."""
    own, staging = work.own, work.staging
    for entry in journal.read(own.archive):
        for one in entry.targets:
            staging.target(
                FoundTarget(
                    url=one.url,
                    site=one.site,
                    found_by=one.found_by,
                    found_on=one.found_on,
                    found_at=one.found_at,
                    state=one.state,
                )
            )
    with own.catalogue.write() as db:
        # Those that nobody names any more count as sites of the configuration that are gone.
        gone = [replace(own.config.defaults, name=name, from_file=True) for name in staging.sites()]
        sites.put(db, gone)
        sites.put(db, [], replace_file_sites=True)
        for part in staging.targets():
            targets.put(db, [targets.never_visited(one) for one in part])
    opening.publish_sites(own)


def _enter_stoppages(work: _Work) -> None:
    """Enter when nothing was visited, before the visits: why they were late is told by that."""
    said = list(work.staging.stopped())
    with work.own.catalogue.write() as db:
        for one, later in zip_longest(said, said[1:]):
            is_last = later is None or (later.cause, later.site) != (one.cause, one.site)
            # What came to no end, and yet happened again, was told of once more with its end.
            if one.ended_at is not None or is_last:
                stoppages.put(db, stoppage_of(one))


def _enter_sent(work: _Work) -> None:
    """Enter what was sent, and until when the service is known to have run."""
    with work.own.catalogue.write() as db:
        for one in work.staging.sent():
            told = [name for name in one.events if events.one(db, name) is not None]
            deliveries.put_sent(
                db, one.id, alert=one.alert, told=told, attempts=one.attempts, at=one.at
            )
        ran = [one.at for one in work.staging.stopped() if one.cause is Cause.NOT_RUNNING]
        last = visits.last_by(db, SERVICE_WORKERS)
        if known := [*ran, *([last] if last is not None else [])]:
            stoppages.beat(db, at=max(known))


def _enter_events(work: _Work, replay: Replay) -> None:
    with work.own.catalogue.write() as db:
        for told in work.staging.told():
            events.put(db, replay.event(db, told))
            work.sum.events += 1


def _say_again(work: _Work) -> None:
    """Make true what people said of pages and events that are there only now."""
    own = work.own
    with own.catalogue.write() as db:
        watchlist.replay(db, journal.read(own.archive), defaults=own.config.defaults)
