"""Hold what is learnt of one page, of its kin on one host, and of the lists of a host."""

from dataclasses import dataclass, field
from math import exp, expm1, log

from crawler.revisit.curves import Curve, PageRole

NOISY_FROM = 4.0
"""Log odds, 98 %, above which a page is taken to change on every fetch."""
_NOISY_AT_FIRST = log(0.03 / 0.97)
_MOST_SURE = 12.0
_LEAST_SURE = -7.0
_MISSES_NOISE = 0.005
"""A page that changes on every fetch looks the same twice so seldom."""
_FORGETS_FROM = 20.0

LOSS_AGES = (1.0, 7.0)
"""Ages in days at which the risk of loss of a page is another."""
_LOSSES_EXPECTED: dict[PageRole, tuple[float, float, float]] = {
    PageRole.ARTICLE: (0.006, 0.0015, 1 / 2000),
    PageRole.SECTION: (1 / 5000,) * 3,
    PageRole.PAGE: (1 / 1500,) * 3,
    PageRole.ARCHIVE: (1 / 1200,) * 3,
    PageRole.FEED: (1 / 5000,) * 3,
    PageRole.SITEMAP: (1 / 5000,) * 3,
}
"""Losses a day and page by age, before any is seen."""
_WINDOW = 2.0
"""Days over which the recent losses of a host fade."""
JUMP = 4.0
"""A recent risk of loss so many times the usual one is told, and plans its host anew."""
_ENOUGH_LOSSES = 3.0
"""Recent losses below this are no jump, whatever the usual risk."""
_PSEUDO_LOSSES = 2.0
"""Recent losses weigh against so many that came as usual: one or two are no sign."""
_HASTENED_EVERY = 1.0
"""Days after which a host is planned anew while a jump lasts."""
_PSEUDO_EXPECTED = 8.0
_KIN_FORGET_FROM = 300.0


def loss_class(age: float) -> int:
    """Return the class of an age in days, for the risk of loss."""
    return 0 if age < LOSS_AGES[0] else 1 if age < LOSS_AGES[1] else 2


@dataclass(slots=True)
class Kin:
    """What the pages of one role on one host have in common; it learns, so it is no frozen value.

    Losses and days are by age class (``loss_class``); recent ones fade over two days. Hints are by
    age class of the curve: changes that were seen, and those of them that a list had told.
    """

    host: str
    role: PageRole
    changes: float = 0.0
    expected: float = 0.0
    losses: list[float] = field(default_factory=lambda: [0.0] * 3)
    days: list[float] = field(default_factory=lambda: [0.0] * 3)
    recent_losses: float = 0.0
    recent_expected: float = 0.0
    """Losses that the usual risk led to expect of the recent looks."""
    recent_at: float = 0.0
    told: list[float] = field(default_factory=list)
    tellable: list[float] = field(default_factory=list)
    jumped_at: float | None = None
    """Since when pages are lost much faster than before; None while they are not."""
    hastened_at: float = 0.0
    """When the pages that still stand were planned anew for it, last."""
    told_at: float = 0.0
    """When a person was told of it, last."""

    @property
    def factor(self) -> float:
        """Return how many times as often as elsewhere these pages change."""
        return (_PSEUDO_EXPECTED + self.changes) / (_PSEUDO_EXPECTED + self.expected)

    def hazard(self, age: float) -> float:
        """Return the risk of loss a day at an age: the larger of the usual and the recent one."""
        return self.usual_hazard(loss_class(age)) * max(self.rise, 1.0)

    @property
    def rise(self) -> float:
        """Return how many times as fast as usual pages were lost lately, whatever their ages."""
        return (_PSEUDO_LOSSES + self.recent_losses) / (_PSEUDO_LOSSES + self.recent_expected)

    def usual_hazard(self, place: int) -> float:
        """Return the risk of loss a day over a long time, of one age class."""
        expected = _LOSSES_EXPECTED[self.role][place]
        return (1 + self.losses[place]) / (1 / expected + self.days[place])

    def recall(self, place: int) -> float:
        """Return the share of the changes at an age that the host's list tells; a half at first."""
        if place >= len(self.tellable):
            return 0.5
        return (1 + self.told[place]) / (2 + self.tellable[place])

    def changed(self, place: int, *, told: bool) -> None:
        """Take in that a page of an age changed, and whether a list had told it."""
        while len(self.tellable) <= place:
            self.tellable.append(0.0)
            self.told.append(0.0)
        self.tellable[place] += 1
        self.told[place] += told

    def looked(self, age: float, gap: float, *, lost: bool, now: float) -> None:
        """Take in that a page of an age was looked at after a gap, and whether it was lost."""
        fading = exp(-max(now - self.recent_at, 0.0) / _WINDOW)
        days = gap / 2 if lost else gap
        place = loss_class(age)
        self.losses[place] += lost
        self.days[place] += days
        self.recent_losses = self.recent_losses * fading + lost
        self.recent_expected = self.recent_expected * fading + days * self.usual_hazard(place)
        self.recent_at = now
        calm = self._odds < JUMP / 2 or self.recent_losses < 1
        if self.jumped_at is not None and calm:
            self.jumped_at = None
        elif lost and self.jumped_at is None and self.has_jumped:
            self.jumped_at = now

    @property
    def has_jumped(self) -> bool:
        """Whether pages were lost lately much faster than usual."""
        return self.recent_losses >= _ENOUGH_LOSSES and self._odds >= JUMP

    @property
    def _odds(self) -> float:
        return (1 + self.recent_losses) / (1 + self.recent_expected)

    def is_to_hasten(self, now: float) -> bool:
        """Say whether the pages that still stand are to be planned anew, and take it as done."""
        if self.jumped_at is None or now - self.hastened_at < _HASTENED_EVERY:
            return False
        self.hastened_at = now
        return True

    def is_to_tell(self, now: float) -> bool:
        """Say whether a person is to be told of a jump, and take it as done: once for each."""
        if self.jumped_at is None or self.told_at >= self.jumped_at:
            return False
        self.told_at = now
        return True

    def learn(self, changes: float, expected: float) -> None:
        """Take in changes of one page, and those that were expected of it."""
        self.changes += changes
        self.expected += expected
        if self.expected > _KIN_FORGET_FROM:
            self.changes /= 2
            self.expected /= 2


