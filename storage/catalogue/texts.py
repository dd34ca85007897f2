"""Keep the article read out of each capture, once for all captures of a target that show it."""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from sqlalchemy import Connection, bindparam, select, update

from storage.catalogue.dialects import insert_new, portions
from storage.catalogue.tables import ARTICLE, captures, texts
from storage.errors import CatalogueError
from storage.model import Article

# Made once, not with each text: putting a statement together costs more than running it.
_SHOWS = update(captures).where(captures.c.id == bindparam("of_capture"))
_SHOWS = _SHOWS.values(text_id=bindparam("kept"))
_KEPT = select(texts.c.id, texts.c.target_id, texts.c.digest).where(
    texts.c.target_id.in_(bindparam("targets", expanding=True)),
    texts.c.digest.in_(bindparam("digests", expanding=True)),
)


def put(db: Connection, capture_id: int, article: Article) -> int:
    """Keep the article of a capture; return the id of its text, old or new."""
    of_capture = select(captures.c.target_id).where(captures.c.id == capture_id)
    target_id = db.execute(of_capture).scalar()
    if target_id is None:
        raise CatalogueError(f"{article.url}: the capture {capture_id} of a text is not known")
    return put_all(db, [(capture_id, target_id, article)])[0]


def put_all(db: Connection, read: Sequence[tuple[int, int, Article]]) -> list[int]:
    """Keep the articles of captures, and return the ids of their texts, old or new.

    Each comes with the ids of its capture and of its target.
    """
    if not read:
        return []
    keys = [(target_id, _digest(article)) for _, target_id, article in read]
    articles = dict(zip(keys, (article for _, _, article in read), strict=True))
    ids = _ids(db, keys)
    if new := [key for key in articles if key not in ids]:
        rows = [
            {"target_id": of, "digest": name, "article": articles[of, name]} for of, name in new
        ]
        db.execute(insert_new(db, texts), rows)
    for key, text_id in ids.items():
        same = texts.c.id == text_id
        if db.execute(select(texts.c.article).where(same)).scalar() != articles[key]:
            db.execute(update(texts).where(same).values(article=articles[key]))
    ids |= _ids(db, new)
    shown = [
        {"of_capture": one, "kept": ids[key]} for (one, _, _), key in zip(read, keys, strict=True)
    ]
    db.execute(_SHOWS, shown)
    return [ids[key] for key in keys]


def _digest(article: Article) -> str:
    # What stands beside an article changes with every teaser: the row has it as it was last seen.
    alone = replace(article, rest=(), residue="", surface="", template=0)
    return sha256(ARTICLE.text(alone).encode()).hexdigest()


def _ids(db: Connection, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return the ids of the texts of targets that are kept, by target and digest."""
    found: dict[tuple[int, str], int] = {}
    for part in portions(sorted(keys)):
        named = {"targets": [one for one, _ in part], "digests": [one for _, one in part]}
        found |= {(row.target_id, row.digest): row.id for row in db.execute(_KEPT, named)}
    return {key: found[key] for key in keys if key in found}


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
