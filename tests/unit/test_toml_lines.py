"""Where each key of a TOML text stands."""

import tomllib

import pytest

from crawler.configuration.toml_lines import Lines

ODD = '''\
# a comment with = and [brackets]
title = "a # in text" # and a comment
a.b.c = 1
"quoted.key" = 'x'
"esc\\u0061ped" = 2

[archive]   # header
operator = """
delay = "not a key"
""\\"
[not.a.table]
"""
literal = \'\'\'
[[site]]
\'\'\'
four = """x""""

[[site]]
name = "one"
start = [
  "https://a.example/", # first
  "https://b.example/,]",

  'https://c.example/',
]
options = { inner = { deep = [1, 2] }, other = "}" }

[site.extra]
key = 1979-05-27T07:32:00Z
[[site.list]]
x = 1
[[site.list]]
x = 2

[[site]]
name = "two"
  indented . dotted = true
[ "table" . 'name' ]
empty = []
nested = [[1, 2], [
  3]]
'''


def walk(value, path=()):
    """Every path of a document."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, (*path, key))
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, (*path, index))


@pytest.mark.parametrize("text", [ODD, ODD.replace("\n", "\r\n")])
def test_every_path_has_its_own_place(text):
    """Each key and each element of the parsed document was found by the scan, and nothing more."""
    lines = Lines(text)
    assert set(lines._places) == set(walk(tomllib.loads(text)))


@pytest.mark.parametrize(
    ("path", "starts"),
    [
        (("title",), "title"),
        (("a", "b", "c"), "a.b.c"),
        (("quoted.key",), '"quoted.key"'),
        (("escaped",), '"esc'),
        (("archive",), "[archive]"),
        (("archive", "operator"), "operator"),
        (("archive", "literal"), "literal"),
        (("archive", "four"), "four"),
        (("site", 0), "[[site]]"),
        (("site", 0, "start"), "start"),
        (("site", 0, "start", 0), '  "https://a'),
        (("site", 0, "start", 2), "  'https://c"),
        (("site", 0, "options", "inner", "deep", 1), "options"),
        (("site", 0, "extra", "key"), "key = 1979"),
        (("site", 0, "list", 1, "x"), "x = 2"),
        (("site", 1, "name"), 'name = "two"'),
        (("site", 1, "indented", "dotted"), "  indented"),
        (("table", "name", "nested", 1, 0), "  3]]"),
        (("site", 1, "missing"), "[[site]]"),
    ],
)
def test_the_line_is_the_one_a_person_would_point_at(path, starts):
    """A key is on the line where it is written; what is missing, on that of the table around it."""
    assert ODD.splitlines()[Lines(ODD).of(path) - 1].startswith(starts)


def test_what_is_nowhere_has_no_line():
    """An unknown top-level path has no line."""
    assert Lines("a = 1").of(("b", "c")) is None


def test_an_empty_text_has_no_lines():
    """A file of comments only is scanned to its end."""
    assert Lines("").of(("a",)) is None
    assert Lines("# only\n\n#").of(("a",)) is None
