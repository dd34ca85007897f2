"""Serve the sample newspaper, and change it while it is being watched.

`python newspaper.py --port 8765` needs nothing but Python 3.11; tests use the class.
"""

import argparse
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from saltmarsh import answers
from saltmarsh.answers import Answer, Request
from saltmarsh.control import Wish, read_wish
from saltmarsh.edition import Change, ChangeKind, SampleError, apply, read_edition
from saltmarsh.memory import Memory, recall, remember
from saltmarsh.pages import Frame
from saltmarsh.press import Print, print_edition
from saltmarsh.script import Step, read_script
from saltmarsh.server import LOOPBACK, Server, serving

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "script.toml"
CONTROL = "/_control/"
DEFAULT_PORT = 8765


class Newspaper:
    """The sample newspaper: an edition, its printed pages, and what is done to it.

    With ``script`` the changes of ``script.toml`` come by the clock, which starts when the first
    article is fetched; without it nothing changes but what is asked for by method or by POST.
    """

    def __init__(
        self,
        *,
        script: bool = False,
        publishing: bool = False,
        speed: float = 1.0,
        state: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._steps = read_script(SCRIPT)
        self._planned = [
            step
            for step in self._steps
            if script and (publishing or step.kind is not ChangeKind.PUBLISH)
        ]
        self._speed = speed
        self._state = state
        self._now = now
        self._lock = threading.RLock()
        self._requests: Counter[str] = Counter()
        self._memory = recall(state) if state else Memory()
        self._frozen = read_edition(HERE / "articles", HERE / "held")
        self._edition = self._frozen
        self._prints: dict[str, Print] = {}
        self.address = f"http://{LOOPBACK}"
        self._print_anew()

    @property
    def articles(self) -> list[str]:
        """Return the address of every article that can be read now, newest first."""
        with self._lock:
            listed = self._edition.listed()
            return [self.address + self._edition.path(one.node) for one in listed]

    def edit(
        self, node: int | None = None, replacements: Sequence[tuple[str, str]] | None = None
    ) -> str:
        """Replace words in an article without a word about it; return its address."""
        change = self._scripted(ChangeKind.EDIT, node)
        if replacements is not None:
            change = replace(change, replacements=tuple(replacements))
        return self._do(change)

    def take_down(self, node: int | None = None, *, status: int = 404) -> str:
        """Answer an article with 404, 410 or 451 from now on; return its address."""
        if status not in answers.MISSING:
            raise SampleError(f"an article is taken down with 404, 410 or 451, not with {status}")
        return self._do(replace(self._scripted(ChangeKind.TAKE_DOWN, node), status=status))

    def move(self, node: int | None = None, *, to: str | None = None, status: int = 301) -> str:
        """Give an article a new path and redirect the old one to it; return the new address."""
        if status not in answers.MOVES:
            raise SampleError(f"an article moves with 301, 302, 307 or 308, not with {status}")
        change = self._scripted(ChangeKind.MOVE, node)
        return self._do(replace(change, to=to if to is not None else change.to, status=status))

    def restore(self, node: int | None = None) -> str:
        """Put an article back that was taken down; return its address."""
        return self._do(self._scripted(ChangeKind.RESTORE, node))

    def publish(self, node: int | None = None) -> str:
        """Publish an article that was held back; return its address."""
        return self._do(self._scripted(ChangeKind.PUBLISH, node))

    def status(self) -> dict[str, object]:
        """Return what was done so far and what was asked for, for a person or a test."""
        with self._lock:
            edition, started_at = self._edition, self._memory.started_at
            return {
                "address": self.address,
                "articles": len(edition.listed()),
                "started_at": started_at.isoformat() if started_at else None,
                "changes": [
                    {"change": one.kind, "node": one.node, "at": one.at.isoformat()}
                    for one in self._memory.changes
                ],
                "down": {edition.path(node): status for node, status in edition.down.items()},
                "moved": {f"/node/{node}": to for node, (to, _) in edition.moved.items()},
                "requests": dict(self._requests),
            }

    def answer(self, request: Request) -> Answer:
        """Answer one request; the changes that are due by the script come first."""
        path = request.target.partition("#")[0]
        if path.startswith(CONTROL) and request.from_here:
            return self._answer_control(path.removeprefix(CONTROL), request)
        with self._lock:
            self._requests[path] += 1
            self._catch_up()
            answer = self._answer_reader(path, request)
            is_article = path.startswith("/node/") and answer.status == 200
            if is_article and self._memory.started_at is None:
                self._keep(replace(self._memory, started_at=self._now()))
        return answer

    @contextmanager
    def serve(self, port: int = 0, *, verbose: bool = False) -> Iterator["Newspaper"]:
        """Serve on the loopback until the block ends; ``address`` says where."""
        server = Server(self, port=port, verbose=verbose)
        with self._lock:
            self.address = server.address
            self._print_anew()
        with serving(server):
            yield self

    def _answer_reader(self, path: str, request: Request) -> Answer:
        if request.method == "POST":
            return answers.answer_refused()
        edition = self._edition
        for node, (to, status) in edition.moved.items():
            if path == edition.articles[node].path:
                return answers.answer_moved(status, self.address + to)
        for node, status in edition.down.items():
            if path == edition.path(node):
                return answers.answer_missing(status)
        found = self._prints.get(path)
        if found is None:
            return answers.answer_missing(404)
        return answers.answer_print(found, request.headers)

    def _answer_control(self, verb: str, request: Request) -> Answer:
        if verb != "status" and request.method != "POST":
            return answers.answer_json(405, {"error": f"{CONTROL}{verb} wants a POST"})
        try:
            if verb != "status":
                self._obey(verb, read_wish(request.body))
        except SampleError as error:
            return answers.answer_json(400, {"error": str(error)})
        return answers.answer_json(200, self.status())

    def _obey(self, verb: str, wish: Wish) -> None:
        match verb:
            case "edit":
                self.edit(wish.node, wish.replacements)
            case "takedown":
                self.take_down(wish.node, status=wish.status or 404)
            case "move":
                self.move(wish.node, to=wish.to, status=wish.status or 301)
            case "restore":
                self.restore(wish.node)
            case "publish":
                self.publish(wish.node)
            case _:
                raise SampleError(f"there is no {CONTROL}{verb}")

    def _scripted(self, kind: ChangeKind, node: int | None) -> Change:
        """Return the script's change of a kind, or a bare one for an article it does not name."""
        step: Step = next(step for step in self._steps if step.kind is kind)
        if node is None or node == step.node:
            return step.change(self._now())
        return Change(kind=kind, node=node, at=self._now(), to=f"/archive/node-{node}")

    def _do(self, change: Change) -> str:
        with self._lock:
            self._make(change)
            self._keep(replace(self._memory, changes=(*self._memory.changes, change)))
            return self.address + self._edition.path(change.node)

    def _make(self, change: Change) -> None:
        self._edition = apply(self._edition, change)
        frame = Frame(base=self.address, frozen=self._frozen)
        self._prints = print_edition(self._edition, frame=frame, before=self._prints, at=change.at)

    def _print_anew(self) -> None:
        """Print from the frozen edition on, so that every page gets the date it was changed at."""
        self._edition = self._frozen
        frame = Frame(base=self.address, frozen=self._frozen)
        self._prints = print_edition(self._frozen, frame=frame, before={}, at=self._now())
        for change in self._memory.changes:
            self._make(change)

    def _catch_up(self) -> None:
        """Make the changes whose time has come, dated to the moment the script names."""
        started_at = self._memory.started_at
        while started_at is not None and self._memory.steps_taken < len(self._planned):
            step = self._planned[self._memory.steps_taken]
            at = started_at + step.after / self._speed
            if at > self._now():
                return
            self._memory = replace(self._memory, steps_taken=self._memory.steps_taken + 1)
            # A hand may have been quicker; the rest of the script still holds.
            with suppress(SampleError):
                self._do(step.change(at))

    def _keep(self, memory: Memory) -> None:
        self._memory = memory
        if self._state is not None:
            remember(self._state, memory)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description="Serve the sample newspaper on the loopback.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
    parser.add_argument("--speed", type=_speed, default=1.0, help="how fast the script runs")
    parser.add_argument("--no-changes", action="store_true", help="leave every article alone")
    parser.add_argument("--publish", action="store_true", help="publish an article as well")
    parser.add_argument(
        "--state", type=Path, metavar="FILE", help="go on from FILE after a restart"
    )
    parser.add_argument("--announce", action="store_true", help="print the address, once")
    parser.add_argument("--verbose", action="store_true", help="print every request")
    chosen = parser.parse_args(arguments)
    newspaper = Newspaper(
        script=not chosen.no_changes,
        publishing=chosen.publish,
        speed=chosen.speed,
        state=chosen.state,
    )
    endings = {signal.SIGINT, signal.SIGTERM}
    # Blocked before the serving thread is made, so that no thread but this one takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, endings)
    try:
        with newspaper.serve(chosen.port, verbose=chosen.verbose):
            if chosen.announce or chosen.verbose:
                print(newspaper.address + "/", flush=True)
            signal.sigwait(endings)
    except OSError as error:
        print(f"newspaper: cannot serve on {LOOPBACK}:{chosen.port}: {error}", file=sys.stderr)
        return 1
    return 0


def _speed(text: str) -> float:
    speed = float(text)
    if not speed > 0:
        raise ValueError(text)
    return speed


if __name__ == "__main__":
    sys.exit(main())
