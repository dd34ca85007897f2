"""What `make run` does with folders, ports and signals, tried with a stand-in for holdfast."""

import contextlib
import fcntl
import importlib.util
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.flow

PROGRAM = Path(__file__).parents[2] / "deploy" / "run.py"

STAND_IN = """\
import json, os, pathlib, signal, sys, time
here = pathlib.Path(__file__).parent
ways = json.loads((here / "ways.json").read_text())
arguments = sys.argv[1:]
got = []
def tell():
    with open(here / "calls.jsonl", "a") as file:
        file.write(json.dumps({"arguments": arguments, "signals": got}) + "\\n")
def end(number, frame):
    got.append(number)
    time.sleep(0.15)  # long enough for a second signal to come while the first is handled
    tell()
    sys.exit(0)
if ways.get("signals_parent_in") == arguments[0]:
    os.kill(os.getppid(), signal.SIGTERM)
    signal.pause()
if arguments[0] == "init":
    folder = pathlib.Path(arguments[1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "holdfast.toml").write_text("# made by init")
    (folder / "lock").touch()
if arguments[:2] == ["watch", "list"]:
    print(ways.get("list", ""), end="")
if arguments[0] == "run" and not ways.get("run"):
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, end)
    print("service is up", flush=True)
    while True:
        signal.pause()
tell()
sys.exit(ways.get(arguments[0], 0))
"""

