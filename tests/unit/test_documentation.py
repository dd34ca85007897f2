"""The documentation names everything there is, and nothing that is not there."""

import ast
import functools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler import alerts, commands, plugins
from crawler.alerts import webhook
from crawler.changes import rules
from crawler.commands import make_parser, summaries
from crawler.configuration.sections import SECTIONS
from crawler.deliver import option_names
from storage.catalogue.tables import metadata
from storage.model import Alert, Outcome, Severity

ROOT = Path(__file__).parents[2]
DOCS = sorted(ROOT.glob("docs/*.md"))
PAGES = [ROOT / "README.md", *DOCS]
VERBS = [one.verb for one in summaries()]

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_CALL = re.compile(r"^(?:sudo (?:runuser -u \w+ -- )?)?[\w./-]*\bholdfast (?P<words>.*)$")
_ROUTINGS = {f"Alert.{one.name}": one.value for one in Alert}
_SEVERITIES = {f"Severity.{one.name}": one.value for one in Severity}


@functools.cache
def text(name: str) -> str:
    """Return a page of the documentation."""
    return (ROOT / name).read_text("utf-8")


@functools.cache
def _sources() -> list[ast.Module]:
    paths = (
        path for one in ("crawler", "spiders", "storage") for path in (ROOT / one).rglob("*.py")
    )
    return [ast.parse(path.read_bytes()) for path in paths]


@pytest.fixture
def make_docs(monkeypatch):
    """Import the program that writes the reference, from where `make docs` runs it."""
    monkeypatch.syspath_prepend(str(ROOT / "deploy"))
    import make_docs as program  # noqa: PLC0415 - it lies beside no package

    return program


# --- the reference ----------------------------------------------------------------------------


def test_the_reference_is_what_the_verbs_say(make_docs, monkeypatch):
    """docs/commands.md is as `make docs` would write it, whatever the environment holds."""
    monkeypatch.setenv("HOLDFAST_ARCHIVE", "/elsewhere")
    assert text("docs/commands.md") == make_docs.reference(), "run `make docs`"


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_and_all_its_options_are_in_the_reference(verb):
    """Every verb has its section, with every option and an example that its parser takes."""
    section = text("docs/commands.md").split(f"\n### {verb}\n")[1].split("\n### ")[0]
    for option in _options(verb):
        assert option in section
    examples = [line for line in section.splitlines() if line.startswith("    holdfast ")]
    assert examples
    for line in examples:
        _parse(line.strip())


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_is_explained(outcome):
    """Every outcome stands in the reference with its meaning."""
    assert re.search(rf"^\| `{outcome}` \| \S", text("docs/commands.md"), re.MULTILINE)


# --- events, alerts, configuration ------------------------------------------------------------


def _made() -> Iterator[tuple[str, str, str]]:
    """Yield kind, routing and severity of every finding and event that the code makes."""
    for tree in _sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("Finding", "Event"):
                words = {one.arg: one.value for one in node.keywords}
                kind = words.get("kind")
                if isinstance(kind, ast.Constant):
                    routing, severity = ast.unparse(words["alert"]), ast.unparse(words["severity"])
                    yield kind.value, routing, severity


@pytest.mark.parametrize(("kind", "routing", "severity"), sorted(set(_made())))
def test_a_kind_of_event_is_explained(kind, routing, severity):
    """Every kind has a row that says how it is told and how severe it is, as the code has it."""
    row = next(
        (line for line in text("docs/events.md").splitlines() if line.startswith(f"| `{kind}` |")),
        "",
    )
    *_, told, weighs = row.strip("| ").split(" | ")
    assert weighs == _SEVERITIES[severity]
    named = [value for name, value in _ROUTINGS.items() if name in routing]
    assert all(value in told for value in named)


@pytest.mark.parametrize("rule", plugins.names(rules))
def test_a_rule_is_explained_by_its_kind(rule):
    """What a rule finds stands among the events."""
    kinds = {node.value for node in _kinds(ROOT / f"crawler/changes/rules/{rule}.py")}
    assert kinds
    assert all(f"| `{kind}` |" in text("docs/events.md") for kind in kinds)


def _kinds(path: Path) -> list[ast.Constant]:
    words = (
        node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.keyword)
    )
    return [one.value for one in words if one.arg == "kind" and isinstance(one.value, ast.Constant)]


@pytest.mark.parametrize("channel", plugins.names(alerts))
def test_a_channel_and_its_options_are_explained(channel):
    """Every channel has a section in docs/alerts.md, and each option a place in it."""
    section = text("docs/alerts.md").split(f"\n### `{channel}`\n")[1].split("\n## ")[0]
    section = section.split("\n### ")[0]
    assert all(f"`{option}`" in section for option in option_names(channel))
    assert f"| `{channel}` |" in text("docs/configuration.md")


@pytest.mark.parametrize("section", SECTIONS)
def test_every_key_of_the_configuration_is_explained(section):
    """Every key of holdfast.toml has a row, or a sentence, in docs/configuration.md."""
    page = text("docs/configuration.md")
    assert f"[{section}]" in page
    assert all(f"`{key}`" in page for key in SECTIONS[section].model_fields)


