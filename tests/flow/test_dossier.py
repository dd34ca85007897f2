"""A dossier of an edit and of a takedown, checked with tools that are not ours."""

import gzip
import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from papers import article, index
from replay import installed, replaying
from server import Page, Site
from service import holdfast, listing
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Example Library"
contact = "mailto:web@example.org"

[network]
allow_addresses = ["{allowed}"]

[defaults]
every = "1h"
delay = "0.001s"
confirm = ["0.2s", "0.3s"]

[[site]]
name = "paper"
start = ["{front}"]
"""
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
LETTERS = b"wOF2" + bytes(range(255, 0, -1)) * 8
SHEET = "@font-face { font-family: x; src: url(/letters.woff2) } h1 { background: url(/rule.png) }"
HOSTILE = "The council said <script>alert(1)</script> and \u202eesrever\u202c."
NEEDED = ("/paper.css", "/letters.woff2", "/rule.png", "/mole.png")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """The archive, and the dossiers of its two events as folders."""

    archive: Path
    site: Site
    edit: dict[str, Any]
    edited: Path
    loss: dict[str, Any]
    lost: Path


def _story(title: str, *, amount: str = "12 million", more: str = "") -> Page:
    """Return an article with a style sheet, a letter type and a picture."""
    body = str(article(title, amount=amount).body)
    body = body.replace("<title>", '<link rel="stylesheet" href="/paper.css"><title>')
    return Page(200, {}, body.replace("</article>", f'{more}<img src="/mole.png"></article>'))


def _packed(page: Page) -> Page:
    return Page(200, {"Content-Encoding": "gzip"}, gzip.compress(str(page.body).encode(), mtime=0))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """Watch a site over TLS through an edit and a takedown, and make both dossiers."""
    with Site() as site:
        folder = tmp_path_factory.mktemp("dossiers")
        archive = folder / "archive"
        holdfast("init", str(archive))
        front = site.url("/", tls=True)
        text = CONFIGURATION.format(allowed=site.tls_address, front=front)
        (archive / "holdfast.toml").write_text(text)
        site.pages |= {
            "/": index("/edited", "/lost", "/well"),
            "/edited": _story("The mole"),
            "/lost": _packed(_story("The quay")),
            "/well": _story("The herring"),
            "/paper.css": Page(200, {"Content-Type": "text/css"}, SHEET),
            "/letters.woff2": Page(200, {"Content-Type": "font/woff2"}, LETTERS),
            "/rule.png": Page(200, {"Content-Type": "image/png"}, PICTURE),
            "/mole.png": Page(200, {"Content-Type": "image/png"}, PICTURE + b"mole"),
        }
        visit = ("visit", "--quiet", "--all", "--archive", str(archive))
        holdfast(*visit)
        holdfast(*visit)  # the good captures that the events refer to are revisits
        site.pages["/edited"] = _story("The mole", amount="15 million", more=f"<p>{HOSTILE}</p>")
        site.pages["/lost"] = Page(404, {}, "<h1>Nothing here</h1>")
        holdfast(*visit)
        told = {one["url"]: one for one in listing("events", archive) if one["kind"] != "new_page"}
        edit, loss = told[site.url("/edited", tls=True)], told[site.url("/lost", tls=True)]
        for name, event in (("edited", edit), ("lost", loss)):
            words = ("--event", event["id"], "--output", str(folder / name))
            assert "HOW-TO-VERIFY" in holdfast(
                "export", "dossier", "--archive", str(archive), *words
            )
        yield Made(
            archive=archive,
            site=site,
            edit=edit,
            edited=folder / "edited",
            loss=loss,
            lost=folder / "lost",
        )


@pytest.fixture(params=["edited", "lost"])
def dossier(request: pytest.FixtureRequest, made: Made) -> Path:
    """Give each of the two."""
    folder: Path = getattr(made, request.param)
    return folder


def _ran(*words: str, cwd: Path) -> str:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_kinds_are_those_of_the_events(made: Made) -> None:
    """What was staged is what was seen: an edit in words, and a takedown that was confirmed."""
    assert made.edit["kind"] == "substantive_edit"
    assert (made.loss["kind"], made.loss["phase"]) == ("gone", "confirmed")


def test_sha256sum_finds_every_file_as_it_is_listed(dossier: Path) -> None:
    """The list of digests is complete, and every file has the digest that the list says."""
    said = _ran("sha256sum", "--strict", "--check", "SHA256SUMS", cwd=dossier)
    checked = {line.removesuffix(": OK") for line in said.splitlines()}
    there = {path.relative_to(dossier).as_posix() for path in dossier.rglob("*") if path.is_file()}
    assert checked == there - {"SHA256SUMS"}


def test_warcio_and_fastwarc_take_its_captures(dossier: Path) -> None:
    """Two readers of others find every record sound, and every reference inside the file."""
    path = dossier / "captures.warc.gz"
    checker = Checker(_Options(inputs=[str(path)]))
    checker.process_all()
    assert checker.exit_value == 0
    ids, named = set(), set()
    with path.open("rb") as stream:
        for record in FastIterator(stream, parse_http=False):
            assert record.verify_block_digest() or record.headers["WARC-Type"] == "warcinfo"
            ids.add(record.headers["WARC-Record-ID"])
            for name in ("WARC-Refers-To", "WARC-Concurrent-To", "WARC-Warcinfo-ID"):
                named |= {record.headers[name]} if name in record.headers else set()
    assert named <= ids


class _Options:
    """What warcio's checker reads of its command line."""

    def __init__(self, inputs: list[str]) -> None:
        self.inputs = inputs
        self.verbose = False


