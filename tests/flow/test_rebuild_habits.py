"""What looks have taught is learnt again from the WARC files."""

from contextlib import closing
from pathlib import Path

import pytest
from papers import article
from server import Site
from service import holdfast, listing

from storage.catalogue import learnt, targets
from storage.catalogue.engine import open_catalogue
from storage.catalogue.learnt import HabitRow

pytestmark = pytest.mark.flow

CONFIGURATION = """
[archive]
operator = "Test"
contact = "mailto:test@example.org"

[network]
allow_addresses = ["127.0.0.0/8"]

[defaults]
delay = "0.01s"
robots = "ignore"
confirm = ["0.1s", "0.1s"]
requisites = false

[[site]]
name = "paper"
spider = "page"
start = [{pages}]
"""


def habits(archive: Path) -> dict[str, HabitRow]:
    """Return what is learnt of each page, by its address."""
    with closing(open_catalogue(archive / "catalogue.db")) as catalogue, catalogue.read() as db:
        rows = {row.target_id: row for row in learnt.of_site(db, "paper")}
        return {one.url: rows[one.id] for one in targets.listing(db) if one.id in rows}


def jumps(archive: Path) -> list[str]:
    """Return the events that a host loses pages much faster than before, by their ids."""
    told = listing("events", archive)
    return [one["id"] for one in told if one["kind"] == "host_vanishing"]


def test_a_rebuild_learns_what_the_looks_taught(site: Site, tmp_path: Path) -> None:
    """Kind, factor, changes, losses and the last words of each page are those of before."""
    archive = tmp_path / "archive"
    names = ("/edited", "/kept", "/lost", *(f"/goes-{number}" for number in range(5)))
    site.pages |= {name: article(name) for name in names}
    holdfast("init", str(archive))
    pages = ", ".join(f'"{site.url(name)}"' for name in names)
    (archive / "holdfast.toml").write_text(CONFIGURATION.format(pages=pages))
    holdfast("visit", "--archive", str(archive), "--all")
    site.pages["/edited"] = article("/edited", amount="99 million")
    for name in names[2:]:
        del site.pages[name]
    holdfast("visit", "--archive", str(archive), "--all", expect=None)
    before = habits(archive)
    (jump,) = jumps(archive)
    assert before[site.url("/edited")].changes == 1
    assert before[site.url("/kept")].changes == 0
    assert before[site.url("/lost")].lost > 0
    (archive / "catalogue.db").unlink()
    holdfast("rebuild", "--archive", str(archive))
    after = habits(archive)
    assert jumps(archive) == [jump], "told once, and not again by a rebuild"
    assert after.keys() == before.keys()
    for url, row in before.items():
        again = after[url]
        assert (again.role, again.looks, again.changes, again.lost, again.digest) == (
            row.role,
            row.looks,
            row.changes,
            row.lost,
            row.digest,
        )
        assert again.shape == pytest.approx(row.shape, rel=0.05)
        assert again.looked_at == row.looked_at
