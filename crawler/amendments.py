"""Change sites for one run only: what ``--ignore-robots`` and ``--no-requisites`` mean."""

from collections.abc import Callable
from dataclasses import replace

from storage.model import Robots, Site


def amend(*, ignore_robots: bool, no_requisites: bool) -> Callable[[Site], Site] | None:
    """Return what the options change about a site, or None when they change nothing."""
    if not (ignore_robots or no_requisites):
        return None

    def amended(site: Site) -> Site:
        return replace(
            site,
            robots=Robots.IGNORE if ignore_robots else site.robots,
            requisites=site.requisites and not no_requisites,
        )

    return amended
