"""The catalogue: SQLAlchemy Core tables, one query one named function, Alembic migrations."""
