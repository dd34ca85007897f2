"""What a person types and is not there is told as such, and nothing is changed by it."""

from pathlib import Path

import pytest

from crawler.asked import refused
from crawler.commands import main
from crawler.opening import parts
from storage.catalogue import sites

PAGE = "https://paper.example/node/7"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an archive that watches one page, in the site of its host; nothing is fetched."""
    folder = str(tmp_path_factory.mktemp("typed") / "archive")
    assert main(["watch", "add", "--archive", folder, PAGE]) == 0
    return folder


@pytest.mark.parametrize("verb", ["events", "captures", "visits", "coverage", "watch list"])
def test_a_site_that_there_is_not_is_told(
    verb: str, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the sites there are; an empty list would look as if nothing had happened."""
    for more in ([], ["--json"]):
        assert main([*verb.split(), "--archive", archive, "--site", "twon", *more]) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert err == "holdfast: there is no site 'twon'; known are paper.example\n"


@pytest.mark.parametrize("verb", ["events", "captures", "visits"])
def test_an_address_of_which_nothing_is_known_is_told_to_people(
    verb: str, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the empty table stands why; programs get the empty list, and a known page no word."""
    for url, more, known in (
        (f"{PAGE}1", [], False),
        (f"{PAGE}1", ["--json"], True),
        (PAGE, [], True),
    ):
        assert main([verb, "--archive", archive, "--url", url, *more]) == 0
        _, err = capsys.readouterr()
        assert ("nothing is known of" in err) != known


def test_a_page_that_lacks_nothing_is_told_so(
    archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not an empty table; and not so of a page that nobody has looked at."""
    assert main(["coverage", "--archive", archive, "--url", PAGE]) == 0
    assert capsys.readouterr().out == "nothing is known of it: it was not visited yet\n"


def test_a_page_of_another_site_makes_no_site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its schedule changes where it is watched; a site is entered only for a page of its own."""
    archive, paper, other = str(tmp_path / "archive"), PAGE, PAGE.replace("7", "9")
    assert main(["watch", "add", "--archive", archive, "--site", "courier", paper]) == 0
    assert main(["watch", "add", "--archive", archive, "--site", "second", paper]) == 0
    assert "0 added, 1 watched already" in capsys.readouterr().out
    assert (
        main(
            ["watch", "add", "--archive", archive, "--every", "6h", "--site", "third", other, paper]
        )
        == 0
    )
    own = parts(Path(archive))
    try:
        with own.catalogue.read() as db:
            known = {one.name: one.start for one in sites.listing(db)}
    finally:
        own.catalogue.close()
    assert known == {"courier": (paper,), "third": (other,)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["visit", "--all", PAGE], "--all visits every watched page"),
        (["diff", "zzz"], "'zzz' is neither an event nor an address"),
        (["diff", PAGE], "has not changed in what is kept"),
        (["capture", "--from", "no-such-file"], "cannot read no-such-file: it does not exist"),
    ],
)
def test_words_that_mean_nothing_are_refused(
    words: list[str], says: str, archive: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence of our own, on one line."""
    assert main([*words, "--archive", archive]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_a_list_that_is_no_text_is_refused(
    archive: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line that cannot be read is named."""
    file = tmp_path / "addresses.txt"
    file.write_bytes(f"{PAGE}\n{PAGE}/\xe4\n".encode("latin-1"))
    assert main(["capture", "--archive", archive, "--from", str(file)]) == 1
    assert f"{file} is not text in UTF-8 (line 2); nothing was captured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "end"),
    [
        ("paper.example/a", "; write https://paper.example/a"),
        ("not-a-url", "; write https://not-a-url"),
        ("paper.example:8080/a", "; write https://paper.example:8080/a"),
        ("javascript:alert(1)", "not javascript"),
        ("file:///etc/passwd", "not file"),
        ("http://a b/", "control character"),
    ],
)
def test_an_address_without_its_beginning_is_told_with_it(url: str, end: str) -> None:
    """What can be meant as an address is told as one; what cannot is only refused."""
    assert (refused(url) or "").endswith(end)
    assert refused(PAGE) is None
