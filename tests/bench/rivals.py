"""Name the rivals: how each is called, what it keeps, and in which variants it runs."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from environment import environment
from measure import HERE

WEBARCHIVE = "scrapy-webarchive==0.5.3"
WEBARCHIVE_NEEDS = ("warcio==1.7.4", "warc-knot==0.2.5", "wacz==0.5.0", "cdxj-indexer==1.4.5")


Call = Callable[[Path, Path], list[str]]


class Keeps(StrEnum):
    """What a rival leaves behind, and so how its work is verified."""

    NOTHING = "nothing"
    WIRE = "wire"
    """WARC files with the answers as the server sent them."""
    PAGES = "pages"
    """WARC files with the pages, their answers written anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """One way to fetch a list."""

    name: str
    title: str
    command: Call
    """From the list and the folder it may write to."""
    keeps: Keeps
    variants: str = "ab"
    knows: bool = False
    """Whether it is told the digests of the pages, which it has seen before."""
    one_connection: bool = False
    """Whether it has one connection only, and so gets the list host after host."""


def ours(script: str, *options: str) -> Call:
    """Return how one of the bench's own scripts is called."""
    path = str(HERE / script)
    return lambda urls, folder: [sys.executable, path, *options, str(urls), str(folder)]


def scrapy(urls: Path, folder: Path) -> list[str]:
    """Return the call of Scrapy as it comes."""
    return [sys.executable, str(HERE / "run_scrapy.py"), str(urls)]


def wget(*options: str) -> Call:
    """Return how wget is called: quiet, and its pages are written to nowhere but the WARC."""

    def command(urls: Path, folder: Path) -> list[str]:
        warc = f"--warc-file={folder / 'wget'}"
        return ["wget", "--quiet", *options, f"--input-file={urls}", "-O", "/dev/null", warc]

    return command


def webarchive(python: Path) -> Rival:
    """Return scrapy-webarchive, run by the interpreter that has it."""
    script = str(HERE / "run_scrapy.py")
    return Rival(
        name="webarchive",
        title="scrapy-webarchive",
        command=lambda urls, folder: [
            str(python), script, "--webarchive", str(folder), str(urls)
        ],
        keeps=Keeps.PAGES,
        variants="b",
    )  # fmt: skip


RIVALS = (
    Rival(name="stock", title="Scrapy, no WARC", command=scrapy, keeps=Keeps.NOTHING),
    Rival(
        name="fetch",
        title="Holdfast's fetch, no WARC",
        command=ours("run_engine.py", "--nothing"),
        keeps=Keeps.NOTHING,
    ),
    Rival(
        name="capture",
        title="Holdfast's capture",
        command=ours("run_engine.py"),
        keeps=Keeps.WIRE,
    ),
    Rival(
        name="recapture",
        title="Holdfast's recapture lane",
        command=ours("run_recapture.py"),
        keeps=Keeps.WIRE,
        variants="b",
        knows=True,
    ),
    Rival(
        name="wget",
        title="wget --warc-file",
        command=wget(),
        keeps=Keeps.WIRE,
        variants="b",
        one_connection=True,
    ),
    Rival(
        name="wget-gzip",
        title="wget --warc-file --compression=auto",
        command=wget("--compression=auto"),
        keeps=Keeps.WIRE,
        variants="b",
        one_connection=True,
    ),
    Rival(
        name="share",
        title="Holdfast, WARC off and on",
        command=ours("run_share.py"),
        keeps=Keeps.NOTHING,  # half of it: what is kept by the same parts is verified above
        variants="b",
        knows=True,
    ),
)


def webarchive_python() -> Path:
    """Return an interpreter that has scrapy-webarchive beside this Scrapy; make it if need be.

    It asks for an older Scrapy, so it is installed without what it asks for. Raise MissingError
    when that cannot be done.
    """
    ours_too = f"scrapy=={version('scrapy')}"
    return environment(
        "webarchive",
        ((ours_too, *WEBARCHIVE_NEEDS), ("--no-deps", WEBARCHIVE)),
        imports=("scrapy_webarchive.extensions",),
    )


def titles() -> dict[str, str]:
    """Return what the rivals are called in tables."""
    return {one.name: one.title for one in (*RIVALS, webarchive(Path()))}


def missing(rival: Rival) -> str | None:
    """Say why a rival is not there, or return None."""
    if rival.one_connection and shutil.which("wget") is None:
        return "wget is not installed"
    return None
