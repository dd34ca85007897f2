"""Keep the article read out of each capture, once for all captures of a target that show it."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from sqlalchemy import Connection, select, update

from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import ARTICLE, captures, texts
from storage.errors import CatalogueError
from storage.model import Article


def put(db: Connection, capture_id: int, article: Article) -> int:
    """Keep the article of a capture; return the id of its text, old or new."""
    of_capture = select(captures.c.target_id).where(captures.c.id == capture_id)
    target_id = db.execute(of_capture).scalar()
    if target_id is None:
        raise CatalogueError(f"{article.url}: the capture {capture_id} of a text is not known")
    # What stands beside an article changes with every teaser: the row has it as it was last seen.
    alone = replace(article, rest=(), residue="", surface="", template=0)
    digest = sha256(ARTICLE.text(alone).encode()).hexdigest()
    row = {"target_id": target_id, "digest": digest, "article": article}
    db.execute(insert_new(db, texts), row)
    same = select(texts).where(texts.c.target_id == target_id, texts.c.digest == digest)
    kept = db.execute(same).one()
    text_id = kept.id
    if kept.article != article:
        db.execute(update(texts).where(texts.c.id == text_id).values(article=article))
    db.execute(update(captures).where(captures.c.id == capture_id).values(text_id=text_id))
    return int(text_id)


def of_captures(db: Connection, capture_ids: Sequence[int]) -> dict[int, Article]:
    """Return the articles of captures by their ids; each text is read once."""
    named: dict[int, int] = {}
    for part in portions(capture_ids):
        rows = db.execute(select(captures.c.id, captures.c.text_id).where(captures.c.id.in_(part)))
        named |= {row.id: row.text_id for row in rows if row.text_id is not None}
    read: dict[int, Article] = {}
    for part in portions(sorted(set(named.values()))):
        rows = db.execute(select(texts.c.id, texts.c.article).where(texts.c.id.in_(part)))
        read |= {row.id: row.article for row in rows}
    return {capture: read[text] for capture, text in named.items()}


def latest(db: Connection, target_id: int) -> Article | None:
    """Return the article of a target's last capture that has one."""
    statement = (
        select(texts.c.article)
        .join(captures, captures.c.text_id == texts.c.id)
        .where(captures.c.target_id == target_id)
        .order_by(captures.c.id.desc())
        .limit(1)
    )
    return db.execute(statement).scalar()


def of_capture(db: Connection, capture_id: int) -> Article | None:
    """Return the article of a capture; None when it was not read or carried none."""
    statement = select(texts.c.article).join(captures, captures.c.text_id == texts.c.id)
    return db.execute(statement.where(captures.c.id == capture_id)).scalar()
