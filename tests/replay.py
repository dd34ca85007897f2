"""Run a pywb of its own on the files of an archive, and ask it for what was captured.

pywb has its own virtual environment and runs as its own process: ``make replay-venv`` makes it,
``HOLDFAST_REPLAY`` names another. Nothing of it is imported here.
"""

import io
import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from service import ROOT, listing, wait_for
from warcio.archiveiterator import ArchiveIterator

from storage.message import entity, parse_head

COLLECTION = "archive"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One answer of pywb: its status, its header fields in order, its body as it came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def at(self) -> datetime | None:
        """Return the second of the capture it is of; None when it shows none."""
        told = self.header("Memento-Datetime")
        return parsedate_to_datetime(told) if told else None

    def header(self, name: str) -> str | None:
        """Return the first value of a header field."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A running pywb."""

    port: int

    def raw(self, url: str, at: str | datetime, *, codings: str = "") -> Replayed:
        """Return a capture as it was, unrewritten.

        A body in one of the ``codings`` comes still coded, any other comes decoded.
        """
        return self.get(f"/{COLLECTION}/{stamp(at)}id_/{url}", codings=codings)

    def rewritten(self, url: str, at: str | datetime) -> Replayed:
        """Return a capture as a browser gets it, its addresses leading back to pywb."""
        return self.get(f"/{COLLECTION}/{stamp(at)}mp_/{url}")

    def get(self, path: str, *, codings: str = "") -> Replayed:
        """Return what pywb answers at a path; what it cuts short is returned as far as it came."""
        said = _ask(self.port, path, codings=codings)
        head = parse_head(said)
        assert head is not None, f"pywb answers {path} with {said[:200]!r}"
        body = b"".join(entity(io.BytesIO(said)))
        return Replayed(status=head.status, headers=head.fields, body=body)


def stamp(at: str | datetime) -> str:
    """Return the 14 digits by which pywb knows a time; it knows nothing finer than a second."""
    when = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{when:%Y%m%d%H%M%S}"


