"""Tell by any of the services that Apprise knows: chats, telephones, push messages.

Apprise opens its own connections, so it runs in a process of its own, which ends with the delivery.
An audit hook of that process asks us about every address before a socket gets it; what starts
other programs is forbidden there. So the address guard and the time-out hold for all its services.
"""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.util import find_spec
from threading import Timer
from time import monotonic
from typing import IO

from crawler.durations import format_duration
from crawler.errors import DeliveryError, DeliveryRefusedError
from crawler.outbound import Door, Guard
from crawler.placeholders import check
from crawler.wording import DELIVERY_NAMES, EVENT_NAMES, body, listed, subject
from storage.model import Delivery, Severity

MOST_LINES = 30
"""Events that a message names; services refuse or cut long ones."""

_KEPT = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What the process gets of the environment: no proxy, and no secret of ours."""
_FORBIDDEN = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "pty.spawn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One message a delivery, to one service; another service is another alert."""

    service: str = field(repr=False)
    """The address of the service as Apprise writes it, mostly with a secret: ``tgram://…``."""
    title: str = ""
    """Template of the title: ``[{alert}] {what}``."""
    line: str = ""
    """Template of the line that tells an event: ``{kind} {url}``."""
    timeout: timedelta = timedelta(seconds=30)
    """For one message, the start of the process included."""

    def __post_init__(self) -> None:
        """Refuse what could never work."""
        if find_spec("apprise") is None:
            raise ValueError(
                "Apprise is not installed beside Holdfast; install it into the same environment: "
                "python -m pip install apprise"
            )
        scheme, mark, rest = self.service.partition("://")
        if not (mark and rest and scheme.isalnum()) or "\0" in self.service:
            raise ValueError("service must be an address of Apprise, such as tgram://TOKEN/CHAT")
        check(self.title, DELIVERY_NAMES)
        check(self.line, EVENT_NAMES)

    def send(self, delivery: Delivery, door: Door, /) -> None:
        """Hand the message to the service; done when the service says that it has it."""
        urgent = any(event.severity is Severity.HIGH for event in delivery.events)
        order = {
            "service": self.service,
            "title": subject(delivery, template=self.title),
            "body": self._text(delivery),
            "type": "warning" if urgent else "info",
        }
        said = _Errand(door.guard, timeout=self.timeout).run(order)
        match said:
            case {"taken": True}:
                return
            case {"unknown": True}:
                raise DeliveryRefusedError("Apprise knows no such service; see its address")
            case _:
                raise DeliveryError(f"the service did not take it, says Apprise{_why(said)}")

    def _text(self, delivery: Delivery) -> str:
        if len(delivery.events) == 1 and not self.line:
            return body(delivery)
        lines = listed(delivery, most=MOST_LINES, line=self.line)
        return "\n".join([*lines, "", f"Delivery {delivery.id}"])


class _Errand:
    """One run of the process: an order in, questions about addresses, an answer out."""

    def __init__(self, guard: Guard, *, timeout: timedelta) -> None:
        self._guard = guard
        self._timeout = timeout
        self._refused = ""

    def run(self, order: Mapping[str, str]) -> dict[str, object]:
        ends = monotonic() + self._timeout.total_seconds()
        with subprocess.Popen(  # noqa: S603 - this very file, and no word of a page
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _KEPT if name in os.environ},
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            timer = Timer(self._timeout.total_seconds(), process.kill)
            timer.daemon = True
            timer.start()
            try:
                _say(process.stdin, order)
                said = self._answered(process.stdin, process.stdout)
            except OSError:
                said = {}
            finally:
                timer.cancel()
                process.kill()
        if self._refused and not said.get("taken"):
            raise DeliveryError(
                f"no delivery: {self._refused}; name the address under allow_addresses if you "
                "mean it"
            )
        if not said and monotonic() >= ends:
            raise DeliveryError(f"no answer within {format_duration(self._timeout)}")
        return said

    def _answered(self, to: IO[bytes], source: IO[bytes]) -> dict[str, object]:
        """Answer what is asked of addresses until the result comes; nothing if none comes."""
        for line in source:
            said: dict[str, object] = json.loads(line)
            asked = said.get("connect")
            if not isinstance(asked, list):
                return said
            refusal = self._guard.refusal(str(asked[0]), int(asked[1]))
            self._refused = self._refused or refusal or ""
            _say(to, {"refusal": refusal or ""})
        return {}


def _why(said: Mapping[str, object]) -> str:
    """Return the HTTP status that the service answered, which is all that names no secret."""
    status = said.get("status")
    return f": it answered {status}" if isinstance(status, int) else ""


def _say(to: IO[bytes], what: Mapping[str, object]) -> None:
    to.write(json.dumps(what).encode("ascii") + b"\n")
    to.flush()


# --- in the process of its own ----------------------------------------------------------------


def main() -> None:
    """Run one errand: what it prints goes nowhere, its own words are the two pipes."""
    questions = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    order = json.loads(sys.stdin.buffer.readline())
    # Before anything of Apprise is imported: the hook can never be taken off again.
    sys.addaudithook(_Hook(questions, sys.stdin.buffer))
    _say(questions, _notify(order))


class _Hook:
    """Ask about every address that a socket is about to get, and forbid other programs."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event in _FORBIDDEN:
            raise PermissionError(f"{event} is forbidden here")
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._ask(arguments[-1])

    def _ask(self, address: object) -> None:
        match address:
            case (str(host), int(port), *_):
                asked = [host.partition("%")[0], port]
            case None:  # the socket is connected, and was asked about then
                return
            case _:
                raise PermissionError("only internet addresses are connected to")
        _say(self._questions, {"connect": asked})
        if json.loads(self._answers.readline())["refusal"]:
            raise PermissionError("this address is not connected to")


class _Statuses(logging.Handler):
    """Keep the last HTTP status that Apprise complained of; its sentences may hold secrets."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last: int | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Look for a status among what the sentence is made of."""
        given = record.args if isinstance(record.args, tuple) else ()
        for one in given:
            if isinstance(one, int) and 300 <= one <= 599:
                self.last = one


def _notify(order: Mapping[str, str]) -> dict[str, object]:
    import apprise  # noqa: PLC0415 - an optional dependency, and only in this process

    statuses = _Statuses()
    logging.getLogger("apprise").addHandler(statuses)
    asset = apprise.AppriseAsset(app_id="Holdfast", app_desc="Holdfast", async_mode=False)
    service = apprise.Apprise(asset=asset)
    if not service.add(order["service"]):
        return {"unknown": True}
    taken = service.notify(
        title=order["title"],
        body=order["body"],
        notify_type=order["type"],
        body_format=apprise.NotifyFormat.TEXT,
    )
    return {"taken": bool(taken), "status": statuses.last}


if __name__ == "__main__":
    main()
