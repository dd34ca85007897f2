"""Nested nouns as JSON text, and text from outside."""

from datetime import timedelta

import pytest
from catalogues import NOW

from storage.codec import Codec, keepable
from storage.errors import CatalogueError
from storage.model import Alert as AlertKind
from storage.model import Article, Axis, Block, Finding, Look, Outcome, Severity, Signal, Site


def test_a_site_comes_back_as_it_was():
    """Lengths of time, closed sets and lists survive the way through the file."""
    site = Site(name="paper", start=("https://a.example/",), delay=timedelta(microseconds=200_001))
    codec = Codec(Site)
    assert codec.value(codec.text(site)) == site
    assert '"delay":0.200001' in codec.text(site)


def test_findings_and_looks_come_back_as_they_were():
    """Nouns within nouns are nouns again, with their times."""
    finding = Finding(
        kind="moved",
        axis=Axis.CONTENT,
        rule="moved",
        alert=AlertKind.NOW,
        severity=Severity.NOTICE,
        summary="It moved.",
        signals=(Signal(name="survival", value=".97", threshold=".8"),),
        details={"moved_to": "https://b.example/"},
    )
    findings = Codec(tuple[Finding, ...])
    assert findings.value(findings.text((finding,))) == (finding,)
    look = Look(visit_id=1, at=NOW, outcome=Outcome.CLIENT_ERROR, status=404, kind="gone")
    looks = Codec(tuple[Look, ...])
    assert looks.value(looks.text((look,))) == (look,)


def test_what_no_database_keeps_is_replaced():
    """NUL and lone surrogates, alone or in a noun, become U+FFFD; everything else stays."""
    assert keepable("a\0b\ud800c \U0001f4f0 \u0645") == "a\ufffdb\ufffdc \U0001f4f0 \u0645"
    hostile = Article(url="u", blocks=(Block(kind="paragraph", text="x\0\udfff \\u0000"),))
    codec = Codec(Article)
    kept = codec.value(codec.text(hostile))
    assert kept.blocks[0].text == "x\ufffd\ufffd \\u0000"
    assert codec.text(kept) == codec.text(hostile)


def test_a_value_of_a_wrong_type_is_refused():
    """A noun that is not what it says is refused on the way in, and on the way out."""
    codec = Codec(Article)
    with pytest.raises(CatalogueError):
        codec.text(Article(url=7))  # type: ignore[arg-type]
    with pytest.raises(CatalogueError, match="cannot read"):
        codec.value('{"url":[]}')
    with pytest.raises(CatalogueError, match="cannot read"):
        codec.value("torn")
