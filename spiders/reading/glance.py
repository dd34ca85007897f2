"""Tell at a glance that a page leads to what it led to before, without a tree of it.

Most pages that are fetched again differ in tokens, scripts and words only: the tags that lead to
other pages are the same ones, in the same order. More is looked at than is read: a tag that differs
without need costs that the page is read, and one that were overlooked would cost what it names.
"""

import hashlib
import re
from collections.abc import Iterator

from spiders.reading.listings import LISTINGS, xml_root

LARGEST_BYTES = 128 * 1024
"""Larger pages are always read: they are few, and may be cut before."""

_UNREAD = re.compile(rb"<!--|<script\b")
_TAG = re.compile(rb"<[^<>]*>")
_LINKING = re.compile(
    rb"<(?:/?(?:a|area|base|frame|iframe|noembed|noframes|plaintext|style|template|textarea|title"
    rb"|xmp)[\s/>]|link\b(?=[^<>]*alternate)|meta\b(?=[^<>]*(?:charset|http-equiv)))[^<>]*>?",
    re.IGNORECASE,
)
"""Tags that link, that say in which charset, and those within which a tag is none."""
_TOKENS = re.compile(
    rb"<(?:meta\b(?![^<>]*(?:charset|http-equiv|image|thumbnail|data-|style))"
    rb"|input\b(?=[^<>]*hidden)(?![^<>]*(?:image|data-|style)))[^<>]*>",
    re.IGNORECASE,
)
"""Tags that are for programs of the site, and not for who shows the page."""
_STYLE = re.compile(rb"<style[^<>]*>([^<]*)", re.IGNORECASE)
_NONCE = re.compile(rb"""\snonce\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+)""", re.IGNORECASE)
_ODD = (b"\0", b"\x1b")
"""In text of several bytes a letter, where a byte that looks like a bracket may be none."""


def leads(body: bytes, *, needs: bool) -> str | None:
    """Return a name for what a page links to, and for what it ``needs``; linear in its size.

    None where only reading it tells: a list, a large page, an odd charset, no page at all.
    """
    if len(body) > LARGEST_BYTES or any(one in body for one in _ODD):
        return None
    if xml_root(body) in LISTINGS:
        return None
    read = b"".join(_read(body))
    tags = b"".join(_TAG.findall(read))
    if not tags:
        return None
    told = _TOKENS.sub(b"", tags) if needs else b"".join(_LINKING.findall(tags))
    if b"nonce" in told:
        told = _NONCE.sub(b"", told)
    digest = hashlib.blake2b(told, digest_size=12)
    # A bracket within quotes ends no tag: what follows it, or comes before, has its marks.
    texts = _TAG.sub(b"\0", read)
    if b"=" in texts:
        digest.update(b"\0".join(one for one in texts.split(b"\0") if b"=" in one))
    if needs:
        digest.update(b"\0".join(_STYLE.findall(read)))
    return digest.hexdigest()


def _read(body: bytes) -> Iterator[bytes]:
    """Yield a page without its comments and what stands in its scripts."""
    lower = body.lower()
    begin = 0
    while found := _UNREAD.search(lower, begin):
        yield body[begin : found.start()]
        if found[0] == b"<!--":
            # A comment may end with the dashes it began with (HTML Standard, "abrupt closing").
            end = lower.find(b"-->", found.start() + 2)
            begin = end + 3
        else:
            head = lower.find(b">", found.start()) + 1
            head = head or len(body)
            yield body[found.start() : head]
            if body.count(b'"', found.start(), head) % 2:  # it goes on behind a bracket in quotes
                begin = head
                continue
            end = lower.find(b"</script", head)
            begin = end
        if end < 0:
            return
    yield body[begin:]
