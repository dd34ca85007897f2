"""Build alert channels from their options, and send through them what is due."""

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import Enum, auto
from importlib import import_module
from itertools import chain, zip_longest
from time import monotonic
from typing import Protocol, cast, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError

from crawler import alerts, plugins, routing
from crawler.durations import RIGHT, parse_duration
from crawler.errors import ConfigError, DeliveryError, DeliveryRefusedError
from crawler.outbound import Door
from crawler.wording import shown
from storage.catalogue import deliveries
from storage.catalogue.engine import Catalogue
from storage.model import Alert, Axis, Delivery, DeliveryState, Event, Severity
from storage.warc.statements import Sent

logger = logging.getLogger(__name__)

FIRST_DELAY = timedelta(seconds=10)
LONGEST_DELAY = timedelta(hours=1)
MOST_ATTEMPTS = 80
"""Nine tries in the first hour and a half, then one an hour: about three days."""

PASS_LENGTH = timedelta(seconds=30)
"""After this time a pass starts no further delivery; one send may still take its own time-out."""

PASS_LIMIT = 100
"""Deliveries that one pass takes from the catalogue."""


class Channel(Protocol):
    """One way to tell people; a file of ``crawler/alerts``, whose fields are its options."""

    def send(self, delivery: Delivery, door: Door, /) -> None:
        """Send, or raise DeliveryError; it may be called again with the same delivery.

        It blocks no longer than its own time-out, and goes out by ``door`` alone.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What one pass did: deliveries sent, failed for now, and given up."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    out: tuple[Sent, ...] = field(default=(), compare=False)
    """What was sent, as the archive keeps it."""


# --- channels from options --------------------------------------------------------------------


def channel_names() -> list[str]:
    """Return the names that ``channel =`` may have: the files of ``crawler/alerts``."""
    return plugins.names(alerts)


def option_names(channel: str) -> list[str]:
    """Return the options of a channel; raise ConfigError when there is no such channel."""
    return [option.name for option in _options(_class(channel))]


def make_channel(channel: str, options: Mapping[str, object]) -> Channel:
    """Build a channel; raise ConfigError that says which option is wrong and what would be right.

    Durations may be text such as ``"10s"``. The value of an option is never repeated in a message:
    it may be a secret.
    """
    kind = _class(channel)
    known = {option.name: option for option in _options(kind)}
    for name in options:
        if name not in known:
            raise ConfigError(
                f'channel "{channel}" has no option "{name}"; {_nearest(name, known)}'
            )
    for name, option in known.items():
        if name not in options and option.default is MISSING and option.default_factory is MISSING:
            raise ConfigError(f'channel "{channel}" needs the option "{name}" (or {name}_file)')
    hints = get_type_hints(kind)
    typed = {name: _typed(channel, name, hints[name], value) for name, value in options.items()}
    try:
        return cast("Channel", kind(**typed))
    except ValueError as error:
        raise ConfigError(f'channel "{channel}": {error}') from error


def _class(channel: str) -> type:
    if channel not in channel_names():
        there_are = ", ".join(channel_names())
        raise ConfigError(f'there is no channel "{channel}"; write one of: {there_are}')
    name = f"{alerts.__name__}.{channel}"
    try:
        kind = getattr(import_module(name), "Channel", None)
    except (ImportError, SyntaxError) as error:
        raise ConfigError(f"{name} does not load: {error}; mend or remove the file") from error
    if not isinstance(kind, type) or not is_dataclass(kind) or not hasattr(kind, "send"):
        raise ConfigError(f"{name} must hold a dataclass Channel with send(); see the others")
    return kind


def _options(kind: type) -> Sequence[Field[object]]:
    return [option for option in fields(kind) if option.init]


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    listed = ", ".join(sorted(known))
    return f"it has: {listed}" if listed else "it has none"


def _typed(channel: str, name: str, hint: type[object], value: object) -> object:
    where = f'channel "{channel}", option "{name}"'
    if hint is timedelta or timedelta in get_args(hint):
        return _duration(where, value)
    # What comes from a file or the environment is text ("25"); what comes from TOML has its type.
    given = tuple(value) if isinstance(value, list) else value
    try:
        typed: object = TypeAdapter(hint).validate_python(given, strict=not isinstance(value, str))
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]["msg"]
        fault = fault.replace("Input should be", "it should be").replace("tuple", "list")
        raise ConfigError(f"{where}: {fault}") from error
    return typed


def _duration(where: str, value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ConfigError(f"{where}: it should be a length of time: {RIGHT}")
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error


# --- deliveries -------------------------------------------------------------------------------


def bundle_due(
    catalogue: Catalogue,
    *,
    now: datetime,
    quiet: Mapping[str, routing.Quiet],
    calm: timedelta = routing.CALM,
) -> int:
    """Make of what waits for each alert one delivery, where nothing more is to come; count them.

    ``quiet`` are the quiet hours of alerts by their names. What is bundled never changes again.
    """
    with catalogue.read() as db:
        waiting = deliveries.waiting(db, now=now)
        sent = deliveries.count_sent(db, since=now - timedelta(hours=1)) if waiting else {}
    bundles = [
        routing.ready(
            [one for one in waiting if one.alert == alert],
            now=now,
            sent_lately=sent.get(alert, 0),
            quiet=quiet.get(alert),
            calm=calm,
        )
        for alert in dict.fromkeys(one.alert for one in waiting)
    ]
    for bundle in filter(None, bundles):
        with catalogue.write() as db:
            deliveries.bundle(db, [one.id for one in bundle])
    return sum(1 for bundle in bundles if bundle)


class _Ending(Enum):
    SENT = auto()
    REFUSED = auto()
    """The channel is well, this delivery was not wanted: those after it go on."""
    FAILED = auto()
    """The channel is not well: those after it wait, so that their order is kept."""


def deliver_due(
    catalogue: Catalogue,
    channels: Mapping[str, Channel],
    *,
    door: Door,
    now: datetime,
    length: timedelta = PASS_LENGTH,
    ended: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Send what is due, each alert in its order and all in turn; at least once, under one id.

    Nothing is sent inside a transaction. A channel that fails rests until the next try of the
    delivery that failed, and holds up no other. What is given up is an ERROR in the log. Nothing
    more is sent once ``ended`` says so.
    """
    started = monotonic()
    with catalogue.read() as db:
        due = deliveries.due(db, now=now, limit=PASS_LIMIT)
    resting: set[str] = set()
    told: list[DeliveryState] = []
    out: list[Sent] = []
    for delivery in _in_turn(due):
        if ended() or monotonic() - started >= length.total_seconds():
            break
        if delivery.alert in resting:
            continue
        ending, error = _attempt(channels.get(delivery.alert), delivery, door=door)
        at = now + timedelta(seconds=monotonic() - started)
        again_at = next_try(delivery, now=at) if delivery.alert in channels else None
        if ending is _Ending.FAILED:
            resting.add(delivery.alert)
        told.append(
            _mark(catalogue, delivery, ending=ending, error=error, at=at, again_at=again_at)
        )
        if ending is _Ending.SENT:
            out.append(_sent(delivery, at=at))
    return Delivered(
        sent=told.count(DeliveryState.SENT),
        failed=told.count(DeliveryState.PENDING),
        given_up=told.count(DeliveryState.GIVEN_UP),
        out=tuple(out),
    )


