"""Rivals of the revisit policy, as they are known: in turn, fixed, Nutch-like, StormCrawler-like.

Each is told what the world tells any policy: a page when it is found, and what a visit shows. All
compare the digest of the normalised text, and visit a new page at once. Times are in seconds.
"""

import heapq
from collections import deque
from dataclasses import dataclass, field
from math import expm1, log
from typing import Any, Protocol

DAY = 86_400.0
HOUR = 3_600.0


@dataclass(slots=True, eq=False)
class Page:
    """What a rival knows of a page."""

    index: int
    host: int
    role: str
    born_at: float
    importance: float
    last: float = 0.0
    due: float = 0.0
    interval: float = 0.0
    text: str | None = None
    lost: bool = False


class Rival(Protocol):
    """Say after how many seconds a page is looked at again."""

    def interval(self, page: Page, *, changed: bool | None, now: float) -> float:
        """Return it after a look; ``changed`` is None at the first."""
        ...


@dataclass(slots=True)
class Fixed:
    """The same interval for all pages: what a budget allows, if told the number of pages."""

    seconds: float

    def interval(self, page: Page, *, changed: bool | None, now: float) -> float:
        """Return it."""
        return self.seconds


@dataclass(slots=True)
class Nutch:
    """The rule of AdaptiveFetchSchedule with its defaults.

    30 days at first, then shorter by 0.2 of it after a change and longer by 0.4 without one, a
    minute at least and a year at most.
    """

    first: float = 30 * DAY
    shorter: float = 0.2
    longer: float = 0.4
    least: float = 60.0
    most: float = 365 * DAY

    def interval(self, page: Page, *, changed: bool | None, now: float) -> float:
        """Return it."""
        if changed is None:
            return self.first
        interval = page.interval or self.first
        interval *= (1 - self.shorter) if changed else (1 + self.longer)
        return min(max(interval, self.least), self.most)


@dataclass(slots=True)
class Storm:
    """The rule of AdaptiveScheduler with its defaults.

    A day at first, then half as long after a change and half as long again without one, an hour at
    least and 28 days at most; what is gone is asked for again after 2 days.
    """

    first: float = DAY
    shorter: float = 0.5
    longer: float = 0.5
    least: float = HOUR
    most: float = 28 * DAY
    gone: float = 2 * DAY

    def interval(self, page: Page, *, changed: bool | None, now: float) -> float:
        """Return it."""
        if page.lost:
            return self.gone
        if changed is None:
            return self.first
        interval = page.interval or self.first
        interval *= (1 - self.shorter) if changed else (1 + self.longer)
        return min(max(interval, self.least), self.most)