def test_the_records_are_the_bytes_of_the_archive(made: Made, dossier: Path) -> None:
    """What lies in the dossier is what lies in the archive, compressed byte for byte."""
    packed = (dossier / "captures.warc.gz").read_bytes()
    for line in (dossier / "records.jsonl").read_text().splitlines():
        one = json.loads(line)
        here = packed[one["offset"] : one["offset"] + one["length"]]
        with (made.archive / one["archive_file"]).open("rb") as file:
            file.seek(one["archive_offset"])
            assert file.read(one["length"]) == here
        assert hashlib.sha256(here).hexdigest() == one["sha256"]


def test_warcio_extracts_the_payloads_by_the_steps_it_names(made: Made) -> None:
    """Each command of HOW-TO-VERIFY.txt gives bytes of the digest that stands below it."""
    done = 0
    for folder in (made.edited, made.lost):
        lines = (folder / "HOW-TO-VERIFY.txt").read_text().splitlines()
        for number, line in enumerate(lines):
            if not line.endswith(" |"):
                continue
            command = f"{line}{lines[number + 1]}".replace("warcio", f"{sys.executable} -m warcio")
            command = command.replace("-m warcio", "-m warcio.cli", 1)
            assert (
                f"sha1:{_ran('sh', '-c', command, cwd=folder)}".strip() == lines[number + 2].strip()
            )
            done += 1
    assert done == 3  # the body of the fourth came compressed
    assert "came compressed" in (made.lost / "HOW-TO-VERIFY.txt").read_text()


def test_pywb_shows_both_captures_from_the_dossier_alone(made: Made, tmp_path: Path) -> None:
    """Before and after, with everything the pages need to be shown, without the archive."""
    installed()
    for name, event, folder in (
        ("edited", made.edit, made.edited),
        ("lost", made.loss, made.lost),
    ):
        alone = tmp_path / name / "warc"
        alone.mkdir(parents=True)
        (alone / "captures.warc.gz").write_bytes((folder / "captures.warc.gz").read_bytes())
        told = json.loads((folder / "event.json").read_text())
        url = event["url"]
        with replaying(alone.parent, work=tmp_path / f"{name}-pywb") as replay:
            before = replay.raw(url, told["before"][-1]["captured_at"])
            assert before.status == 200
            assert b"12 million" in before.body
            after = replay.raw(url, told["after"][-1]["captured_at"])
            assert after.status == told["after"][-1]["status"]
            assert (b"15 million" in after.body) == (name == "edited")
            for path in NEEDED:
                shown = replay.raw(urljoin(url, path), told["before"][-1]["captured_at"])
                assert shown.status == 200, path
                wanted = made.site.pages[path].body  # type: ignore[union-attr]
                assert shown.body == (wanted.encode() if isinstance(wanted, str) else wanted)


