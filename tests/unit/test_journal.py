"""The journal of the watch list as a file: whole lines or none, whoever dies, whatever is said."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from catalogues import NOW

from storage import journal
from storage.archive import Archive, create
from storage.errors import StorageError
from storage.journal import AddedSite, By, Entry, SeenEvent, Verb, WatchedTarget, held, read
from storage.model import FoundBy, TargetState

PAGE = "https://paper.example/node/7"


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    """Make an empty archive."""
    return create(tmp_path / "archive")


def said(url: str = PAGE, verb: Verb = Verb.WATCH, **more: object) -> Entry:
    """Make an entry about one page."""
    target = WatchedTarget(
        url=url,
        site="paper",
        state=TargetState.ACTIVE,
        found_by=FoundBy.USER,
        found_at=NOW,
    )
    return Entry(
        at=NOW,
        by=By.COMMAND,
        verb=verb,
        targets=(replace(target, **more),),
    )


def append(archive: Archive, *entries: Entry) -> None:
    """Append as a change does."""
    with held(archive) as book:
        book.append(entries)
        if book.fresh:
            book.place()


def urls(archive: Archive) -> list[str]:
    """Return the page of each entry."""
    return [one.targets[0].url for one in read(archive)]


def test_what_is_written_is_read_again(archive: Archive) -> None:
    """Every field of every noun comes back as it was, in the order in which it was said."""
    entries = [
        said(every="6h", muted=True, found_on="https://paper.example/"),
        Entry(
            at=NOW,
            by=By.WEB,
            verb=Verb.SITE,
            sites=(AddedSite(name="paper", start=(PAGE,), spider="site", every="auto"),),
        ),
        Entry(at=NOW, by=By.WEB, verb=Verb.ACK, events=(SeenEvent(id="ab12", at=NOW),)),
    ]
    append(archive, *entries[:2])
    append(archive, entries[2])
    reading = read(archive)
    assert list(reading) == entries
    assert (reading.newer, reading.damaged) == (0, 0)


def test_a_line_can_be_read_by_a_person_and_any_program(archive: Archive) -> None:
    """It is an object with version, time in UTC, who, what, and nothing that is empty."""
    append(archive, said(verb=Verb.PAUSE, state=TargetState.PAUSED))
    line = json.loads(archive.watch_journal.read_text("ascii"))
    assert line == {
        "version": 1,
        "at": "2026-11-05T06:00:00Z",
        "by": "command",
        "verb": "pause",
        "targets": [
            {
                "url": PAGE,
                "site": "paper",
                "state": "paused",
                "found_by": "user",
                "found_on": None,
                "found_at": "2026-11-05T06:00:00Z",
                "every": None,
                "robots": None,
                "muted": False,
            }
        ],
    }


def test_an_archive_without_a_journal_has_no_entries(archive: Archive) -> None:
    """As one that was made by an earlier release, or nobody spoke of."""
    assert list(read(archive)) == []


@pytest.mark.parametrize("kept", [0, 1, 200])
def test_a_torn_tail_is_passed_over_and_cut_off(archive: Archive, kept: int) -> None:
    """What a crash left of a line is no entry, and the next line is not glued to it."""
    append(archive, said(f"{PAGE}1"))
    whole = archive.watch_journal.read_bytes()
    append(archive, said(f"{PAGE}2"))
    torn = archive.watch_journal.read_bytes()[: len(whole) + kept]
    archive.watch_journal.write_bytes(torn)
    assert urls(archive) == [f"{PAGE}1"]
    append(archive, said(f"{PAGE}3"))
    reading = read(archive)
    assert [one.targets[0].url for one in reading] == [f"{PAGE}1", f"{PAGE}3"]
    assert reading.damaged == 0


def test_a_torn_tail_without_any_line_end_is_cut_off(archive: Archive) -> None:
    """A power cut may leave a whole file of zeros."""
    archive.watch_journal.write_bytes(b"\0" * 200_000)
    append(archive, said())
    assert urls(archive) == [PAGE]
    assert archive.watch_journal.read_bytes().startswith(b"{")


def test_lines_of_newer_releases_are_passed_over_and_counted(archive: Archive) -> None:
    """Unknown fields change nothing; unknown verbs, words and versions are somebody else's."""
    append(archive, said())
    plain = json.loads(archive.watch_journal.read_text())
    newer = [
        plain | {"mood": "good"},
        plain | {"verb": "hibernate"},
        plain | {"version": 2},
        plain | {"targets": [plain["targets"][0] | {"state": "dreaming"}]},
        plain | {"at": "2026-11-05T06:00:00"},
        plain | {"targets": [plain["targets"][0] | {"url": "no address"}]},
    ]
    text = "".join(json.dumps(one) + "\n" for one in [*newer, plain])
    archive.watch_journal.write_text(text)
    reading = read(archive)
    assert len(list(reading)) == 2
    assert (reading.newer, reading.damaged) == (5, 0)


