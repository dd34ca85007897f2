"""Put events into an Atom feed (RFC 4287): what feed readers poll, written by us and read back."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape as escaped
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from crawler.console import diff_parts, escape
from crawler.wording import SUBJECT_LENGTH, cut, delivery_values, event_values, listed
from storage.model import Delivery, Event

CONTENT_TYPE = "application/atom+xml"
DIFF_LENGTH = 4000
"""Characters of a word diff that an entry carries."""

_SPACE = "http://www.w3.org/2005/Atom"
_NAMESPACE = uuid.UUID("0d6f3a4e-6f0e-5a53-9a0c-5b9c1f3c8a11")
_MARKS = {"-": "del", "+": "ins"}
_NOTHING_YET = datetime(1970, 1, 1, tzinfo=UTC)

ET.register_namespace("", _SPACE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry: an event, or a whole digest; its id never changes."""

    id: str
    title: str
    updated_at: datetime
    html: str
    """Its content, every value in it escaped."""
    link: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a feed says of itself."""

    title: str
    id: str
    author: str = "Holdfast"
    link: str = ""
    """Where the feed itself is had, if that is known."""


def named_id(name: str) -> str:
    """Return an id for what has a name: the same for the same name."""
    return f"urn:uuid:{uuid.uuid5(_NAMESPACE, name)}"


def entry_of(event: Event, delivery: Delivery | None = None) -> Entry:
    """Return the entry of one event, with the records that prove it if they came with it."""
    values = event_values(event, delivery.captures if delivery is not None else {})
    facts = [
        ("site", values["site"]),
        ("captured", values["captured_at"]),
        ("confirmed", values["confirmed_at"]),
        ("payload digest", values["digest"]),
        ("record", " at ".join(filter(None, (values["warc_file"], values["warc_offset"])))),
        ("event", values["event"]),
    ]
    listed_facts = "".join(
        f"<dt>{name}</dt><dd>{escaped(value)}</dd>" for name, value in facts if value
    )
    content = f"<p>{escaped(values['summary'])}</p>{_diff(event.diff)}<dl>{listed_facts}</dl>"
    return Entry(
        id=_event_id(event),
        title=cut(f"{values['kind']}: {values['url']}", SUBJECT_LENGTH),
        updated_at=event.confirmed_at or event.captured_at,
        html=content,
        link=_web(event.url),
        categories=tuple(escape(one) for one in (event.kind, event.site, event.severity) if one),
    )


def digest_of(delivery: Delivery) -> Entry:
    """Return one entry for a delivery of many events, a line each; none is left out."""
    lines = listed(delivery, most=len(delivery.events))
    told = "".join(
        f"<li>{escaped(line.strip())}</li>"
        if line.startswith(" ")
        else f"</ul><h3>{escaped(line)}</h3><ul>"
        for line in lines
    )
    return Entry(
        id=named_id(f"delivery {delivery.id}"),
        title=cut(delivery_values(delivery)["what"], SUBJECT_LENGTH),
        updated_at=max(one.confirmed_at or one.captured_at for one in delivery.events),
        html=f"{told.removeprefix('</ul>')}</ul><p>Delivery {escaped(escape(delivery.id))}</p>",
        categories=tuple(dict.fromkeys(escape(one.kind) for one in delivery.events)),
    )


def atom(about: About, entries: Iterable[Entry]) -> bytes:
    """Return a feed, its newest entry first."""
    newest_first = sorted(entries, key=lambda one: (one.updated_at, one.id), reverse=True)
    root = ET.Element(_tag("feed"))
    _text(root, "id", about.id)
    _text(root, "title", about.title)
    updated_at = newest_first[0].updated_at if newest_first else _NOTHING_YET
    _text(root, "updated", _moment(updated_at))
    _text(ET.SubElement(root, _tag("author")), "name", about.author)
    _text(root, "generator", "Holdfast")
    if about.link:
        ET.SubElement(root, _tag("link"), rel="self", type=CONTENT_TYPE, href=about.link)
    for one in newest_first:
        _entry(root, one)
    ET.indent(root, " ")
    feed: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return feed + b"\n"


def read(feed: bytes) -> list[Entry]:
    """Return the entries of a feed that ``atom`` made; ValueError when this is none."""
    try:
        root = ET.fromstring(feed)  # noqa: S314 - our own file, and expat expands nothing from outside
    except ET.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from error
    if root.tag != _tag("feed"):
        raise ValueError("it is no Atom feed")
    return [_read_entry(one) for one in root.findall(_tag("entry"))]


def _entry(root: ET.Element, one: Entry) -> None:
    node = ET.SubElement(root, _tag("entry"))
    _text(node, "id", one.id)
    _text(node, "title", one.title)
    _text(node, "updated", _moment(one.updated_at))
    if one.link:
        ET.SubElement(node, _tag("link"), rel="alternate", href=one.link)
    for term in one.categories:
        ET.SubElement(node, _tag("category"), term=term)
    _text(node, "content", one.html).set("type", "html")


def _read_entry(node: ET.Element) -> Entry:
    link = node.find(_tag("link"))
    return Entry(
        id=node.findtext(_tag("id"), ""),
        title=node.findtext(_tag("title"), ""),
        updated_at=datetime.fromisoformat(node.findtext(_tag("updated"), "")),
        html=node.findtext(_tag("content"), ""),
        link=link.get("href", "") if link is not None else "",
        categories=tuple(one.get("term", "") for one in node.findall(_tag("category"))),
    )


def _tag(name: str) -> str:
    return f"{{{_SPACE}}}{name}"


def _text(parent: ET.Element, name: str, text: str) -> ET.Element:
    node = ET.SubElement(parent, _tag(name))
    node.text = "\n".join(escape(line) for line in text.split("\n"))
    return node


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _event_id(event: Event) -> str:
    """Return the event's own id where it is a UUID, as all but trials have."""
    try:
        return f"urn:uuid:{uuid.UUID(hex=event.id)}"
    except ValueError:
        return named_id(f"event {event.id}")


def _web(url: str) -> str:
    """Return an address that may be a link, else nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname)
    return url if is_web and url.isascii() and url.isprintable() and " " not in url else ""


def _diff(diff: str) -> str:
    """Return a word diff as paragraphs, removed and added words in their elements."""
    if not diff:
        return ""
    parts: Sequence[tuple[str, str]] = list(diff_parts(cut(diff, DIFF_LENGTH)))
    return f"<p>{''.join(_run(_MARKS.get(mark, ''), text) for mark, text in parts)}</p>"


def _run(tag: str, text: str) -> str:
    opening, closing = (f"<{tag}>", f"</{tag}>") if tag else ("", "")
    runs = (
        f"{opening}{escaped(escape(run))}{closing}" if run else "" for run in text.split("\n\n")
    )
    return "</p><p>".join(runs)