@dataclass(slots=True)
class Lister:
    """A feed or sitemap, and how far what it tells is true; it learns, so it is no frozen value."""

    host: str
    right: float = 2.0
    wrong: float = 1.0
    worth: float = 0.0
    """Importance of the pages that it told rightly, over ``days``."""
    days: float = 0.0
    polls: int = 0
    polled_at: float = 0.0

    @property
    def precision(self) -> float:
        """Return the share of what it tells that is true."""
        return self.right / (self.right + self.wrong)

    @property
    def worth_a_day(self) -> float:
        """Return the importance of the pages that it tells rightly a day."""
        return (0.5 + self.worth) / (0.5 + self.days)

    def polled(self, now: float) -> None:
        """Take in that it was asked."""
        if self.polls:
            self.days += max(now - self.polled_at, 0.0)
        self.polls += 1
        self.polled_at = now
        if self.days > 15:
            self.days /= 2
            self.worth /= 2


@dataclass(slots=True, eq=False)
class Habit:
    """What is learnt of one page; it learns, so it is no frozen value.

    ``shape`` and ``scale`` are those of the gamma distribution of its factor; their quotient is the
    factor it is believed to have. ``noise`` are the log odds that it changes on every fetch.
    """

    target_id: int
    host: str
    role: PageRole
    born_at: float
    importance: float = 1.0
    shape: float = 0.0
    scale: float = 0.0
    looked_at: float = 0.0
    looks: int = 0
    changes: int = 0
    noise: float = _NOISY_AT_FIRST
    lost: int = 0
    """Looks in a row that found it gone."""
    hinted_at: float | None = None
    """When a list said it had changed since it was looked at; None if none did."""
    interval: float = 1.0
    """Days from the last look to the next, as they were planned last."""
    price: float = 0.0
    """The price of a fetch it was planned with."""
    expected: float = 0.0
    """Changes of a page with factor 1 in that interval, as they were expected then."""
    hazard: float = 0.0
    """Losses a day it was planned with."""
    digest: str = ""
    """Fingerprint of what was seen last."""
    stamp: str = ""
    """What its server said last of when it changed (``stamps.Stamp.mark``)."""

    @property
    def is_noisy(self) -> bool:
        """Whether it changes on every fetch, so that it teaches nothing."""
        return self.noise > NOISY_FROM

    def learn(self, curve: Curve, *, expected: float, changed: bool, sure: bool) -> float:
        """Take in a look, at which so many changes were expected; return how many there were.

        A changed look says that there was at least one. ``sure`` says that its server vouches for
        it, so that it cannot be noise.
        """
        same = (self.scale / (self.scale + expected)) ** self.shape
        changes = 0.0
        if changed:
            self.changes += 1
            mean = self.shape * expected / self.scale
            unlike = -expm1(self.shape * log(self.scale / (self.scale + expected)))
            changes = mean / unlike if unlike > 0 else 1.0
            self.noise += log((1 - _MISSES_NOISE) / max(1 - same, 1e-9))
        else:
            self.noise += log(_MISSES_NOISE / max(same, 1e-9))
        if sure:
            self.noise = min(self.noise, _NOISY_AT_FIRST)
        self.noise = min(max(self.noise, _LEAST_SURE), _MOST_SURE)
        if self.is_noisy:
            return 0.0
        self._add(curve, changes=changes, expected=expected)
        return changes

    def learn_dated(self, curve: Curve, *, expected: float) -> None:
        """Take in that it changed at a known time, since which so many changes were expected.

        What came before that time is not known: the change is one, and the days are those since.
        """
        self.changes += 1
        self.noise = min(self.noise, _NOISY_AT_FIRST)
        self._add(curve, changes=1.0, expected=expected)

    def _add(self, curve: Curve, *, changes: float, expected: float) -> None:
        self.shape += changes
        self.scale += expected
        if self.scale > _FORGETS_FROM + 40 * curve.spread:
            self.shape /= 2
            self.scale /= 2
