"""Write the pages of the bench's site: always the same ones, each made alone from its number."""

import gzip
import random
from functools import cache

SHORTEST_BYTES = 20_000
LONGEST_BYTES = 60_000
PICTURES = 24
STYLE_PATH = "/static/paper.css"

_LETTERS = "eeeeaaaiiooutttnnnsssrrhhlldcmfpgwybvkéö"
_PARAGRAPH_WORDS = (30, 110)


def page(number: int) -> bytes:
    """Return an article of 20 to 60 kB, UTF-8, that names its charset nowhere."""
    draw = random.Random(number)
    wanted = draw.randint(SHORTEST_BYTES, LONGEST_BYTES)
    words = vocabulary()
    headline = " ".join(draw.choices(words, k=8)).capitalize()
    parts = [_top(headline), *_story(draw, words)]
    size = sum(len(part.encode()) for part in parts)
    while size < wanted - 2_000:
        paragraph = _paragraph(draw, words)
        parts.append(paragraph)
        size += len(paragraph.encode())
    parts.append(_bottom(draw, words))
    return "".join(parts).encode()


def packed(body: bytes) -> bytes:
    """Return a body as the server compresses it: gzip at level 6, the same bytes every time."""
    return gzip.compress(body, 6, mtime=0)


def picture(number: int) -> bytes:
    """Return something of a photograph's size that no coding makes smaller."""
    draw = random.Random(-1 - number)
    return b"\xff\xd8\xff\xe0" + draw.randbytes(draw.randint(8_000, 40_000))


def style() -> bytes:
    """Return the style sheet of the site."""
    rules = (
        f".part-{n} {{ margin: {n}px auto; background: url(/static/{n % PICTURES}.jpg) }}"
        for n in range(200)
    )
    return "\n".join(rules).encode()


@cache
def vocabulary() -> list[str]:
    """Return made-up words, the frequent ones often: text that deflates as prose does."""
    draw = random.Random("vocabulary")
    words = ["".join(draw.choices(_LETTERS, k=draw.randint(2, 11))) for _ in range(4_000)]
    return [word for rank, word in enumerate(words, 1) for _ in range(4_000 // (rank + 10) + 1)]


def _top(headline: str) -> str:
    links = "".join(
        f'<li class="menu-item menu-item-{n}"><a href="/section/{n}" title="Section {n}">'
        f"Section {n}</a></li>\n"
        for n in range(40)
    )
    return (
        f"<!DOCTYPE html>\n<html lang=en>\n<head>\n<title>{headline}</title>\n"
        f'<link rel="stylesheet" href="{STYLE_PATH}">\n</head>\n<body class="article">\n'
        f'<ul class="menu">\n{links}</ul>\n<article>\n<h1>{headline}</h1>\n'
    )


def _story(draw: random.Random, words: list[str]) -> list[str]:
    photo = draw.randrange(PICTURES)
    return [
        f'<p class="byline">By: {draw.choice(words).capitalize()}</p>\n',
        "<p>Published Friday, October 10, 2014</p>\n",
        f'<figure><img src="/static/{photo}.jpg" alt="{draw.choice(words)}">\n',
        f"<figcaption>{' '.join(draw.choices(words, k=12))}</figcaption></figure>\n",
    ]


def _paragraph(draw: random.Random, words: list[str]) -> str:
    text = " ".join(draw.choices(words, k=draw.randint(*_PARAGRAPH_WORDS)))
    return f"<p>“{text.capitalize()}.”</p>\n"


def _bottom(draw: random.Random, words: list[str]) -> str:
    related = "".join(
        f'<li><a href="/a/{draw.randrange(3_000):05}.html">{" ".join(draw.choices(words, k=5))}</a>'
        f'<img class="thumb" src="/static/{draw.randrange(PICTURES)}.jpg" alt=""></li>\n'
        for _ in range(12)
    )
    return f"</article>\n<ul>\n{related}</ul>\n<a href='#top'>Back to top</a>\n</body>\n</html>\n"
