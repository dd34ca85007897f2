"""The steps that make and change the catalogue's tables."""

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from catalogues import NOW, opened, watch
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from storage.catalogue import schema, sites, targets, upgrade
from storage.catalogue.engine import open_catalogue
from storage.catalogue.tables import metadata
from storage.errors import CatalogueError
from storage.model import FoundBy, Site, TargetState

REVISION_1 = """
INSERT INTO sites (name, options, from_file, gone)
    VALUES ('paper', '{"name":"paper","delay":2.5,"every":"6h","of_a_later_release":1}', 0, 0);
INSERT INTO targets (site, url, host, state, found_by, found_at, muted, due_at, queue_at)
    VALUES ('paper', 'https://a.example/', 'a.example', 'active', 'feed',
            '2026-11-05 06:00:00.000000', 0, NULL, NULL);
"""


def shape(path):
    """Return the statements that made the tables of a file, in any order."""
    with sqlite3.connect(path) as db:
        made = db.execute("SELECT sql FROM sqlite_master WHERE sql NOT LIKE '%alembic%'").fetchall()
    db.close()
    return sorted(" ".join(sql.split()) for (sql,) in made)


def test_the_steps_make_exactly_the_tables_of_the_code(tmp_path):
    """A migrated catalogue and one made from tables.py are the same, statement for statement."""
    catalogue = opened(tmp_path)
    with catalogue.read() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    catalogue.close()
    engine = create_engine(f"sqlite:///{tmp_path}/made.db")
    metadata.create_all(engine)
    engine.dispose()
    assert shape(tmp_path / "catalogue.db") == shape(tmp_path / "made.db")


def test_the_head_is_the_last_step():
    """The revision that a catalogue is held to is the last file of migrations/versions."""
    assert upgrade.newest() == schema.HEAD


def test_a_catalogue_of_revision_1_opens(tmp_path):
    """What the first release wrote is read by this one."""
    path = tmp_path / "catalogue.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as db:
        upgrade.upgrade(db, "0001")
    engine.dispose()
    with sqlite3.connect(path) as old:
        old.executescript(REVISION_1)
    old.close()
    catalogue = open_catalogue(path)
    with catalogue.read() as db:
        assert sites.listing(db)[0].every == "6h"
        target = targets.by_url(db, "https://a.example/")
    catalogue.close()
    assert target is not None
    assert (target.found_by, target.state, target.found_at) == (
        FoundBy.FEED,
        TargetState.ACTIVE,
        NOW,
    )


def test_a_catalogue_in_use_by_an_older_release_is_left_alone(tmp_path):
    """To look at it changes nothing under the service that runs on it."""
    path = tmp_path / "catalogue.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as db:
        upgrade.upgrade(db, "0001")
    engine.dispose()
    before = shape(path)
    with pytest.raises(CatalogueError, match=r"older release .* is using it now"):
        open_catalogue(path, as_it_is=True)
    assert shape(path) == before


def test_a_catalogue_opens_again_as_it_was(tmp_path):
    """Opening a catalogue that is up to date changes nothing in it."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        sites.put(db, [Site(name="paper")])
        watch(db, "https://a.example/")
    catalogue.close()
    before = (tmp_path / "catalogue.db").read_bytes()
    opened(tmp_path).close()
    assert (tmp_path / "catalogue.db").read_bytes() == before


def test_a_catalogue_of_a_newer_release_is_refused(tmp_path):
    """A catalogue with a revision we do not know is named and left alone."""
    catalogue = opened(tmp_path)
    with catalogue.write() as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    catalogue.close()
    with pytest.raises(CatalogueError, match="newer release of Holdfast"):
        opened(tmp_path)


def test_a_step_that_fails_leaves_no_half_made_catalogue(tmp_path):
    """Tables and revision come in one transaction: an error leaves an empty file."""
    path = tmp_path / "catalogue.db"
    catalogue = opened(tmp_path)
    catalogue.close()
    path.unlink()

    def fail_half_way():
        with catalogue.write() as db:
            upgrade.upgrade(db)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    catalogue.close()
    assert shape(path) == []


def test_the_tables_can_be_made_on_postgresql():
    """Every table and index compiles for PostgreSQL, with real timestamps."""
    dialect = postgresql.dialect()
    made = "".join(str(CreateTable(one).compile(dialect=dialect)) for one in metadata.sorted_tables)
    indexes = [index for table in metadata.sorted_tables for index in table.indexes]
    made += "".join(str(CreateIndex(one).compile(dialect=dialect)) for one in indexes)
    assert "due_at TIMESTAMP WITH TIME ZONE" in made
    assert "id BIGSERIAL NOT NULL" in made
    assert "WHERE asleep_until IS NULL" in made
