"""Drive the revisit policy and its store by the clock of a simulated world.

The world answers visits in place of HTTP and wall time; what the policy learns of a page is what a
visit shows of it. Policy, learning and catalogue are those of the service.
"""

import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from crawler.learning import FIRST_PRICE, Learning
from crawler.revisit.allowance import Allowance, trim
from crawler.revisit.curves import PageRole
from crawler.revisit.habits import Habit
from crawler.revisit.policy import Seen, Terms
from crawler.revisit.price import fit_price, refit_spreads
from crawler.revisit.stamps import OF_NOW
from storage.catalogue import targets
from storage.catalogue.engine import Catalogue
from storage.model import Found, FoundBy

SITE = "world"
DAY_SECONDS = 86400.0
_SHORTEST = 5 / 1440
_LONGEST = 7.0
_KEPT_EVERY = 0.25
"""Days after which what was learnt is written."""
_LEARNS_FAST_FOR = 2.0
"""Days in which the price is fitted every hour."""
_BLOCKED_LOOKS = 60
_POLITE_SECONDS = 0.001
"""A host is left alone for so much longer than it asks."""
_OF_NOW = OF_NOW.total_seconds()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Act = Mapping[str, Any]
Answer = Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class _Host:
    delay: float
    most_per_day: int
    free_at: float = 0.0
    """Seconds."""
    used: int = 0
    blocked: list["_Page"] = field(default_factory=list)
    """Pages that wait for tomorrow."""


@dataclass(slots=True, eq=False)
class _Page:
    name: str
    host: _Host
    habit: Habit
    due: float = 0.0
    """Days."""
    urgent: bool = True

    def __lt__(self, other: "_Page") -> bool:
        return self.habit.target_id < other.habit.target_id