CALLER = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("run", sys.argv[1])
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)
sys.exit(run.main(sys.argv[3:], holdfast=[sys.executable, "-S", "-E", sys.argv[2]]))
"""


class Desk:
    """A folder to call `make run` in, and what the stand-in wrote down there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stand_in = folder / "stand_in.py"
        self.stand_in.write_text(STAND_IN)
        self.let()

    def let(self, **ways: object) -> None:
        """Say what the stand-in answers: exit statuses by verb, and the watch list."""
        (self.folder / "ways.json").write_text(json.dumps(ways))

    @property
    def calls(self) -> list[dict[str, list[str]]]:
        file = self.folder / "calls.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def command(self, *arguments: str) -> list[str]:
        caller = ["-S", "-E", "-c", CALLER, str(PROGRAM), str(self.stand_in)]
        return [sys.executable, *caller, *arguments]

    @contextlib.contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen(
            self.command(*arguments),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as child:
            try:
                yield child
            finally:
                child.kill()

    def call(self, *arguments: str) -> tuple[int, str, str]:
        with self.start(*arguments) as child:
            said, complained = child.communicate(timeout=20)
        return child.returncode, said, complained


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("deploy_run", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_until(child: subprocess.Popen[str], words: str) -> str:
    assert child.stdout is not None
    said = ""
    for line in child.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def ends(what: Callable[[], object]) -> bool:
    """Wait until something is refused, for ten seconds at most."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            what()
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sample_ends_clean_and_its_service_is_told_once(desk: Desk, number: int) -> None:
    """A signal to the group, sent twice, reaches the service as one SIGTERM; the exit is 0."""
    with desk.start() as child:
        said = read_until(child, "service is up")
        config = tomllib.loads((desk.folder / "sample-archive" / "holdfast.toml").read_text())
        home = config["site"][0]["start"][0]
        with urlopen(home, timeout=5) as page:
            assert b"Saltmarsh" in page.read()
        os.killpg(child.pid, number)
        os.killpg(child.pid, number)
        _, complained = child.communicate(timeout=20)
    assert (child.returncode, complained) == (0, "")
    assert [one["arguments"][0] for one in desk.calls] == ["init", "run"]
    assert desk.calls[-1]["signals"] == [signal.SIGTERM]
    assert home in said
    assert "http://127.0.0.1:" in said
    assert config["network"]["allow_addresses"] == [home.removeprefix("http://").rstrip("/")]
    with pytest.raises(OSError, match="refused"):
        urlopen(home, timeout=5)


def test_nothing_is_left_when_it_is_killed(desk: Desk) -> None:
    """After SIGKILL the newspaper and the service end by themselves."""
    with desk.start() as child:
        read_until(child, "service is up")
        config = tomllib.loads((desk.folder / "sample-archive" / "holdfast.toml").read_text())
        child.kill()
        child.wait()
        assert ends(lambda: urlopen(config["site"][0]["start"][0], timeout=5).close())
        child.communicate(timeout=10)  # ends when the service, too, has closed its output
    assert desk.calls[-1]["signals"] == [signal.SIGTERM]


def test_ctrl_c_under_make_is_no_failure(desk: Desk) -> None:
    """In a terminal Ctrl-C reaches the service once, and make itself ends with 0."""
    (desk.folder / "command.json").write_text(json.dumps(desk.command()))
    starter = (
        "import json, os; command = json.load(open('command.json')); os.execv(command[0], command)"
    )
    (desk.folder / "Makefile").write_text(f'run:\n\t@exec {sys.executable} -c "{starter}"\n')
    outside, inside = pty.openpty()
    with subprocess.Popen(
        ["make", "run"],
        cwd=desk.folder,
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no threads
    ) as make:
        os.close(inside)
        said = b""
        while b"service is up" not in said:
            said += os.read(outside, 4096)
        os.write(outside, b"\x03")
        with contextlib.suppress(OSError):  # the terminal is gone with the last who had it
            while more := os.read(outside, 4096):
                said += more
        assert make.wait(timeout=20) == 0, said
    os.close(outside)
    assert desk.calls[-1]["signals"] == [signal.SIGTERM]


def test_the_status_of_a_service_that_ends_is_passed_on(desk: Desk) -> None:
    """When holdfast run ends by itself, its exit status is ours."""
    desk.let(run=75)
    assert desk.call()[0] == 75


def test_a_service_that_cannot_start_is_not_reached(desk: Desk) -> None:
    """When holdfast init fails, its status is ours and nothing else is started."""
    desk.let(init=3)
    assert desk.call()[0] == 3
    assert [one["arguments"][0] for one in desk.calls] == ["init"]


def sample(folder: Path, run: ModuleType) -> Path:
    archive = folder / "sample-archive"
    (archive / "warc" / "2026").mkdir(parents=True)
    (archive / "lock").touch()
    (archive / run.MARKER).write_text(run.MARK)
    return archive


def test_a_sample_archive_is_removed(run: ModuleType, tmp_path: Path) -> None:
    """An older sample archive goes, with all that is in it; a folder without anything may stay."""
    archive = sample(tmp_path, run)
    run.clear_sample(archive)
    assert not archive.exists()
    archive.mkdir()
    run.clear_sample(archive)
    assert archive.exists()


def foreign_archive(folder: Path) -> None:
    folder.mkdir()
    (folder / "holdfast.toml").write_text("# somebody's own")


def foreign_marker(folder: Path) -> None:
    folder.mkdir()
    (folder / ".sample-archive").write_text("my samples")


def link(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir()
    (folder.parent / "elsewhere" / "letter.txt").write_text("dear")
    folder.symlink_to(folder.parent / "elsewhere")


def plain_file(folder: Path) -> None:
    folder.write_text("not a folder")


@pytest.mark.parametrize("make", [foreign_archive, foreign_marker, link, plain_file])
def test_nothing_but_a_sample_archive_is_removed(
    run: ModuleType, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """What is not ours is left as it is."""
    make(tmp_path / "mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(run.RunError, match="make run ARCHIVE="):
        run.clear_sample(tmp_path / "mine")
    assert sorted(tmp_path.rglob("*")) == before


def test_what_stands_in_the_way_is_told_in_a_line(desk: Desk) -> None:
    """A folder that is not ours to remove ends it with 2 and one line, before anything starts."""
    foreign_archive(desk.folder / "mine")
    status, said, complained = desk.call("--archive", "mine")
    assert (status, said, len(complained.splitlines())) == (2, "", 1)
    assert desk.calls == []


def test_a_sample_archive_in_use_is_not_removed(run: ModuleType, tmp_path: Path) -> None:
    """While a service holds the archive's lock, a second make run leaves it alone."""
    archive = sample(tmp_path, run)
    with (archive / "lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(run.RunError, match="already running"):
            run.clear_sample(archive)
    assert (archive / "warc" / "2026").exists()


def test_a_port_that_is_taken_is_replaced_and_told(
    run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another port is used where somebody has the usual one, and a line names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        used = run.free_port(port)
        assert used != port
        assert capsys.readouterr().out == f"Port {port} is taken; {used} is used instead.\n"
    assert run.free_port(port) == port
    assert capsys.readouterr().out == ""


def verbs(desk: Desk) -> list[str]:
    return [" ".join(one["arguments"][:2]) for one in desk.calls]


def test_an_address_is_put_on_the_watch_list_once(desk: Desk) -> None:
    """The first call makes the archive and adds the address; the second only runs."""
    url = "https://www.example.org/news/"
    desk.let(run=1)
    desk.call(url)
    assert verbs(desk) == ["init archive", "watch list", "watch add", "run --archive"]
    added = desk.calls[2]["arguments"]
    assert added == ["watch", "add", "--archive", "archive", "--site", "example.org", url]
    desk.let(run=1, list=json.dumps({"url": url, "site": "example.org"}) + "\n")
    desk.call(url)
    assert verbs(desk)[4:] == ["watch list", "run --archive"]


def test_an_address_that_is_refused_ends_it(desk: Desk) -> None:
    """When holdfast will not watch the address, its exit status is ours and nothing runs."""
    desk.let(watch=2)
    assert desk.call("file:///etc/passwd")[0] == 2
    assert "run --archive" not in verbs(desk)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://www.Example.org/a", "example.org"),
        ("http://me:secret@127.0.0.1:8080/", "127.0.0.1-8080"),
        ("http://[2001:db8::1]/", "2001-db8-1"),
        ("https://zürich.example/", "z-rich.example"),
        ("nonsense", "site"),
        ("https://" + "a" * 300 + "/", "a" * 80),
    ],
)
def test_a_site_is_named_after_its_host(run: ModuleType, url: str, name: str) -> None:
    """The name holds what a site's name may hold, and no secret of the address."""
    assert run.site_name(url) == name


@pytest.mark.parametrize("verb", ["init", "watch"])
def test_a_signal_may_come_before_the_service_runs(desk: Desk, verb: str) -> None:
    """Ended while it prepares, it ends clean and starts no service."""
    desk.let(signals_parent_in=verb)
    status, _, complained = desk.call("https://example.org/")
    assert (status, complained) == (0, "")
    assert "run --archive" not in verbs(desk)


def test_the_introduction_follows_the_script(run: ModuleType) -> None:
    """A person is told what will happen, and when, in the words of the script."""
    text: Sequence[str] = run.sample_introduction(
        "127.0.0.1:1", folder=Path("a"), port=2
    ).splitlines()
    steps = [line.split()[0] for line in text if line.strip().endswith(")") and "s  " in line]
    assert steps == ["35s", "50s"]
    assert any("25s" in line for line in text)
    assert not any("70s" in line for line in text)
