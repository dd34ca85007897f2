"""Understand the names that page makers give to the parts of a page."""

import re

from lxml.html import HtmlElement

_NAMES = {
    "comment": "comment comments disqus respond reply replies kommentar kommentare comentarios "
    "commentaires",
    "related": "related recommend recommended recommendations recirc more most popular trending "
    "teaser teasers promo promos promoted card cards latest readmore suggested list listing river "
    "feed similar",
    "advert": "ad ads adv advert advertisement advertising sponsor sponsored banner affiliate "
    "anzeige werbung commercial",
    "share": "share sharing social follow",
    "furniture": "footer foot header nav navigation navbar menu breadcrumb breadcrumbs sidebar "
    "side aside rail toolbar masthead topbar skip search cookie cookies consent privacy gdpr modal "
    "popup overlay dialog toast login copyright legal",
    "offer": "newsletter newsletters subscribe subscription signup paywall donate donation "
    "membership register registration offer cta",
    "about": "byline author authors bio date time timestamp datetime dateline published publish "
    "meta metadata info infos details tag tags topic topics category categories kicker eyebrow "
    "label labels source contributor contributors profile",
    "caption": "caption captions credit credits figcaption cutline legende bildunterschrift "
    "photographer",
    "media": "gallery slideshow slider carousel video player photo photos image images figure "
    "embed widget infobox factbox box audio media",
    "post": "tweet twitter instagram tiktok facebook fb bluesky mastodon reddit telegram embedded "
    "oembed",
    "note": "note notes footnote footnotes endnote endnotes disclaimer disclosure boilerplate "
    "signature tagline correction corrections notice reference references",
    "lead": "sub lead lede intro introduction standfirst summary subtitle subheadline subhead deck "
    "dek abstract excerpt description chapeau",
    "title": "title headline heading hed",
    "body": "article articlebody body content contents entry post story text main richtext prose "
    "paragraph paragraphs copy fulltext",
}
KINDS = tuple(_NAMES)
"""What a part may be named as."""

_KIND_OF: dict[str, int] = {}
for _place, _words in enumerate(_NAMES.values()):
    for _word in _words.split():
        _KIND_OF[_word] = _KIND_OF.get(_word, 0) | 1 << _place

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_MOST_CHARACTERS = 300
_FRAMES = frozenset(("html", "body"))


def hints(element: HtmlElement) -> int:
    """Return what class and id of an element name it as, a bit for each of ``KINDS``."""
    if element.tag in _FRAMES:  # what a whole page is named tells its parts nothing
        return 0
    found = 0
    for attribute in ("class", "id"):
        value = element.get(attribute)
        if value:
            for word in _WORD.findall(value[:_MOST_CHARACTERS]):
                found |= _KIND_OF.get(word.lower(), 0)
    return found