@dataclass(slots=True)
class Simulation:
    """One world from its first line to its end. ``ask`` sends an act and returns the answer."""

    ask: Callable[[Act], Answer]
    catalogue: Catalogue
    learning: Learning = field(default_factory=Learning)
    longest: float = _LONGEST
    _hosts: dict[str, _Host] = field(default_factory=dict)
    _pages: dict[str, _Page] = field(default_factory=dict)
    _queue: list[tuple[float, _Page]] = field(default_factory=list)
    _late: list[tuple[float, float, _Page]] = field(default_factory=list)
    """Pages that are due: when each will be late by its interval, when it was due, which it is."""
    _urgent: list[_Page] = field(default_factory=list)
    _new: list[_Page] = field(default_factory=list)
    """Pages whose rows are not yet written."""
    _allowance: Allowance = field(default_factory=lambda: Allowance(budget_per_day=1))
    _chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - a sample, no secret
    _price: float = FIRST_PRICE
    _unplanned: float | None = None
    """New pages, news and lists a day."""
    _unplanned_today: int = 0
    _hour: int = 0
    _kept_at: float = 0.0

    def run(self, hello: Answer) -> None:
        """Live through the world."""
        self._allowance = Allowance(budget_per_day=int(hello["budget_per_day"]))
        self._hosts = {
            one["host"]: _Host(delay=float(one["min_delay_s"]), most_per_day=one["max_per_day"])
            for one in hello["hosts"]
        }
        end = float(hello["days"]) * DAY_SECONDS
        clock = 0.0
        while clock < end:
            clock = self._step(clock)
            if clock < 0:
                break
        self._keep()

    def _step(self, clock: float) -> float:
        """Do one act at a time in seconds and return the time of the next; negative at the end."""
        now = clock / DAY_SECONDS
        self._tick(now)
        if self._allowance.is_spent:
            return self._wait((self._allowance.day + 1) * DAY_SECONDS)
        page = self._next(clock)
        if page is None:
            return self._wait(clock + self._idle())
        answer = self.ask({"op": "visit", "page": page.name, "t": clock})
        match answer["op"]:
            case "page":
                self._put_back(page)
                self._found(answer)
                return clock
            case "end":
                return -1.0
            case "result":
                self._looked(page, clock, answer)
            case _:
                page.host.free_at = float(answer["retry_at"] or clock) + _POLITE_SECONDS
                self._put_back(page)
        return clock + _POLITE_SECONDS

    def _wait(self, until: float) -> float:
        answer = self.ask({"op": "wait", "t": until})
        if answer["op"] == "page":
            self._found(answer)
            return float(answer["t"])
        return -1.0 if answer["op"] == "end" else until

    def _idle(self) -> float:
        """Return the seconds until there may be something to do."""
        return max(1.0, DAY_SECONDS / self._allowance.budget_per_day)

    # --- what is next -------------------------------------------------------------------------

    def _next(self, clock: float) -> _Page | None:
        now = clock / DAY_SECONDS
        page = self._next_urgent(clock)
        if page is not None or not self._allowance.lets_planned(now):
            return page
        self._fall_due(now)
        held: list[tuple[float, float, _Page]] = []
        while page is None and self._late and len(held) < _BLOCKED_LOOKS:
            one = heapq.heappop(self._late)
            _, due, first = one
            if due != first.due or first.urgent:
                continue  # planned anew since
            if first.host.used >= first.host.most_per_day:
                first.host.blocked.append(first)
            elif first.host.free_at > clock:
                held.append(one)
            elif not self._is_put_off(first, now):
                page = first
        for one in held:
            heapq.heappush(self._late, one)
        if page is None and self._allowance.wants_more(now):
            page = self._next_early(clock)
        return page

    def _fall_due(self, now: float) -> None:
        """Put what is due among what is late, where it waits by how late it is for its interval."""
        while self._queue and self._queue[0][0] <= now:
            due, page = heapq.heappop(self._queue)
            if due == page.due and not page.urgent:
                heapq.heappush(self._late, (due + page.habit.interval, due, page))

    def _next_early(self, clock: float) -> _Page | None:
        """Return a page that is not due yet, so that the budget of the day is not lost."""
        held: list[_Page] = []
        page: _Page | None = None
        while page is None and self._queue and len(held) < _BLOCKED_LOOKS:
            due, first = heapq.heappop(self._queue)
            if due != first.due or first.urgent:
                continue  # planned anew since
            host = first.host
            if host.used >= host.most_per_day:
                host.blocked.append(first)
            elif first.habit.lost or first.habit.role.lists or host.free_at > clock:
                held.append(first)
            else:
                page = first
        for one in held:
            heapq.heappush(self._queue, (one.due, one))
        return page

    def _next_urgent(self, clock: float) -> _Page | None:
        for place, page in enumerate(self._urgent[:_BLOCKED_LOOKS]):
            host = page.host
            if host.free_at <= clock and host.used < host.most_per_day:
                del self._urgent[place]
                return page
        return None

    def _is_put_off(self, page: _Page, now: float) -> bool:
        """Say whether a page that was planned at another price is not yet due by this one."""
        habit = page.habit
        if habit.lost or habit.role.lists or habit.price == self._price:
            return False
        self._plan(page)
        if page.due <= now + 0.02 * habit.interval:
            return False
        heapq.heappush(self._queue, (page.due, page))
        return True

    def _put_back(self, page: _Page) -> None:
        if page.urgent:
            self._urgent.insert(0, page)
        else:
            heapq.heappush(self._queue, (page.due, page))

    def _plan(self, page: _Page) -> None:
        terms = Terms(price=self._price, shortest=_SHORTEST, longest=self.longest)
        page.due = page.habit.looked_at + self.learning.policy.plan(page.habit, terms)

    # --- what came ----------------------------------------------------------------------------

    def _found(self, answer: Answer) -> None:
        found = float(answer["discovered_at"]) / DAY_SECONDS
        published = answer["published_at"]
        habit = Habit(
            len(self._pages) + 1,
            str(answer["host"]),
            PageRole(answer["role"]),
            found if published is None else float(published) / DAY_SECONDS,
            importance=float(answer["importance"]),
            looked_at=found,
        )
        page = _Page(str(answer["page"]), self._hosts[habit.host], habit)
        self._pages[page.name] = page
        self._new.append(page)
        self.learning.add(habit, site=SITE)
        if found > 0:
            self._urgent.append(page)
            return
        # Captured when the world began: the first look is spread over its interval.
        page.urgent = False
        self._plan(page)
        page.due = 0.0 if habit.role.lists else page.due * self._chance.random()
        heapq.heappush(self._queue, (page.due, page))

    def _looked(self, page: _Page, clock: float, answer: Answer) -> None:
        now, habit, policy = clock / DAY_SECONDS, page.habit, self.learning.policy
        page.host.free_at = clock + page.host.delay + _POLITE_SECONDS
        page.host.used += 1
        self._allowance.spent += 1
        self._unplanned_today += page.urgent or habit.role.lists
        page.urgent = False
        if "entries" in answer:
            policy.polled(habit.host, now)
            habit.looks += 1
            habit.looked_at = now
            self._told(answer["entries"])
        else:
            seen = _seen(habit, now, answer)
            policy.look(habit, seen)
            habit.digest = answer.get("text", habit.digest)
            habit.stamp = seen.stamp or habit.stamp
        self.learning.changed.add(habit.target_id)
        self._plan(page)
        heapq.heappush(self._queue, (page.due, page))
        if habit.lost and policy.kin_of(habit.host, habit.role).is_to_hasten(now):
            self._hasten(page.host, now)

    def _hasten(self, host: _Host, now: float) -> None:
        """Plan a host anew, of which much was lost in a short time."""
        for page in self._pages.values():
            if page.host is host and not page.urgent and page.due > now:
                self._plan(page)
                page.due = max(page.due, now)
                heapq.heappush(self._queue, (page.due, page))

    def _told(self, entries: list[tuple[str, float]]) -> None:
        for name, at in entries:
            page = self._pages[name]
            told = self.learning.policy.tell(page.habit, at=at / DAY_SECONDS, price=self._price)
            self.learning.changed.add(page.habit.target_id)
            if told and not page.urgent:
                page.urgent = True
                self._urgent.append(page)

    # --- what is done by the clock ------------------------------------------------------------

    def _tick(self, now: float) -> None:
        new_day = self._allowance.begin(now)
        if new_day:
            for host in self._hosts.values():
                host.used = 0
                for page in host.blocked:
                    heapq.heappush(self._queue, (page.due, page))
                host.blocked.clear()
        if int(now * 24) != self._hour:
            self._hour = int(now * 24)
            self._move_price(now, new_day=new_day)
        if now - self._kept_at >= _KEPT_EVERY:
            self._keep()
            self._kept_at = now

    def _move_price(self, now: float, *, new_day: bool) -> None:
        waiting = sum(1 for due, page in self._queue if due <= now and due == page.due)
        waiting += sum(1 for _, due, page in self._late if due == page.due)
        excess = self._allowance.ahead(now) + waiting / self._allowance.budget_per_day
        self._price = trim(self._price, excess)
        habits = [page.habit for page in self._pages.values()]
        if new_day:
            refit_spreads(self.learning.policy.curves, habits, chance=self._chance)
            before, today = self._unplanned, self._unplanned_today
            self._unplanned = today if before is None else 0.6 * before + 0.4 * today
            self._unplanned_today = 0
        if new_day or now < _LEARNS_FAST_FOR:
            budget = self._allowance.budget_per_day
            rest = budget - (self._unplanned if self._unplanned is not None else budget / 10)
            self._price = fit_price(
                self.learning.policy,
                habits,
                terms=Terms(price=self._price, shortest=_SHORTEST, longest=self.longest),
                visits_a_day=max(rest, budget / 5),
                chance=self._chance,
                most={name: float(host.most_per_day) for name, host in self._hosts.items()},
            )
        if new_day:
            self._plan_all(now)

    def _plan_all(self, now: float) -> None:
        self._queue, self._late = [], []
        for page in self._pages.values():
            if page.urgent:
                continue
            if page.due > now:
                self._plan(page)
                page.due = max(page.due, now)
            self._queue.append((page.due, page))
        heapq.heapify(self._queue)

    def _keep(self) -> None:
        with self.catalogue.write() as db:
            if self._new:
                found = [Found(url=_url(one), found_by=FoundBy.LINK) for one in self._new]
                targets.add(db, found, site=SITE, now=_EPOCH, due_at=None)
                self._new.clear()
            self.learning.keep(db)
            self.learning.keep_price(db, SITE, self._price)


def _url(page: _Page) -> str:
    return f"http://{page.habit.host}.example/{page.name}"


def _seen(habit: Habit, now: float, answer: Answer) -> Seen:
    """Return what a look brought: an unchanged page has the words of before, or a 304."""
    if answer["status"] == 304:
        return Seen(at=now, changed=False, sure=True)
    if "text" not in answer:
        return Seen(at=now, lost=True)
    changed = answer["text"] != habit.digest if habit.digest else None
    said = answer.get("last_modified")
    if said is None or said > now * DAY_SECONDS - _OF_NOW:
        return Seen(at=now, changed=changed)
    return Seen(at=now, changed=changed, stamp=str(said), modified_at=said / DAY_SECONDS)


def moment(days: float) -> datetime:
    """Return the time that is so many days after the beginning of 1970."""
    return _EPOCH + timedelta(days=days)