def test_openssl_reads_the_certificates(dossier: Path) -> None:
    """The chain of the connection is there, and its file is named by its first certificate."""
    found = list((dossier / "tls").glob("sha256-*.pem"))
    assert found
    for path in found:
        said = _ran(
            "openssl", "x509", "-in", str(path), "-noout", "-fingerprint", "-sha256", cwd=dossier
        )
        fingerprint = said.strip().rpartition("=")[2].replace(":", "").lower()
        assert path.name == f"sha256-{fingerprint}.pem"


def test_the_texts_say_what_happened_and_obey_no_page(made: Made) -> None:
    """Looks, signals, digests, removed and added words; a page's own markup is text in them."""
    diff = (made.edited / "diff.txt").read_text()
    assert "[-12-]" in diff
    assert "{+15+}" in diff
    page = (made.edited / "diff.html").read_text()
    assert "<del>12 </del>" in page
    assert "<ins>15 </ins>" in page
    assert "<script>" not in page
    for text in (diff, page):
        assert "\u202e" not in text
    lost = (made.lost / "event.txt").read_text()
    assert lost.count("seen as gone") == 3
    assert "OTHER PAGES OF THE HOST" in lost
    assert made.loss["summary"] in lost
    for folder in (made.edited, made.lost):
        told = (folder / "HOW-TO-VERIFY.txt").read_text()
        assert "Example Library" in told
        assert "HTTP/1.1 " in (folder / "after" / "answer.txt").read_text()
        assert "GET /" in (folder / "before" / "request.txt").read_text()


def test_every_look_of_a_takedown_is_in_it(made: Made) -> None:
    """All re-looks are there as records, with the times at which they were made."""
    told = json.loads((made.lost / "event.json").read_text())
    looks = [one for look in told["look_records"] for one in look["record_ids"]]
    assert len(looks) == 3
    with (made.lost / "captures.warc.gz").open("rb") as stream:
        kept = {
            record.rec_headers["WARC-Record-ID"]: record.http_headers.get_statuscode()
            for record in ArchiveIterator(stream)
            if record.rec_type in ("response", "revisit")
        }
    assert [kept[one] for one in looks] == ["404"] * 3


def test_a_zip_holds_the_same_dossier(made: Made, tmp_path: Path) -> None:
    """The ZIP is the folder: one name at the top, the same files in it."""
    packed = tmp_path / "edit.zip"
    words = ("--event", made.edit["id"], "--output", str(packed))
    holdfast("export", "dossier", "--archive", str(made.archive), *words)
    with zipfile.ZipFile(packed) as opened:
        assert opened.testzip() is None
        assert {name.partition("/")[0] for name in opened.namelist()} == {"edit"}
        opened.extractall(tmp_path)
    _ran("sha256sum", "--strict", "--check", "SHA256SUMS", cwd=tmp_path / "edit")
    same = {path.relative_to(made.edited) for path in made.edited.rglob("*")}
    assert {path.relative_to(tmp_path / "edit") for path in (tmp_path / "edit").rglob("*")} == same


def test_what_is_there_is_not_written_over(made: Made) -> None:
    """A path that is taken, and an event that is none, are one line and status 1."""
    words = ("export", "dossier", "--archive", str(made.archive))
    said = holdfast(*words, "--event", made.edit["id"], "--output", str(made.edited), expect=1)
    assert "there already" in said
    said = holdfast(*words, "--event", "none", "--output", str(made.edited) + "2", expect=1)
    assert "holdfast events" in said
    assert not list(made.edited.parent.glob(".*"))