def next_try(delivery: Delivery, *, now: datetime) -> datetime | None:
    """When to send again after a failure now, or None when it was tried often enough.

    Ten seconds, doubling to an hour, each a fifth more or less, drawn from the delivery's id:
    many deliveries that failed together do not come back together.
    """
    if delivery.attempts + 1 >= MOST_ATTEMPTS:
        return None
    delay = min(FIRST_DELAY * (1 << min(delivery.attempts, 30)), LONGEST_DELAY)
    draw = zlib.crc32(f"{delivery.id} {delivery.attempts}".encode()) / 2**32
    return now + delay * (0.8 + 0.4 * draw)


def trial(alert: str, *, now: datetime) -> Delivery:
    """Return a delivery that says of itself that it is a test; it is in no catalogue."""
    summary = f'This is a test of the alert "{alert}". No page has changed; nothing is to be done.'
    event = Event(
        id=f"test-{now:%Y%m%d%H%M%S%f}",
        url="https://example.org/holdfast-test",
        target_id=0,
        site="test",
        kind="test",
        axis=Axis.OPERATIONS,
        alert=Alert.NOW,
        severity=Severity.INFO,
        summary=summary,
        captured_at=now,
    )
    return Delivery(
        id=event.id,
        alert=alert,
        state=DeliveryState.PENDING,
        events=(event,),
        attempts=0,
        next_try_at=now,
    )


def _in_turn(due: Sequence[Delivery]) -> Iterator[Delivery]:
    lanes: dict[str, list[Delivery]] = {}
    for delivery in due:
        lanes.setdefault(delivery.alert, []).append(delivery)
    rounds = zip_longest(*lanes.values())
    return (delivery for delivery in chain.from_iterable(rounds) if delivery is not None)


def _attempt(channel: Channel | None, delivery: Delivery, *, door: Door) -> tuple[_Ending, str]:
    if channel is None:
        error = f'there is no alert "{shown(delivery.alert)}" in the configuration any more'
        return _Ending.REFUSED, error
    try:
        channel.send(delivery, door)
    except DeliveryRefusedError as error:
        return _Ending.REFUSED, shown(str(error))
    except DeliveryError as error:
        return _Ending.FAILED, shown(str(error))
    except Exception as error:
        # A fault of the channel's own code, perhaps with these events only.
        logger.exception("channel broke; its delivery stays due", extra=_fields(delivery))
        return _Ending.REFUSED, shown(f"{type(error).__name__}: {error}")
    return _Ending.SENT, ""


def _mark(
    catalogue: Catalogue,
    delivery: Delivery,
    *,
    ending: _Ending,
    error: str,
    at: datetime,
    again_at: datetime | None,
) -> DeliveryState:
    with catalogue.write() as db:
        if ending is _Ending.SENT:
            deliveries.sent(db, delivery.id, at=at)
        else:
            holds_up = ending is _Ending.FAILED
            deliveries.failed(db, delivery.id, error=error, next_try_at=again_at, holds_up=holds_up)
    fields = _fields(delivery)
    if ending is _Ending.SENT:
        logger.info("delivery sent", extra=fields)
        return DeliveryState.SENT
    fields["error"] = error
    if again_at is None:
        logger.error("delivery given up: nobody was told by this alert", extra=fields)
        return DeliveryState.GIVEN_UP
    fields["next_try_at"] = again_at.isoformat()
    logger.warning("delivery failed; it will be tried again", extra=fields)
    return DeliveryState.PENDING


def _sent(delivery: Delivery, *, at: datetime) -> Sent:
    return Sent(
        id=delivery.id,
        alert=delivery.alert,
        events=tuple(one.id for one in delivery.events),
        attempts=delivery.attempts + 1,
        at=at,
    )


def _fields(delivery: Delivery) -> dict[str, object]:
    return {
        "delivery": shown(delivery.id),
        "alert": shown(delivery.alert),
        "events": len(delivery.events),
        "attempt": delivery.attempts + 1,
    }
