"""Read the first looks at many pages and write down together what they came to.

Such a look brings a text, and the page is to be fetched once more; there is nothing yet to hold it
against. One transaction for each of them would cost as much as some captures.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from crawler import quiet, readings, site_rules
from crawler.changes.case import Case, Reading
from crawler.changes.hearing import Verdict
from crawler.changes.judge import judge
from crawler.chronicle import Chronicle
from crawler.killable import ArticleReader
from crawler.planner import Planner
from crawler.quiet import Plain
from crawler.text.template import learn
from storage.archive import Archive
from storage.catalogue.engine import Catalogue
from storage.model import Phase, Template, Visit

WRITTEN_AFTER = timedelta(seconds=2)
"""How long what was read waits for others: a crash costs no more than to read it again."""
MOST_WAITING = 4 * 1024 * 1024
"""Letters of texts that wait; those of a hundred ordinary pages."""


def compare(  # noqa: PLR0913 - one fact each
    made: Sequence[Visit],
    *,
    archive: Archive,
    catalogue: Catalogue,
    articles: ArticleReader,
    chronicle: Chronicle,
    planner: Planner,
    ended: Callable[[], bool],
) -> Iterator[frozenset[int]]:
    """Compare the first looks among these visits, each to another page, until it has ``ended``.

    Yield the ids of those that are written. A look that tells anything, such as an error, is left
    alone: its host must be looked at as well.
    """
    learnt: dict[str, Template] = {}
    taught: dict[str, Template] = {}
    read: list[Plain] = []
    letters = 0
    write_at = time.monotonic() + WRITTEN_AFTER.total_seconds()
    for visit, bare in readings.never_judged(made, catalogue=catalogue):
        if ended():
            break
        scene = replace(bare, template=learnt.get(visit.site, bare.template))
        reader = site_rules.reading_as(scene.site, articles)
        after = readings.present(visit, scene, archive=archive, articles=reader)
        verdict = judge(
            site_rules.asked(Case(before=None, after=after), scene.site),
            scene.standing,
            site=scene.site,
            target=scene.target,
            visit_id=visit.id,
            control=scene.control,
        )
        if not _is_plain(verdict, after=after):
            continue
        after = replace(after, surface=None)  # large, and only the verdict asked for it
        read.append(Plain(visit=visit, scene=scene, after=after, verdict=verdict))
        letters += len(after.article.text) if after.article is not None else 0
        if after.lesson is not None:
            known = learn(scene.template, after.lesson)
            if known is not scene.template:
                learnt[visit.site] = taught[visit.site] = known
        if time.monotonic() >= write_at or letters >= MOST_WAITING:
            yield _written(read, taught, catalogue, chronicle=chronicle, planner=planner)
            read, taught, letters = [], {}, 0
            write_at = time.monotonic() + WRITTEN_AFTER.total_seconds()
    yield _written(read, taught, catalogue, chronicle=chronicle, planner=planner)


def _written(
    read: Sequence[Plain],
    taught: dict[str, Template],
    catalogue: Catalogue,
    *,
    chronicle: Chronicle,
    planner: Planner,
) -> frozenset[int]:
    quiet.keep(catalogue, read, chronicle=chronicle, planner=planner, taught=taught)
    return frozenset(one.visit.id for one in read)


def _is_plain(verdict: Verdict, *, after: Reading) -> bool:
    """Say whether a look brought a first good text and nothing else is to be done for it."""
    wants = verdict.events or verdict.needs_control or verdict.needs_probe
    standing = verdict.standing
    is_good = after.article is not None and standing.good_capture_id == after.capture_id
    return is_good and not wants and standing.phase is Phase.OK and after.wait_asked is None
