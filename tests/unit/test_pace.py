"""How hosts are spared: turns, delays, what they ask for themselves."""

import asyncio
import itertools
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crawler.fetch.pace import Pace, PaceOverError, retry_after

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NONE = timedelta(0)
HOUR = timedelta(hours=1)


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run what is awaited, and not for ever."""
    asyncio.run(asyncio.wait_for(work, 10))


def test_a_host_has_one_turn_at_a_time_and_its_delay_runs_from_its_end():
    """No two turns of a host overlap, and the next begins a delay after the end of the last."""
    spans: list[tuple[float, float]] = []

    async def ask(pace: Pace) -> None:
        clock = asyncio.get_running_loop().time
        async with pace.turn("paper.example", delay=timedelta(seconds=0.03)):
            begun = clock()
            await asyncio.sleep(0.01)  # the exchange
            spans.append((begun, clock()))

    async def main() -> None:
        pace = Pace()
        await asyncio.gather(*(ask(pace) for _ in range(4)))

    run(main())
    assert len(spans) == 4
    for (_, ended), (begun, _) in itertools.pairwise(spans):
        assert begun - ended >= 0.03


def test_hosts_do_not_wait_for_each_other():
    """A host that wants to be left alone for an hour holds no other one up."""

    async def main() -> None:
        pace = Pace()
        pace.hold_off("busy.example", HOUR)
        async with pace.turn("paper.example", delay=HOUR):
            assert pace.wait_of("paper.example") == NONE
        assert pace.wait_of("paper.example") > timedelta(minutes=59)

    run(main())


def test_the_delay_begins_although_the_exchange_fails():
    """A turn that ends with an error counts as one."""

    async def main() -> None:
        pace = Pace()
        with pytest.raises(OSError, match="cut"):
            async with pace.turn("paper.example", delay=HOUR):
                raise OSError("cut")
        assert pace.wait_of("paper.example") > timedelta(minutes=59)

    run(main())


def test_a_longer_wait_is_never_shortened_by_a_delay():
    """What the host asked for stands, also when the turn it was asked in ends later."""

    async def main() -> None:
        pace = Pace()
        async with pace.turn("paper.example", delay=NONE):
            pace.hold_off("paper.example", HOUR)
        assert pace.wait_of("paper.example") > timedelta(minutes=59)

    run(main())


def test_a_wait_that_grows_under_who_waits_is_waited_for():
    """Who is in the delay of a host already sees that it asks for more."""
    order: list[str] = []

    async def ask(pace: Pace) -> None:
        async with pace.turn("paper.example", delay=NONE):
            order.append("asked")

    async def main() -> None:
        pace = Pace()
        loop = asyncio.get_running_loop()
        pace.hold_off("paper.example", timedelta(seconds=0.02))
        asking = asyncio.create_task(ask(pace))
        await asyncio.sleep(0)
        pace.hold_off("paper.example", timedelta(seconds=0.06))
        until = loop.time() + 0.06
        await asking
        assert loop.time() >= until - 0.001

    run(main())
    assert order == ["asked"]


def test_close_wakes_all_who_wait():
    """Waiting for a delay, or for one's turn behind another: all are told that the worker ends."""

    async def ask(pace: Pace, host: str) -> None:
        async with pace.turn(host, delay=NONE):
            raise AssertionError("asked after the end")

    async def main() -> None:
        pace = Pace()
        hosts = [f"{n}.example" for n in range(3)]
        for host in hosts:
            pace.hold_off(host, HOUR)
        waiting = [asyncio.create_task(ask(pace, host)) for host in hosts * 3]
        async with pace.turn("held.example", delay=HOUR):
            waiting += [asyncio.create_task(ask(pace, "held.example")) for _ in range(3)]
            await asyncio.sleep(0)
            pace.close()
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(end) for end in ends] == [PaceOverError] * 12
        with pytest.raises(PaceOverError):
            await ask(pace, "new.example")

    run(main())


def test_hosts_whose_time_is_over_are_forgotten():
    """Many thousand hosts leave nothing behind; those still to be left alone are kept."""

    async def main() -> None:
        pace = Pace()
        pace.hold_off("busy.example", HOUR)
        for n in range(5000):
            async with pace.turn(f"{n}.example", delay=NONE):
                pass
        assert len(pace._next_ok) <= 1001
        assert len(pace._locks) == 0
        assert pace.wait_of("busy.example") > timedelta(minutes=59)

    run(main())


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", NONE),
        (" 120 ", timedelta(minutes=2)),
        ("86401", timedelta(days=1)),
        ("9" * 5000, timedelta(days=1)),
        ("Sun, 22 Nov 2026 12:00:30 GMT", timedelta(seconds=30)),
        ("Sun, 22 Nov 2026 12:00:30", timedelta(seconds=30)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", NONE),
        ("Sun, 22 Nov 2099 11:00:00 GMT", timedelta(days=1)),
        ("Sun, 22 Nov 2026 12:00:30 +99999999999", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", timedelta(days=1)),
        ("Mon, 01 Jan 2001 00:00:00 +2359", NONE),
        ("Sun, 22 Nov 99999999999999 11:00:00 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
    ],
)
def test_what_a_host_asks_for_is_at_most_a_day(value, wait):
    """Seconds and dates are understood, what is neither is no wish, and nothing is an error."""
    assert retry_after([("Server", "x"), ("RETRY-AFTER", value)], now=NOW) == wait
    assert retry_after([("Server", "x")], now=NOW) is None
