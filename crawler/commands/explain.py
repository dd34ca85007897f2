"""``holdfast explain``: why this verdict, why so often, why in or out of scope.

Of an event: the rules, signals and looks behind it. Of a watched page: its schedule, its next visit
and its state, and under auto the numbers that its next visit was planned with. Of any other
address: for each site why it is in or out of scope.

    holdfast explain --archive A https://paper.example/print/7
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from crawler import budget, opening, owing
from crawler.commands import add_archive, add_json
from crawler.console import escape, json_line, print_table
from crawler.errors import CrawlerError
from crawler.fetch.roster import SpiderFileError, load
from crawler.learning import Learning, habit_of
from crawler.listing import iso
from crawler.opening import Parts
from crawler.planner import is_auto, moment_of, terms_of
from crawler.revisit.calendar import AUTO
from crawler.revisit.explanation import Numbers, numbers, sentences
from spiders.scope import why_not
from storage.catalogue import events, learnt, sites, standings, targets
from storage.model import Event, Outcome, Phase, Site, Standing, Target, TargetState

HELP = "say why: why a page is visited so often, in or out of scope; why an event is what it is"
GROUP = "look"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_archive(parser)
    parser.add_argument("what", metavar="EVENT|URL")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print sentences; with ``--json`` the same as one object."""
    own = opening.parts_to_look_at(arguments.archive)
    because = list(_sentences(own, arguments.what))
    told = _numbers(own, arguments.what)
    if arguments.json:
        facts: dict[str, object] = {"what": arguments.what, "because": because}
        if told is not None:
            facts["numbers"] = _number_facts(told)
        print(json_line(facts))
        return 0
    for sentence in because:
        print(escape(sentence))
    if told is not None:
        print_table(((name, value) for name, value in _number_facts(told).items()), ("", ""))
    return 0


def _numbers(own: Parts, url: str) -> Numbers | None:
    """Return what the next look at a page was planned with, where the policy plans it."""
    with own.catalogue.read() as db:
        target = targets.by_url(db, url)
        site = sites.one(db, target.site) if target is not None else None
        if target is None or site is None or not is_auto(target, site):
            return None
        row = learnt.of_targets(db, [target.id]).get(target.id)
        learning = Learning()
        learning.load(db)
    if row is None:
        return None
    habit = habit_of(row)
    terms = terms_of(site, habit.price)
    spread = learning.policy.curves[habit.role].spread
    return numbers(habit, shortest=terms.shortest, longest=terms.longest, spread=spread)


def _number_facts(told: Numbers) -> dict[str, object]:
    facts: dict[str, object] = asdict(told)
    facts["looked_at"] = moment_of(told.looked_at)
    facts["due_at"] = moment_of(told.due_at)
    return facts


def _sentences(own: Parts, what: str) -> Iterator[str]:
    with own.catalogue.read() as db:
        event = events.one(db, what)
        target = targets.by_url(db, what)
        listed = sites.listing(db)
        standing = standings.one(db, target.id) if target is not None else None
    if event is not None:
        yield from of_event(event)
    elif target is not None and standing is not None:
        site = next((one for one in listed if one.name == target.site), None)
        yield from of_target(target, site and _as_read(site), standing, _numbers(own, what))
        with own.catalogue.read() as db:
            yield from budget.remarks(db, [site] if site else [], now=datetime.now(UTC))
        yield from owing.sentences(owing.ledger_of(own, target, now=datetime.now(UTC)))
    elif "://" in what:
        yield from of_stranger(what, [_as_read(site) for site in listed])
    else:
        raise CrawlerError(f"{what!r} is neither an event nor an address")


def _as_read(site: Site) -> Site:
    """Return a site with the scope its spider gives it; as it is where the spider is broken."""
    try:
        return load(site.spider)(site).site
    except SpiderFileError:
        return site


def of_event(event: Event) -> Iterator[str]:
    """Say why an event is what it is: its rules, signals and looks."""
    yield event.summary
    for finding in event.findings:
        yield f"The rule {finding.rule} found {finding.kind}: {finding.summary}"
        for signal in finding.signals:
            held = f" (threshold {signal.threshold})" if signal.threshold else ""
            yield f"  {signal.name}: {signal.value}{held}"
    for look in event.looks:
        status = f", status {look.status}" if look.status is not None else ""
        yield f"  look at {iso(look.at)}: {look.kind} ({look.outcome}{status})"


def of_target(
    target: Target, site: Site | None, standing: Standing, told: Numbers | None = None
) -> Iterator[str]:
    """Say why a page is watched, when it is visited next and why then, and how it stands."""
    found_on = f" on {target.found_on}" if target.found_on else ""
    yield f"It was found by {target.found_by}{found_on} at {iso(target.found_at)}."
    if target.state is not TargetState.ACTIVE or site is None:
        yield f"It is {target.state}, so no visit is planned by schedule."
        return
    if (reason := why_not(site, target.url)) is not None and site.start:
        yield f"A link to it would not be followed now: {reason}."
    every = target.every or site.every
    whose = "its own schedule" if target.every else f"the schedule of site {site.name}"
    if standing.phase is Phase.SUSPECT:
        yield (
            f"It is suspected ({standing.kind}) after {len(standing.looks)} looks, so the next "
            f"look follows the confirm delays and not {whose}."
        )
    elif every == AUTO and told is not None:
        yield from sentences(told)
    elif every == AUTO:
        yield f"It is visited by {whose}, auto: its first look is not compared yet."
    else:
        yield f'It is visited by {whose}: "{every}" ({site.time_zone}).'
    if target.last_outcome is Outcome.BLOCKED_ROBOTS:
        yield "robots.txt forbids it, so it is asked about once a day only."
    if target.muted:
        yield "It is muted: its events are kept and told to nobody."
    if target.due_at is not None:
        yield f"The next visit is due at {iso(target.due_at)}."
    if standing.phase is Phase.CONFIRMED:
        since = f" since {iso(standing.since)}" if standing.since else ""
        yield f"It is {standing.kind}{since}; its return would be told."


def of_stranger(url: str, listed: list[Site]) -> Iterator[str]:
    """Say for each site why an unknown address is in or out of its scope."""
    yield "It is not known: nothing has led to it yet."
    for site in listed:
        if site.start:
            reason = why_not(site, url)
            verdict = "in scope" if reason is None else f"out of scope: {reason}"
            yield f"Site {site.name}: {verdict}."