def test_the_example_verifies_a_webhook():
    """The program in docs/alerts.md takes our signature, and refuses another body or secret."""
    source = next(code for kind, code in _fenced("docs/alerts.md") if kind == "python")
    names = {}
    exec(compile(source, "docs/alerts.md", "exec"), names)
    secret, other = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    stamp = str(int(names["time"].time()))
    signature = webhook._signature(secret, "7", stamp, b"{}")
    headers = {"webhook-id": "7", "webhook-timestamp": stamp, "webhook-signature": signature}
    assert names["is_ours"](secret, headers, b"{}")
    assert not names["is_ours"](secret, headers, b"{ }")
    assert not names["is_ours"](other, headers, b"{}")


# --- architecture, rooms, decisions -----------------------------------------------------------


def test_every_table_of_the_catalogue_is_explained():
    """docs/architecture.md has a row for each table."""
    page = text("docs/architecture.md")
    assert all(f"| `{table}` |" in page for table in metadata.tables)


def test_every_dependency_has_its_reason():
    """Each distribution we depend on stands in docs/decisions.md with its room and its end."""
    wanted = tomllib.loads(text("pyproject.toml"))["project"]
    lists = [wanted["dependencies"], *wanted["optional-dependencies"].values()]
    names = [re.match(r"[\w-]+", one)[0] for listed in lists for one in listed]
    assert [name for name in names if name not in text("docs/decisions.md")] == []


def test_the_contract_of_the_rooms_is_that_of_the_code():
    """Every signature in docs/rooms.md has the name and the arguments the code gives it."""
    known = _signatures()
    told = [one for one in _spans("docs/rooms.md") if re.fullmatch(r"[\w.]+\(.*\)", one)]
    assert len(told) > 40
    wrong = [one for one in told if one not in known]
    assert wrong == []


def _signatures() -> set[str]:
    """Return every function and method of the packages, as docs/rooms.md writes them."""
    found = set()
    for tree in _sources():
        for node in tree.body:
            found |= {_signature(node)} if isinstance(node, _FUNCTIONS) else set()
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, _FUNCTIONS):
                    found.add(f"{node.name}.{_signature(inner)}")
    return found


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    places = [one.arg for one in (*node.args.posonlyargs, *node.args.args) if one.arg != "self"]
    named = [one.arg for one in node.args.kwonlyargs]
    return f"{node.name}({', '.join([*places, *(['*', *named] if named else [])])})"


def test_the_messages_that_are_quoted_are_ones_we_say():
    """Every message in docs/when-things-go-wrong.md still has its words in the code."""
    said = {
        node.value.strip()
        for tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if len(node.value.strip()) >= 12
    }
    page = text("docs/when-things-go-wrong.md")
    quotes = re.findall(r"(?:^>.*\n)+", page, re.MULTILINE)
    messages = [" ".join(re.sub("^> ?", "", one, flags=re.MULTILINE).split()) for one in quotes]
    assert len(messages) > 15
    assert [one for one in messages if not any(part in one for part in said)] == []


# --- pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    """Relative links of the README and the docs point to files, and to headings, that exist."""
    for link in _LINK.findall(page.read_text("utf-8")):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@functools.cache
def _anchors(page: Path) -> frozenset[str]:
    """Return the names that headings of a page get: lower case, hyphens for blanks, no marks."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_are_ones_that_work(page, monkeypatch):
    """Commands in blocks are taken by the real parsers; those in a sentence name what there is."""
    monkeypatch.setenv("HOLDFAST_ARCHIVE", "A")
    name = str(page.relative_to(ROOT))
    for kind, block in _fenced(name):
        for line in block.splitlines() if kind == "sh" else ():
            if found := _CALL.match(line.partition(" #")[0].strip()):
                _parse(f"holdfast {found['words']}")
    for span in _spans(name):
        if span.startswith("holdfast "):
            _exists(span)


def test_every_verb_channel_and_spider_is_named_in_the_docs():
    """Nobody has to read the source to learn that a part is there."""
    everything = "".join(text(str(page.relative_to(ROOT))) for page in PAGES)
    for package in (alerts, commands):
        assert all(f"`{name.replace('_', '-')}`" in everything for name in plugins.names(package))
    assert all(f'`"{name}"`' in everything for name in plugins.spider_names())


def _fenced(name: str) -> list[tuple[str, str]]:
    return _FENCE.findall(text(name))


def _spans(name: str) -> list[str]:
    return _SPAN.findall(_FENCE.sub("", text(name)))


def _options(verb: str) -> set[str]:
    """Return every long option of a verb and of its steps."""
    found, left = set(), [make_parser(verb)]
    while left:
        for action in left.pop()._actions:
            found |= {one for one in action.option_strings if one.startswith("--")}
            if isinstance(action.choices, dict):
                left += action.choices.values()
    return found - {"--help"}


def _parse(line: str) -> None:
    """Hold a command to the parser of its verb."""
    _, verb, *rest = shlex.split(line.replace("…", "x"))
    if verb in ("--help", "--version") or "--help" in rest:
        return
    assert verb in VERBS, line
    if "--archive" in _options(verb) - set(rest):
        rest = [*rest, "--archive", "A"]
    try:
        make_parser(verb).parse_args(rest)
    except SystemExit:
        pytest.fail(f"the parser does not take: {line}")


def _exists(span: str) -> None:
    """Hold a command that is only named to the verbs and options there are."""
    words = [word for word in re.split(r"[\s|\[\]]+", span.removeprefix("holdfast ")) if word]
    placeholder = words[0].isupper() or words[0] in ("your-file", "…")
    if placeholder or words[0] in ("--help", "--version"):
        return
    assert words[0] in VERBS, span
    assert {word for word in words if word.startswith("--")} - {"--help"} <= _options(words[0]), (
        span
    )