@dataclass(slots=True)
class Run:
    """One rival in one world: pages by their due time, each host at its pace, the budget evenly."""

    world: Any
    rival: Rival
    queue: list[tuple[float, int]] = field(default_factory=list)
    new: deque[int] = field(default_factory=deque)
    pages: dict[int, Page] = field(default_factory=dict)
    free_at: list[float] = field(default_factory=list)
    used: list[int] = field(default_factory=list)
    asleep: list[tuple[float, int]] = field(default_factory=list)
    found: int = 0

    def live(self) -> None:
        """Live through the world: every slot of the day one look, if one is due or could be."""
        world = self.world
        self.free_at = [0.0] * len(world.hosts)
        slots = world.budget * world.meta["days"]
        day = -1
        for number in range(slots):
            # Counted, not added up: a slot more in a day would be one too many.
            now = number * DAY / world.budget
            if int(now // DAY) != day:
                day = int(now // DAY)
                self.used = [0] * len(world.hosts)
                for one in self.asleep:
                    heapq.heappush(self.queue, one)
                self.asleep.clear()
            self._find(now)
            page = self._next(now)
            if page is not None:
                self._look(page, now)

    def _find(self, now: float) -> None:
        pages = self.world.pages
        while self.found < len(pages) and pages[self.found]["discovered_at"] <= now:
            row = pages[self.found]
            if row["role"] not in ("feed", "sitemap"):
                born = row["published_at"] if row["published_at"] is not None else 0.0
                page = Page(
                    self.found, self.world.ph[self.found], row["role"], born, row["importance"]
                )
                self.pages[self.found] = page
                if row["discovered_at"] <= 0:
                    # Held when the world begins; all are due in their order from the start.
                    page.due = self.found * 1e-6
                    heapq.heappush(self.queue, (page.due, self.found))
                else:
                    self.new.append(self.found)
            self.found += 1

    def _next(self, now: float) -> Page | None:
        """Return the page that waits longest of those whose host may be asked now."""
        for place, index in enumerate(self.new):
            if self._may(self.pages[index], now):
                del self.new[place]
                return self.pages[index]
        held: list[tuple[float, int]] = []
        chosen: Page | None = None
        while self.queue and chosen is None and len(held) < 200:
            due, index = heapq.heappop(self.queue)
            page = self.pages[index]
            if self.used[page.host] >= self.world.cap[page.host]:
                self.asleep.append((due, index))
            elif self.free_at[page.host] > now:
                held.append((due, index))
            else:
                chosen = page
        for one in held:
            heapq.heappush(self.queue, one)
        return chosen

    def _may(self, page: Page, now: float) -> bool:
        host = page.host
        return self.free_at[host] <= now and self.used[host] < self.world.cap[host]

    def _look(self, page: Page, now: float) -> None:
        world = self.world
        why, _ = world.check(page.index, now)
        if why is not None:
            raise SystemExit(f"a rival broke a rule of the world: {why}")
        status, version, _, noisy, _, _ = world.visit(page.index, now)
        self.free_at[page.host] = now + world.delay[page.host]
        self.used[page.host] += 1
        page.lost = version is None
        changed: bool | None = False if status == 304 else None
        if version is not None and status == 200:
            text = world.digest(page.index, version, noisy)
            changed = None if page.text is None else text != page.text
            page.text = text
        page.interval = self.rival.interval(page, changed=changed, now=now)
        page.last, page.due = now, now + page.interval
        heapq.heappush(self.queue, (page.due, page.index))


@dataclass(slots=True)
class Oracle:
    """The index rule with the true rates of every page: an upper mark to steer by, no rival.

    It is not told of batches, noise or lists; what it lacks beside them a learner can make up.
    """

    truth: list[dict[str, Any]]
    price: float = 0.1
    loss_worth: float = 90.0
    longest: float = 7 * DAY

    def interval(self, page: Page, *, changed: bool | None, now: float) -> float:
        """Return it."""
        if page.lost:
            return 45 * DAY
        age = (now - page.born_at) / DAY
        low, high = 5 / 1440, self.longest / DAY
        for _ in range(12):
            middle = (low * high) ** 0.5
            if self._index(page, age, middle) * page.importance < self.price:
                low = middle
            else:
                high = middle
        return high * DAY

    def _index(self, page: Page, age: float, gap: float) -> float:
        changes, hazard = self._expected(self.truth[page.index]["oracle"], age, gap)
        edit, loss = gap / 0.25, gap
        caught = -expm1(-changes) - changes * (1 + expm1(-changes))
        saved = 0.25 * changes / gap * (log(1 + edit) - edit / (1 + edit))
        return 0.5 * (caught + saved) + self.loss_worth * hazard * (
            log(1 + loss) - loss / (1 + loss)
        )

    def _expected(self, true: dict[str, Any], age: float, gap: float) -> tuple[float, float]:
        if true["f"] == "lomax":
            median = true["med"] / DAY
            before = (1 + max(age, 0.0) / median) ** -true["beta"]
            after = (1 + max(age + gap, 0.0) / median) ** -true["beta"]
            young = true["mu_week"] * (0.42 if age < 1 else 0.58 / 6 if age < 7 else 0.0)
            many = true["m"] * (1 + 2.5 * true["batch"])
            return many * (before - after) + true["base"] * gap, true["mu"] + young
        many = true["lam"] * (1 + 2.5 * true.get("batch", 0.0))
        return many * gap, true["mu"] + 0.1 * true.get("mu_site", 0.0)


def run(world: Any, rival: Rival) -> None:
    """Have a rival live through a world, which logs its visits."""
    Run(world, rival).live()
