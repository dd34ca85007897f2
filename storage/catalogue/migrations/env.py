"""Tell Alembic which connection to migrate; storage/catalogue/upgrade.py gives it."""

from alembic import context
from sqlalchemy import Connection

from storage.catalogue.tables import metadata

connection = context.config.attributes.get("connection")
if not isinstance(connection, Connection):
    raise TypeError("the migrations of the catalogue are run by storage/catalogue/upgrade.py")

# The caller's transaction is the one: a migration happens as a whole or not at all.
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
