"""Read the text of labelled pages with another tool, in the environment that has it.

    python tests/bench/text_rivals.py TOOL LABELS.jsonl PAGES.zip

Prints a JSON line for each page with its id and the text, then one with the CPU seconds.
"""

import importlib
import json
import sys
import time
import zipfile
from pathlib import Path

NEEDS = ("readability-lxml==0.8.4.1", "newspaper4k==0.9.4.1", "resiliparse==1.0.8")
"""Beside trafilatura, in the version that Holdfast uses."""
IMPORTS = ("trafilatura", "readability", "newspaper", "resiliparse.extract.html2text")


def text_of(tool: str, body: bytes) -> str:
    """Return the text that a tool finds on a page, or none where it fails."""
    html = body.decode("utf-8", "replace").replace("\x00", "")
    try:
        return TOOLS[tool](html)
    except Exception:  # noqa: BLE001 - a rival may raise anything; it has then found nothing
        return ""


def _trafilatura(html: str, *, precise: bool = False) -> str:
    tool = importlib.import_module("trafilatura")
    return tool.extract(html, favor_precision=precise, include_comments=False) or ""


def _readability(html: str) -> str:
    tool = importlib.import_module("readability")
    parser = importlib.import_module("lxml.html")
    summary = tool.Document(html).summary(html_partial=True)
    return "\n".join(parser.fragment_fromstring(summary, create_parent="div").itertext())


def _newspaper(html: str) -> str:
    tool = importlib.import_module("newspaper")
    # It would ask the network for every picture of a page, to find the largest.
    article = tool.Article("http://page.invalid/", fetch_images=False)
    article.download(input_html=html)
    article.parse()
    return str(article.text)


def _resiliparse(html: str) -> str:
    tool = importlib.import_module("resiliparse.extract.html2text")
    return str(tool.extract_plain_text(html, main_content=True))


TOOLS = {
    "trafilatura, precision": lambda html: _trafilatura(html, precise=True),
    "trafilatura": _trafilatura,
    "readability-lxml": _readability,
    "newspaper4k": _newspaper,
    "resiliparse": _resiliparse,
}


def main() -> int:
    """Read all pages with one tool."""
    tool, listed, packed = sys.argv[1:]
    labels = [json.loads(line) for line in Path(listed).read_text(encoding="utf-8").splitlines()]
    with zipfile.ZipFile(packed) as pages:
        bodies = [pages.read(label["page"]) for label in labels]
    text_of(tool, b"<p>What a tool loads at first is no part of its figure.</p>")
    start = time.process_time()
    found = [text_of(tool, body) for body in bodies]
    seconds = time.process_time() - start
    for label, text in zip(labels, found, strict=True):
        print(json.dumps({"id": label["id"], "text": text}))
    print(json.dumps({"seconds": seconds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
