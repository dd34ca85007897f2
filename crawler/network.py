"""Say when nothing answers any more: then it is rather our own network than all of theirs."""

from storage.catalogue import visits
from storage.catalogue.engine import Connection
from storage.model import ANSWERED

LEAST_HOSTS = 2
"""Of one host alone nothing can be said: it may be down itself."""


def remarks(db: Connection) -> tuple[str, ...]:
    """Return a sentence for a person if none of the last visits was answered by any host."""
    made = 0
    hosts: set[str] = set()
    for host, outcome in visits.newest_asked(db):
        if outcome in ANSWERED:
            break
        made += 1
        hosts.add(host)
    if len(hosts) < LEAST_HOSTS:
        return ()
    sentence = (
        f"none of the last {made} visits, to {len(hosts)} hosts, was answered: our own network or "
        "its name server may be down; no page is called gone by that, what is due is tried again"
    )
    return (sentence,)
