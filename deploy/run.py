"""Start Holdfast for somebody who has just cloned it: what `make run` calls.

Without an address it makes a sample archive and watches the sample newspaper; with one it watches
that address in an archive of its own.
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

SAMPLE = Path(__file__).resolve().parent / "sample"
LOOPBACK = "127.0.0.1"
USUAL_PORT = 8440
MARKER = ".sample-archive"
MARK = "Made by `make run`, which removes this folder and makes it anew each time it is called.\n"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 20
PR_SET_PDEATHSIG = 1

CONFIGURATION = """\
# The sample archive of `make run`. Everything is far quicker here than anybody would want it.

[archive]
operator = "Sample archive"
contact = "mailto:nobody@example.org"

[network]
allow_addresses = ["{address}"]     # the sample newspaper; the rest of this machine stays shut

[defaults]
every = "8s"
delay = "0.05s"
confirm = ["2s", "4s", "6s"]        # looks after the first bad one; all must agree
confirm_access = ["2s", "4s", "6s"]
budget_per_day = 1000000

[[site]]
name = "saltmarsh-courier"
start = ["http://{address}/"]
include = ["/node/*", "/archive/*"]
exclude = ["/comment/*"]
"""


class RunError(Exception):
    """Something stands in the way; the message is one line for the person who called."""


class Children:
    """Run one command of holdfast after the other, and end the one that runs when asked to.

    Each child has a session of its own, so that Ctrl-C in a terminal reaches it once, through us.
    """

    def __init__(self) -> None:
        self.asked_to_end = False
        self._child: subprocess.Popen[str] | None = None
        for one in ENDINGS:
            # A terminal that goes away ends us too, unless nohup said that it should not.
            if one is not signal.SIGHUP or signal.getsignal(one) is not signal.SIG_IGN:
                signal.signal(one, self._ask)
        signal.signal(signal.SIGALRM, self._lose_patience)

    def run(self, command: Sequence[str], *, read: bool = False) -> tuple[int, str]:
        """Run a command to its end; return its exit status and, if wanted, what it printed."""
        if self.asked_to_end:
            return 0, ""
        child = self._child = start(command, read=read)
        if self.asked_to_end:  # while it was being started
            child.terminate()
        printed, _ = child.communicate()
        self._child = None
        signal.alarm(0)
        if self.asked_to_end and child.returncode == -signal.SIGTERM:
            return 0, ""  # it was still starting and had nothing to bring to an end
        return exit_status(child.returncode), printed or ""

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        """Pass the first signal on; a person's second Ctrl-C changes nothing."""
        if self.asked_to_end:
            return
        self.asked_to_end = True
        signal.alarm(PATIENCE_SECONDS)
        if self._child is not None:
            self._child.terminate()

    def _lose_patience(self, _signal: int, _frame: FrameType | None) -> None:
        if self._child is not None:
            self._child.kill()


def main(arguments: Sequence[str] | None = None, *, holdfast: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C; return 0 after a clean end, else the exit status of holdfast."""
    chosen = _parser().parse_args(arguments)
    status = stand_in_front()
    if status is not None:
        return status
    children = Children()
    try:
        program = holdfast or find_holdfast()
        if chosen.url is None:
            folder = chosen.archive or Path("sample-archive")
            return run_sample(children, program, folder=folder, port=chosen.port)
        folder = chosen.archive or Path("archive")
        return run_watch(children, program, chosen.url, folder=folder, port=chosen.port)
    except (RunError, OSError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 2


def run_sample(children: Children, holdfast: Sequence[str], *, folder: Path, port: int) -> int:
    """Watch the sample newspaper in a fresh sample archive."""
    clear_sample(folder)
    status, _ = children.run([*holdfast, "init", str(folder)], read=True)
    if folder.is_dir():
        (folder / MARKER).write_text(MARK, encoding="utf-8")
    if status or children.asked_to_end:
        return status
    with newspaper() as address:
        configuration = CONFIGURATION.format(address=address)
        (folder / "holdfast.toml").write_text(configuration, encoding="utf-8")
        if children.asked_to_end:
            return 0
        port = free_port(port)
        print(sample_introduction(address, folder=folder, port=port), flush=True)
        return serve(children, holdfast, folder=folder, port=port)


def run_watch(
    children: Children, holdfast: Sequence[str], url: str, *, folder: Path, port: int
) -> int:
    """Watch one address in an archive that is kept from one call to the next."""
    name = site_name(url)
    if not (folder / "holdfast.toml").exists():
        status, _ = children.run([*holdfast, "init", str(folder)], read=True)
        if status:
            return status
    listing = [*holdfast, "watch", "list", "--archive", str(folder), "--json"]
    status, printed = children.run(listing, read=True)
    if status:
        return status
    if not is_watched(url, printed):
        adding = [*holdfast, "watch", "add", "--archive", str(folder), "--site", name, url]
        status, _ = children.run(adding)
    if status or children.asked_to_end:
        return status
    port = free_port(port)
    print(watch_introduction(url, folder=folder, port=port), flush=True)
    return serve(children, holdfast, folder=folder, port=port)


def serve(children: Children, holdfast: Sequence[str], *, folder: Path, port: int) -> int:
    """Run the service until somebody ends it."""
    listen = f"{LOOPBACK}:{port}"
    status, _ = children.run([*holdfast, "run", "--archive", str(folder), "--listen", listen])
    return status


def clear_sample(folder: Path) -> None:
    """Make room for a sample archive; nothing but an older sample archive is ever removed."""
    other = f"it is left alone; name another folder: make run ARCHIVE={folder}-2"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RunError(f"{folder} is not a folder; {other}")
    if not folder.exists() or not any(folder.iterdir()):
        return
    marker = folder / MARKER
    if not marker.is_file() or marker.read_text(encoding="utf-8", errors="replace") != MARK:
        raise RunError(f"{folder} holds something else than a sample archive; {other}")
    with (folder / "lock").open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise RunError(
                f"a Holdfast is already running on {folder}; end it with Ctrl-C where it runs, or "
                f"name another folder: make run ARCHIVE={folder}-2"
            ) from error
        shutil.rmtree(folder)


@contextlib.contextmanager
def newspaper() -> Iterator[str]:
    """Serve the sample newspaper on a free port until the block ends; yield its HOST:PORT."""
    command = [sys.executable, str(SAMPLE / "newspaper.py"), "--port", "0", "--announce"]
    child = start(command, read=True)
    try:
        assert child.stdout is not None
        said = child.stdout.readline()
        if not said:
            raise RunError("the sample newspaper did not start; what it said stands above")
        yield urlsplit(said.strip()).netloc
    finally:
        child.terminate()
        child.communicate()


def start(command: Sequence[str], *, read: bool = False) -> subprocess.Popen[str]:
    """Start a child in a session of its own that ends when we end."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if read else None,
        text=True,
        start_new_session=True,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - there are no threads here
    )


