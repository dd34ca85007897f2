"""Say how the service is: the one value that the pages, ``/healthz`` and ``/metrics`` show."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerHealth:
    """How one worker process is; ``pid`` is None while there is no process."""

    name: str
    pid: int | None
    alive: bool
    restarts: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the service is, measured by its supervisor.

    ``ok`` False means that a promise to the archive is not being kept now; ``problems`` says each
    reason in one sentence for a person: what it is, what it means, what to do.
    A problem may be listed while ``ok`` is True: it wants an eye, and nothing is being missed yet.
    """

    ok: bool
    workers: tuple[WorkerHealth, ...] = ()
    reader_alive: bool
    scheduler_alive: bool
    last_tick_at: datetime | None = None
    """When the scheduler last ran a tick to its end."""
    disk_free_bytes: int
    """Room left on the disk of the archive."""
    problems: tuple[str, ...] = ()
