"""Write what a rebuild knows of very many rows, with one statement for all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from storage.catalogue.columns import Moment
from storage.catalogue.tables import captures, visits

_READ = (
    update(visits)
    .where(visits.c.id == bindparam("visit"))
    .values(read_at=bindparam("at", type_=Moment))
)
_OTHER = captures.alias()
_TEXT_OF = select(_OTHER.c.text_id).where(_OTHER.c.id == bindparam("other")).scalar_subquery()
_SHARE = update(captures).where(captures.c.id == bindparam("capture")).values(text_id=_TEXT_OF)


def mark_read(db: Connection, compared: Mapping[int, datetime]) -> None:
    """Say of visits, by their ids, when they were compared."""
    if compared:
        db.execute(_READ, [{"visit": one, "at": at} for one, at in compared.items()])


def share_texts(db: Connection, pairs: Sequence[tuple[int, int]]) -> None:
    """Say of captures that each shows the text of another one, in their order."""
    if pairs:
        db.execute(_SHARE, [{"capture": one, "other": other} for one, other in pairs])