def end_with_parent() -> None:
    """Ask the kernel to end this process when its parent dies; where it cannot, nothing happens."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def stand_in_front() -> int | None:
    """Take Ctrl-C away from `make`, which would call it a failure; None where there is work to do.

    A terminal sends Ctrl-C to its foreground group, and that is make's, too. So the work is done
    by a child in a group of its own, as a shell does with its jobs. We stay behind in make's group,
    pass on what is sent to us, and give the terminal back at the end.
    """
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    group = os.getpgrp()
    if os.tcgetpgrp(terminal) != group:
        os.close(terminal)
        return None
    # Giving the terminal away and back is done from the background; and nobody could wake us
    # after Ctrl-Z, because the shell knows nothing of the child's group.
    for one in (signal.SIGTTOU, signal.SIGTSTP):
        signal.signal(one, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpgrp())
        os.close(terminal)
        end_with_parent()
        return None
    for one in ENDINGS:
        signal.signal(one, lambda number, _frame: _pass_on(child, number))
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(terminal, group)
    return exit_status(os.waitstatus_to_exitcode(status))


def _pass_on(child: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, number)


def find_holdfast() -> list[str]:
    """Return the command that was installed beside this Python."""
    beside = Path(sys.executable).with_name("holdfast")
    found = str(beside) if beside.exists() else shutil.which("holdfast")
    if found is None:
        raise RunError("the command holdfast is not installed; call make run, which sees to it")
    return [found]


def free_port(wanted: int) -> int:
    """Return the wanted port of the loopback, or a free one if somebody has it."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((LOOPBACK, port))
                found = int(probe.getsockname()[1])
                if found != wanted:
                    print(f"Port {wanted} is taken; {found} is used instead.", flush=True)
                return found
    raise RunError("no port of the loopback is free")


def site_name(url: str) -> str:
    """Return the name of a site after the host of its address."""
    try:
        host = urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError as error:
        raise RunError(f"{url!r} is not a web address: {error}") from error
    plain = re.sub(r"[^a-z0-9.-]+", "-", host.removeprefix("www."))[:80]
    return plain.strip(".-") or "site"


def is_watched(url: str, listing: str) -> bool:
    """Say whether an address stands in a listing of one JSON object a line."""
    known = (json.loads(line).get("url", "") for line in listing.splitlines() if line.strip())
    return any(one.rstrip("/") == url.rstrip("/") for one in known)


def exit_status(code: int) -> int:
    """Return what a shell would call the end of a child; a negative code is a signal."""
    return code if code >= 0 else 128 - code


def sample_introduction(address: str, *, folder: Path, port: int) -> str:
    """Return what a person is told before the sample begins."""
    script = tomllib.loads((SAMPLE / "script.toml").read_text(encoding="utf-8"))["step"]
    steps = [
        f"   {step['after']:>4}  {step['does']}" for step in script if step["change"] != "publish"
    ]
    return "\n".join(
        (
            "",
            "Holdfast now watches the Saltmarsh Courier, a newspaper that does not exist.",
            "",
            f"  its pages      http://{address}/",
            f"  Holdfast       http://{LOOPBACK}:{port}/",
            f"  the archive    {folder}  (made anew by every make run)",
            "",
            "Its articles are captured and looked at again every few seconds. Then, counted from",
            "the first of them:",
            "",
            *steps,
            "",
            "Watch the lines below: the captures, the edit with its words, the takedown first",
            "suspected and then confirmed, and its end. Ctrl-C ends everything.",
            "",
        )
    )


def watch_introduction(url: str, *, folder: Path, port: int) -> str:
    """Return what a person is told before an address is watched."""
    return "\n".join(
        (
            "",
            f"Holdfast now watches {url}",
            "",
            f"  Holdfast       http://{LOOPBACK}:{port}/",
            f"  the archive    {folder}  (kept; call the same again to go on)",
            f"  settings       {folder / 'holdfast.toml'}  (say there who you are)",
            "",
            "Ctrl-C ends it.",
            "",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("url", nargs="?", metavar="URL", help="watch this instead of the sample")
    parser.add_argument("--archive", type=Path, metavar="FOLDER")
    parser.add_argument("--port", type=_port, default=USUAL_PORT, help="of Holdfast's web page")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 65536:
        raise ValueError(text)
    return port


if __name__ == "__main__":
    sys.exit(main())
