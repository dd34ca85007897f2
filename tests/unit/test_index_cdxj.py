"""The index of a closed file: which records, in which order, with which words."""

import json
from pathlib import Path

import pytest
from closed import archived, closed, flip, writer
from exchanges import AT, answered, message, unanswered

from storage.archive import create
from storage.errors import StorageError
from storage.index import cdxj
from storage.model import Original, Outcome, Role
from storage.warc.reader import original
from storage.warc.records import Profile, Revisit


def test_a_line_for_each_answer_in_the_order_of_keys(tmp_path: Path) -> None:
    """Responses and revisits are found by address and time; what we noted ourselves is not."""
    archive = create(tmp_path / "archive")
    with writer(archive) as out:
        html = "Content-Type: text/html; charset=utf-8"
        first = out.append(
            answered(message(b"<p>b", html), url="http://paper.example/b"), role=Role.TARGET
        )
        out.sync()
        before: Original = original(archive, first.record)
        away = message(b"", "Location: /b", status="301 Moved")
        out.append(answered(away, url="http://paper.example/a?y=2&x=1"), role=Role.TARGET)
        again = answered(message(b"<p>b", html), url="http://paper.example/b")
        second = out.append_revisit(
            again, Revisit(original=before, profile=Profile.IDENTICAL), role=Role.TARGET
        )
        failed = unanswered(
            outcome=Outcome.TIMEOUT, reason="nothing came", url="http://paper.example/c"
        )
        out.append(failed, role=Role.TARGET)
        out.append_resource(
            "urn:text:http://paper.example/b", at=AT, content_type="text/plain", body=b"b"
        )
        out.append(answered(b"\x00\x01 no HTTP", url="http://paper.example/d"), role=Role.TARGET)
    (name,) = cdxj.unindexed(archive)
    cdxj.write_index(archive, name)
    assert list(cdxj.unindexed(archive)) == []
    lines = cdxj.index_path(archive, name).read_text("ascii").splitlines()
    told = [(*line.split(" ", 2)[:2], json.loads(line.split(" ", 2)[2])) for line in lines]
    assert [(key, stamp) for key, stamp, _ in told] == [
        ("example,paper)/a?x=1&y=2", "20261122131415"),
        ("example,paper)/b", "20261122131415"),
        ("example,paper)/b", "20261122131415"),
    ]
    digest = (first.record.digest or "").removeprefix("sha1:")
    shown = {
        "url": "http://paper.example/b",
        "mime": "text/html",
        "status": "200",
        "digest": digest,
        "length": str(first.record.length),
        "offset": str(first.record.offset),
        "filename": name.removeprefix("warc/"),
    }
    assert told[1][2] == shown
    assert told[0][2]["status"] == "301"
    assert told[2][2] == {
        "url": "http://paper.example/b",
        "mime": "warc/revisit",
        "digest": digest,
        "length": str(second.record.length),
        "offset": str(second.record.offset),
        "filename": name.removeprefix("warc/"),
    }


def test_many_lines_are_sorted_in_runs(tmp_path: Path) -> None:
    """The index of a file with a million lines is sorted with a part of them in memory."""
    archive, name = archived(tmp_path / "archive", *[b"%d" % n for n in range(45)])
    cdxj.write_index(archive, name)
    whole = cdxj.index_path(archive, name).read_bytes()
    assert whole.splitlines() == sorted(whole.splitlines())
    for run in (1, 7, 45, 46):
        cdxj.write_index(archive, name, run_lines=run)
        assert cdxj.index_path(archive, name).read_bytes() == whole


def test_a_damaged_file_has_no_index(tmp_path: Path) -> None:
    """Half an index would hide what is behind the damage."""
    archive, name = archived(tmp_path / "archive", bytes(range(256)) * 40)
    flip(archive.path(name))
    with pytest.raises(StorageError, match="has no index, because a record is damaged"):
        cdxj.write_index(archive, name)
    assert list(archive.index.iterdir()) == []
    assert list(cdxj.unindexed(archive)) == closed(archive)