def test_damaged_lines_lose_only_themselves(archive: Archive) -> None:
    """What no release wrote is counted; what stands before and behind it is read."""
    append(archive, said(f"{PAGE}1"))
    line = archive.watch_journal.read_bytes()
    broken = [b"\n", b"null\n", b"[" * 10_000 + b"\n", line[:40] + b"\n", b"\xff\xfe\n", b"{}\n"]
    archive.watch_journal.write_bytes(line + b"".join(broken) + line)
    reading = read(archive)
    assert len(list(reading)) == 2
    assert (reading.newer, reading.damaged) == (0, len(broken))


def test_a_line_above_the_limit_is_passed_over(archive: Archive) -> None:
    """It is read in pieces, and what stands behind it is read."""
    append(archive, said(f"{PAGE}1"))
    line = archive.watch_journal.read_bytes()
    os.truncate(archive.watch_journal, len(line) + journal.LONGEST_LINE_BYTES + 10)
    with archive.watch_journal.open("ab") as file:
        file.write(b"\n" + line)
    reading = read(archive)
    assert len(list(reading)) == 2
    assert reading.damaged == 1


@pytest.mark.parametrize(
    "text",
    [
        "line\nend\r\n",
        "\x00\x07\x1b[2J\x7f\x85\x9b",
        "\u2028\u2029\ufeff",
        '"}\\',
        "e\u0301 \U0001f4a9",
        "x" * 1_000_000,
    ],
)
def test_hostile_text_breaks_no_line(archive: Archive, text: str) -> None:
    """Control characters, line ends of any kind and huge addresses are one line of ASCII."""
    hostile = said(f"{PAGE}?{text}", found_on=text, site=text, every=text)
    append(archive, hostile, said())
    assert archive.watch_journal.read_bytes().count(b"\n") == 2
    assert archive.watch_journal.read_bytes().isascii()
    first, second = read(archive)
    assert first.targets[0].found_on == text.replace("\x00", "\ufffd")
    assert second == said()


def test_what_no_database_keeps_is_replaced(archive: Archive) -> None:
    """A lone surrogate becomes what it is in the catalogue, so that both name the same page."""
    append(archive, said(f"{PAGE}?\ud800"))
    assert urls(archive) == [f"{PAGE}?\ufffd"]


def test_a_draft_that_was_left_by_a_crash_is_written_anew(archive: Archive) -> None:
    """The first journal appears whole or not at all."""
    append_whole = said(f"{PAGE}1")
    with held(archive) as book:
        assert book.fresh
        book.append([append_whole, said(f"{PAGE}2")])
    assert list(read(archive)) == []
    append(archive, said())
    assert urls(archive) == [PAGE]


def test_one_change_waits_for_the_other(archive: Archive) -> None:
    """Whoever has the journal has it alone; who waited too long is told, and nothing is done."""
    append(archive, said())
    short = timedelta(milliseconds=50)
    with (
        held(archive),
        pytest.raises(StorageError, match="nothing was changed"),
        held(archive, patience=short),
    ):
        pass
    append(archive, said())
    assert len(urls(archive)) == 2


def test_a_file_put_back_meanwhile_is_the_one_that_is_written(archive: Archive) -> None:
    """A journal restored from a copy has another file behind its name; the name counts."""
    append(archive, said(f"{PAGE}1"))
    copy = archive.root / "copy"
    copy.write_bytes(archive.watch_journal.read_bytes())
    copy.replace(archive.watch_journal)
    append(archive, said(f"{PAGE}2"))
    assert urls(archive) == [f"{PAGE}1", f"{PAGE}2"]


def test_a_journal_that_cannot_be_written_is_told(archive: Archive) -> None:
    """The line names the file and says what is wrong with it."""
    archive.watch_journal.mkdir()
    with pytest.raises(StorageError, match=r"watch\.jsonl: Is a directory"):
        append(archive, said())