def installed() -> Path:
    """Return the virtual environment of pywb; without one the test is skipped, in CI it fails."""
    venv = Path(os.environ.get("HOLDFAST_REPLAY") or ROOT / ".venv-replay").absolute()
    if (venv / "bin" / "wayback").exists() and (venv / "bin" / "cdx-indexer").exists():
        return venv
    why = f"there is no pywb in {venv}: make replay-venv"
    if os.environ.get("HOLDFAST_CI") == "1":
        pytest.fail(why)
    pytest.skip(why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A capture of the listing, and the record it points to as warcio reads it."""

    capture: Mapping[str, Any]
    type: str
    block: bytes

    @property
    def path(self) -> str:
        """Return the path of its address."""
        return urlsplit(str(self.capture["url"])).path

    @property
    def is_answer(self) -> bool:
        """Say whether it is an HTTP answer, whole or cut."""
        return self.type in ("response", "revisit") and self.capture["status"] is not None

    @property
    def payload(self) -> bytes:
        """Return the entity of a response record."""
        return b"".join(entity(io.BytesIO(self.block)))

    @property
    def codings(self) -> str:
        """Return the content coding as the answer names it, so that pywb leaves it on."""
        head = parse_head(self.block)
        named = head.fields if head is not None else ()
        return ", ".join(value for name, value in named if name.lower() == "content-encoding")


def held(archive: Path) -> list[Held]:
    """Return all captures that have a record."""
    found = []
    for capture in listing("captures", archive):
        if capture["warc_file"] is None:
            continue
        with (archive / capture["warc_file"]).open("rb") as file:
            file.seek(capture["warc_offset"])
            record = next(iter(ArchiveIterator(file, no_record_parse=True)))
            block = record.raw_stream.read()
        found.append(Held(capture=capture, type=record.rec_type, block=block))
    return found


def differing(replay: Replay, every: Sequence[Held]) -> dict[str, str]:
    """Return what pywb does not show as it was kept, and how its answer differs, by path."""
    answers = [one for one in every if one.is_answer]
    payloads = {
        one.capture["payload_digest"]: one.payload for one in answers if one.type == "response"
    }
    return {
        one.path: fault
        for one in answers
        if (fault := _fault(one, payloads[one.capture["payload_digest"]], replay=replay))
    }


def _fault(one: Held, payload: bytes, *, replay: Replay) -> str:
    """Say how pywb's answer differs from the capture, or nothing."""
    shown = replay.raw(str(one.capture["url"]), one.capture["captured_at"], codings=one.codings)
    if shown.status != one.capture["status"]:
        return f"status {shown.status}, not {one.capture['status']}"
    if shown.at != datetime.fromisoformat(one.capture["captured_at"]).replace(microsecond=0):
        return f"it is that of {shown.at}"
    if shown.body != payload:
        return f"{len(shown.body)} bytes {shown.body[:80]!r}, not {len(payload)}"
    head = parse_head(one.block)
    assert head is not None
    named = [value for name, value in head.fields if name.lower() == "location"]
    # Letters beyond ASCII are sent by pywb's web server in another charset.
    if named and named[0].isascii() and shown.header("Location") != named[0]:
        return f"to {shown.header('Location')}, not {named[0]}"
    return ""


def indexed(archive: Path, *, work: Path) -> Path:
    """Index the closed files of an archive with pywb's indexer, and return the index."""
    work.mkdir(parents=True, exist_ok=True)
    index, warc = work / "index.cdxj", archive / "warc"
    # The options are those of pywb's own `wb-manager add`.
    words = ["--cdxj", "--sort", "--recurse", "--postappend", "--dir-root", str(warc)]
    indexer = installed() / "bin" / "cdx-indexer"
    _run([str(indexer), *words, "--output", str(index), str(warc)], cwd=work)
    return index


def keys(urls: Sequence[str], *, work: Path) -> list[str]:
    """Return the keys by which pywb looks for addresses."""
    program = (
        "import json, sys; from pywb.utils.canonicalize import canonicalize\n"
        "print(json.dumps([canonicalize(one) for one in json.load(open(sys.argv[1]))]))"
    )
    work.mkdir(parents=True, exist_ok=True)
    (work / "urls.json").write_text(json.dumps(list(urls)))
    words = [str(installed() / "bin" / "python"), "-c", program, "urls.json"]
    found: list[str] = json.loads(_run(words, cwd=work))
    return found


@contextmanager
def replaying(archive: Path, *, work: Path, index: Path | None = None) -> Iterator[Replay]:
    """Serve the closed files of an archive until the end, by an ``index`` or that of pywb.

    ``work`` is a folder for what pywb writes; the archive's own files are served where they lie.
    """
    venv = installed()
    work.mkdir(parents=True, exist_ok=True)
    warc = archive / "warc"
    index = index or indexed(archive, work=work)
    place = f"{index}/" if index.is_dir() else str(index)
    # JSON is YAML.
    settings = {
        "framed_replay": False,
        "collections": {COLLECTION: {"index_paths": place, "archive_paths": f"{warc}/"}},
    }
    (work / "config.yaml").write_text(json.dumps(settings))
    port, process = _started(venv, work)
    try:
        yield Replay(port=port)
    finally:
        process.kill()
        process.wait()


def _started(venv: Path, work: Path) -> tuple[int, subprocess.Popen[bytes]]:
    """Start pywb on a free port; another program may take the port first, so try a few."""
    log = work / "pywb.log"
    for _ in range(3):
        with socket.create_server((_HOST, 0)) as free:
            port = free.getsockname()[1]
        words = [str(venv / "bin" / "wayback"), "-b", _HOST, "-p", str(port), "-d", str(work)]
        with log.open("ab") as out:
            process = subprocess.Popen(words, stdout=out, stderr=out, cwd=work, env=_environment())
        wait_for(lambda one=process, at=port: one.poll() is not None or _answers(at))
        if process.poll() is None:
            return port, process
    raise AssertionError(f"pywb did not start: {log.read_text(errors='replace')[-4000:]}")


def _answers(port: int) -> bool:
    try:
        return b" 200 " in _ask(port, "/").partition(b"\r\n")[0]
    except OSError:
        return False


def _ask(port: int, path: str, *, codings: str = "") -> bytes:
    """Return every byte pywb sends; the clients at hand refuse the odd heads it passes on."""
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {_HOST}:{port}\r\n"
        f"Accept-Encoding: {codings}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((_HOST, port), timeout=30) as connection:
        connection.sendall(request.encode("ascii"))
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def _environment() -> dict[str, str]:
    """Return an environment in which pywb talks to the loopback and to nobody else."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
    }
    nowhere = "http://127.0.0.1:9"
    return {
        **kept,
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONWARNINGS": "ignore",
    }


def _run(words: Sequence[str], *, cwd: Path) -> str:
    done = subprocess.run(
        words, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{words} → {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout
