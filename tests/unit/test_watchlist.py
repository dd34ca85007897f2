"""The road on which the watch list is changed: said in the journal first, true in the catalogue."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from catalogues import NOW, blank, event, found

from crawler import opening, watchlist
from crawler.commands import main
from crawler.errors import CrawlerError
from storage import journal
from storage.archive import Archive, create
from storage.catalogue import events, marks, sites, targets
from storage.catalogue.engine import open_catalogue
from storage.errors import CatalogueError, StorageError
from storage.journal import By, Entry, Verb, read
from storage.model import Found, FoundBy, Site, Target, TargetState
from storage.watchlist import MARK, fold, replay

PAGE = "https://paper.example/node/7"
START = "https://courier.example/"
FOUND = "https://courier.example/node/1"

TOML = """
[[site]]
name = "gazette"
start = ["https://gazette.example/"]
"""

Say = Callable[..., str]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return an archive with one site in its configuration."""
    return made(tmp_path / "archive")


@pytest.fixture
def say(root: Path, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run verbs on it and return what they print."""

    def saying(*words: str) -> str:
        capsys.readouterr()
        run(root, *words)
        return capsys.readouterr().out

    return saying


def made(folder: Path) -> Path:
    """Make an archive with one site in its configuration."""
    create(folder, config=TOML)
    (folder / "catalogue.db").write_bytes(blank())
    return folder


def run(root: Path, *words: str) -> None:
    """Run a verb on an archive."""
    split = 2 if words[0] == "watch" else 1
    assert main([*words[:split], "--archive", str(root), *words[split:]]) == 0


def lines(root: Path) -> list[tuple[str, list[str]]]:
    """Return verb and subjects of every line of the journal."""
    return [(one.verb.value, subjects(one)) for one in read(Archive(root))]


def subjects(one: Entry) -> list[str]:
    names = [site.name for site in one.sites]
    return [*names, *(target.url for target in one.targets), *(seen.id for seen in one.events)]


def learn(root: Path) -> None:
    """Let a spider find a page of the courier, and an event be told of it."""
    own = opening.parts(root)
    with own.catalogue.write() as db:
        (one,) = targets.add(db, found(FOUND), site="courier", now=NOW, due_at=NOW)
        events.put(db, event(one, 1))
        events.put(db, event(one, 2))
    own.catalogue.close()


def state(root: Path) -> object:
    """Return all that a person can have said: lists, schedules, mutes, acks, sites."""
    own = opening.parts(root)
    with own.catalogue.read() as db:
        watched = sorted(map(standing, targets.listing(db)))
        seen = [(one.id, one.acknowledged_at) for one in events.listing(db)]
        known = sites.listing(db)
    own.catalogue.close()
    return watched, seen, known


def standing(one: Target) -> tuple[object, ...]:
    # Start pages that holdfast.toml alone speaks of are found anew with a new catalogue.
    due_at = one.due_at if one.site != "gazette" else None
    return (one.url, one.site, one.state, one.found_by, one.every, one.muted, due_at)


def forget(root: Path) -> None:
    """Lose the catalogue, as a disk may."""
    for path in root.glob("catalogue.db*"):
        path.unlink()
    (root / "catalogue.db").write_bytes(blank())


def publish(root: Path) -> None:
    """Begin as a service or a one-off command does."""
    own = opening.parts(root)
    opening.publish_sites(own)
    own.catalogue.close()


# --- what stands in the journal ---------------------------------------------------------------


def test_every_verb_leaves_its_line(root: Path, say: Say) -> None:
    """Pages and sites added, changed and dropped, mutes and events seen, in their order."""
    say("watch", "add", PAGE)
    say("watch", "add", "--site", "courier", START)
    learn(root)
    say("watch", "pause", "--site", "courier")
    say("watch", "resume", FOUND)
    say("watch", "add", "--every", "6h", PAGE)
    say("watch", "remove", PAGE)
    say("mute", FOUND, "event-2")
    say("mute", "--off", "event-1")
    say("ack", FOUND)
    assert lines(root) == [
        ("site", ["paper.example"]),
        ("watch", [PAGE]),
        ("site", ["courier"]),
        ("watch", [START]),
        ("pause", [START, FOUND]),
        ("resume", [FOUND]),
        ("every", [PAGE]),
        ("remove", [PAGE]),
        ("mute", [FOUND]),
        ("unmute", [FOUND]),
        ("ack", ["event-1", "event-2"]),
    ]
    assert {one.by for one in read(Archive(root))} == {"command"}


def test_what_changes_nothing_leaves_no_line(root: Path, say: Say) -> None:
    """Said twice is said once."""
    say("watch", "add", "--every", "6h", PAGE)
    said = lines(root)
    assert say("watch", "add", "--every", "6h", PAGE) == (
        "0 added, 1 watched already, their schedule changed\n"
    )
    say("watch", "resume", PAGE)
    say("mute", "--off", PAGE)
    say("watch", "list")
    assert lines(root) == said


def test_what_is_refused_leaves_no_line(root: Path, say: Say) -> None:
    """One wrong name and nothing is changed, in the journal as in the catalogue."""
    say("watch", "add", PAGE)
    said, before = lines(root), state(root)
    own = opening.parts(root)
    for refused in (
        lambda: watchlist.move(own, Verb.PAUSE, [PAGE, f"{PAGE}8"], site=None, by=By.COMMAND),
        lambda: watchlist.move(own, Verb.PAUSE, [PAGE], site="nobody", by=By.COMMAND),
        lambda: watchlist.mute(own, [PAGE, f"{PAGE}8"], off=False, by=By.COMMAND),
        lambda: watchlist.acknowledge(own, [PAGE], by=By.COMMAND),
    ):
        with pytest.raises(CrawlerError, match=r"nothing|there is no site"):
            refused()
    own.catalogue.close()
    assert (lines(root), state(root)) == (said, before)


def test_a_page_may_say_it_too(root: Path, say: Say) -> None:
    """Web and command go the same road, and the line names which."""
    say("watch", "add", PAGE)
    own = opening.parts(root)
    assert watchlist.mute(own, [PAGE], off=False, by=By.WEB) == 1
    own.catalogue.close()
    assert [(one.verb, one.by) for one in read(own.archive)][-1] == (Verb.MUTE, "web")


def test_sites_of_the_configuration_are_not_in_the_journal(root: Path, say: Say) -> None:
    """They are read from there; a page that is added to one of them is said, the site is not."""
    publish(root)
    say("watch", "add", "--site", "gazette", "https://gazette.example/more")
    assert lines(root) == [("watch", ["https://gazette.example/more"])]


def test_the_site_of_single_captures_is_said_and_its_pages_are_not(root: Path) -> None:
    """What was captured once is in the WARC files, and nothing more was promised."""
    own = opening.parts(root)
    for _ in range(2):
        site = Site(name="captures", spider="page")
        watchlist.require(own, site, by=By.COMMAND)
    own.catalogue.close()
    assert lines(root) == [("site", ["captures"])]


@pytest.mark.parametrize(
    "url",
    [f"{PAGE}?\udcff", f"{PAGE}\n", f"{PAGE}\x1b[2J", "file:///etc/passwd", f"{PAGE}{PAGE * 900}"],
)
def test_what_is_no_address_of_a_page_is_refused_for_everybody(
    root: Path, say: Say, url: str
) -> None:
    """Commands and pages alike; nothing of what was said with it is kept."""
    own = opening.parts(root)
    with pytest.raises(CrawlerError, match="nothing was added"):
        watchlist.add(own, [PAGE, url], site=None, every=None, by=By.WEB)
    own.catalogue.close()
    assert lines(root) == []


def test_many_pages_are_several_lines(root: Path, say: Say) -> None:
    """No line grows without end, and one change of many pages is complete."""
    pages = [f"https://paper.example/{number}" for number in range(journal.MOST_TARGETS + 1)]
    say("watch", "add", *pages)
    assert [len(names) for _, names in lines(root)] == [1, journal.MOST_TARGETS, 1]
    assert say("watch", "pause", "--site", "paper.example") == f"{len(pages)} paused\n"


def test_a_site_that_the_configuration_takes_over_is_said_to_be_its(root: Path, say: Say) -> None:
    """So that it does not come back by the journal when the configuration drops it."""
    say("watch", "add", "--site", "courier", START)
    toml = root / "holdfast.toml"
    before = toml.read_text()
    toml.write_text(f'{before}\n[[site]]\nname = "courier"\nstart = ["{START}"]\n')
    publish(root)
    assert lines(root)[-1] == ("site", ["courier"])
    toml.write_text(before)
    publish(root)
    dropped = state(root)
    forget(root)
    publish(root)
    assert state(root) == dropped
    assert "courier" not in [site.name for site in dropped[2]]  # type: ignore[index]


def test_a_site_that_the_configuration_dropped_can_be_added_by_command(
    root: Path, say: Say
) -> None:
    """Its pages are visited again, though the archive once had it from holdfast.toml."""
    publish(root)
    toml = root / "holdfast.toml"
    toml.write_text(toml.read_text().replace(TOML, ""))
    publish(root)
    say("watch", "add", "--site", "gazette", "https://gazette.example/", PAGE)
    own = opening.parts(root)
    with own.catalogue.read() as db:
        gazette = {one.name: one for one in sites.listing(db)}["gazette"]
        waiting = [one.url for one in targets.next_due(db, limit=9)]
    own.catalogue.close()
    assert not gazette.from_file
    assert sorted(waiting) == ["https://gazette.example/", PAGE]


# --- what it is for ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lived_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an archive in which all was said that can be said, and some of it taken back."""
    root = made(tmp_path_factory.mktemp("lived") / "archive")
    run(root, "watch", "add", PAGE, f"{PAGE}1", f"{PAGE}2", f"{PAGE}3")
    run(root, "watch", "add", "--site", "courier", "--every", "cron 0 6 * * *", START)
    run(root, "watch", "add", "--site", "gazette", f"{PAGE}4")
    learn(root)
    run(root, "watch", "pause", PAGE, f"{PAGE}1", FOUND)
    run(root, "watch", "resume", PAGE)
    run(root, "watch", "remove", f"{PAGE}2", f"{PAGE}3")
    run(root, "watch", "add", "--every", "90s", f"{PAGE}3", PAGE)
    run(root, "mute", FOUND, PAGE)
    run(root, "mute", "--off", PAGE)
    run(root, "ack", "event-2")
    publish(root)
    return root


@pytest.fixture
def lived(lived_once: Path, root: Path) -> Path:
    """Return a copy of that archive."""
    shutil.copytree(lived_once, root, dirs_exist_ok=True)
    return root


def test_replay_on_a_fresh_catalogue_gives_the_same(lived: Path, say: Say) -> None:
    """Lists, schedules, mutes and acknowledgements are as before; a second time changes nothing."""
    before, listed = state(lived), say("watch", "list", "--json")
    forget(lived)
    learn(lived)
    own = opening.parts(lived)
    for _ in range(2):
        with own.catalogue.write() as db:
            replay(db, read(own.archive), defaults=own.config.defaults)
        opening.publish_sites(own)
        assert state(lived) == before
    own.catalogue.close()

    def of(text: str) -> list[dict[str, object]]:
        rows = [json.loads(line) for line in text.splitlines()]
        # The row's own number, and the time of a start page that holdfast.toml alone speaks of.
        plain = [{k: v for k, v in one.items() if k != "id"} for one in rows]
        return sorted(plain, key=lambda one: str(one["url"]))

    again = of(say("watch", "list", "--json"))
    assert [
        (one["url"], two)
        for one, two in zip(of(listed), again, strict=True)
        if one != two and one["url"] != "https://gazette.example/"
    ] == []


def test_replay_keeps_what_visits_made_of_a_page(lived: Path) -> None:
    """A page that is there keeps its id and its next visit; only what was said is set."""
    own = opening.parts(lived)
    later = NOW.replace(year=2031)
    with own.catalogue.write() as db:
        before = targets.by_url(db, PAGE)
        assert before is not None
        targets.plan(db, before.id, later)
        replay(db, read(own.archive), defaults=own.config.defaults)
        after = targets.by_url(db, PAGE)
    own.catalogue.close()
    assert after is not None
    assert (after.id, after.due_at, after.state) == (before.id, later, TargetState.ACTIVE)


def test_a_lost_catalogue_has_its_watch_list_again_at_the_next_start(lived: Path) -> None:
    """Also without a rebuild: no promise is forgotten."""
    before = watched_and_sites(lived)
    forget(lived)
    publish(lived)
    assert watched_and_sites(lived) == before


def watched_and_sites(root: Path) -> object:
    watched, _, known = state(root)  # type: ignore[misc]
    return [one[:-1] for one in watched], known


def test_a_catalogue_put_back_from_an_older_copy_learns_the_rest(lived: Path, say: Say) -> None:
    """What was said since the copy was made is taken from the journal, from its mark on."""
    copy = {path: path.read_bytes() for path in lived.glob("catalogue.db*")}
    say("watch", "remove", PAGE)
    say("ack", "event-1")
    after = state(lived)
    forget(lived)
    for path, content in copy.items():
        path.write_bytes(content)
    publish(lived)
    assert state(lived) == after


def test_what_a_crash_left_half_done_is_done_before_the_next_change(root: Path, say: Say) -> None:
    """The line is there and the row is not: the next change begins with it."""
    say("watch", "add", PAGE)
    half_done(root, Verb.PAUSE, TargetState.PAUSED)
    assert say("watch", "resume", PAGE) == "1 resumed\n"
    assert [verb for verb, _ in lines(root)][-2:] == ["pause", "resume"]


def test_what_a_crash_left_half_done_is_done_at_the_next_start(root: Path, say: Say) -> None:
    """A start takes up what the journal has and the catalogue has not."""
    say("watch", "add", PAGE)
    half_done(root, Verb.REMOVE, TargetState.REMOVED)
    publish(root)
    assert say("watch", "list", "--json").count(PAGE) == 0


def half_done(root: Path, verb: Verb, to: TargetState) -> None:
    """Do only the first half of a change, as a process does that dies in between."""
    own = opening.parts(root)
    with own.catalogue.read() as db:
        target = targets.by_url(db, PAGE)
    own.catalogue.close()
    assert target is not None
    wanted = journal.WatchedTarget(
        url=PAGE,
        site=target.site,
        state=to,
        found_by=target.found_by,
        found_at=target.found_at,
    )
    with journal.held(own.archive) as book:
        book.append([Entry(at=NOW, by=By.COMMAND, verb=verb, targets=(wanted,))])


def test_a_transaction_that_fails_takes_its_lines_back(root: Path, say: Say) -> None:
    """Who was told that nothing was changed is not surprised at the next start."""
    say("watch", "add", PAGE)
    before, own = (root / "watch.jsonl").read_bytes(), opening.parts(root)
    wrong = journal.WatchedTarget(
        url="no address",
        site="paper.example",
        state=TargetState.ACTIVE,
        found_by=FoundBy.USER,
        found_at=NOW,
    )
    with (
        pytest.raises(CatalogueError, match="cannot be a target"),
        opening.changing(own, by=By.COMMAND) as change,
    ):
        change.targets(Verb.WATCH, [wrong])
    own.catalogue.close()
    assert (root / "watch.jsonl").read_bytes() == before


def test_lines_that_cannot_be_read_are_told(lived: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged journal says so when a catalogue is made of it; the other lines count."""
    lines_of = (lived / "watch.jsonl").read_bytes().splitlines(keepends=True)
    (lived / "watch.jsonl").write_bytes(b"".join([lines_of[0][:-9] + b"\n", *lines_of[1:]]))
    forget(lived)
    publish(lived)
    (told,) = [one for one in caplog.records if one.levelname == "WARNING"]
    assert "watch.jsonl" in told.getMessage()
    assert vars(told)["lines"] == 1
    assert {one[0] for one in state(lived)[0]} >= {PAGE, START}  # type: ignore[index]


# --- archives that had no journal -------------------------------------------------------------


def test_an_archive_without_a_journal_writes_down_how_things_are(lived: Path, say: Say) -> None:
    """At its first start, whole: what people said, and not what spiders found."""
    before = state(lived)
    (lived / "watch.jsonl").unlink()
    say("watch", "remove", PAGE)
    snapshot = list(read(Archive(lived)))
    assert [one.by for one in snapshot] == ["start"] * (len(snapshot) - 1) + ["command"]
    assert not journal.draft(Archive(lived)).exists()
    say("watch", "add", "--every", "90s", PAGE)
    forget(lived)
    learn(lived)
    publish(lived)
    assert without_due(state(lived)) == without_due(before)


def without_due(one: object) -> object:
    watched, seen, known = one  # type: ignore[misc]
    return [row[:-1] for row in watched], seen, known


def test_what_nobody_spoke_of_is_not_written_down(root: Path) -> None:
    """Pages found, start pages of holdfast.toml and single captures follow from elsewhere."""
    publish(root)
    own = opening.parts(root)
    once = [Found(url=PAGE, found_by=FoundBy.USER)]
    with own.catalogue.write() as db:
        targets.add(db, found(FOUND), site="gazette", now=NOW, due_at=NOW)
        targets.add(db, once, site="captures", now=NOW, due_at=NOW, state=TargetState.ONCE)
    own.catalogue.close()
    (root / "watch.jsonl").unlink()
    publish(root)
    assert lines(root) == []
    assert (root / "watch.jsonl").exists()


def test_a_journal_that_is_behind_is_told_how_things_are(lived: Path, say: Say) -> None:
    """One put back from an older copy takes nothing away: what the catalogue knows is said anew."""
    old = (lived / "watch.jsonl").read_bytes()
    say("watch", "remove", PAGE)
    before = state(lived)
    (lived / "watch.jsonl").write_bytes(old)
    publish(lived)
    assert state(lived) == before
    forget(lived)
    learn(lived)
    publish(lived)
    assert without_due(state(lived)) == without_due(before)


def test_the_mark_is_at_the_end_of_the_journal(lived: Path) -> None:
    """So that no line is taken up twice and none is left."""
    catalogue = open_catalogue(Archive(lived))
    with catalogue.read() as db:
        assert marks.taken(db, MARK) == (lived / "watch.jsonl").stat().st_size
    catalogue.close()


def test_the_last_word_counts(lived: Path) -> None:
    """Entries come to one word on each page, and the first on each event."""
    entries: Sequence[Entry] = list(read(Archive(lived)))
    once, twice = fold(entries), fold([*entries, *entries])
    assert once == twice
    assert once.targets[PAGE].target.every == "90s"


def test_a_read_only_archive_is_told_before_anything_is_done(root: Path, say: Say) -> None:
    """The journal that cannot be opened is named; the catalogue is as before."""
    say("watch", "add", PAGE)
    before = state(root)
    (root / "watch.jsonl").unlink()
    (root / "watch.jsonl").mkdir()
    own = opening.parts(root)
    with pytest.raises(StorageError, match=r"watch\.jsonl.*was not changed"):
        watchlist.mute(own, [PAGE], off=False, by=By.COMMAND)
    own.catalogue.close()
    assert state(root) == before
