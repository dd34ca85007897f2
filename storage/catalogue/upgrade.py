"""Run the migrations: Alembic, with its environment in this package and no file of settings."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(db: Connection, revision: str = "head") -> None:
    """Bring the catalogue to a revision within the transaction of `db`."""
    config = _config()
    config.attributes["connection"] = db
    command.upgrade(config, revision)


def revisions() -> frozenset[str]:
    """Return the revisions this release knows."""
    script = ScriptDirectory.from_config(_config())
    return frozenset(step.revision for step in script.walk_revisions())


def newest() -> str | None:
    """Return the last revision, which must be the only last one."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    # The folder may have a percent sign in its name, which the parser of settings would expand.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
