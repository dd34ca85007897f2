"""The frame of the command line: verbs found, errors told, statuses returned."""

import json
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta

import pytest

from crawler import commands
from crawler.commands import main, make_parser, parse_moment, summaries
from storage.archive import create, hold


@pytest.fixture
def add_verb(tmp_path):
    """Add a verb as one new file, in a folder that is searched for this test only."""
    folder = tmp_path / "verbs"
    folder.mkdir()
    commands.__path__.append(str(folder))

    def adding(name, body, head='HELP = "try something"\n'):
        rest = "import argparse\n" + head + "def add_arguments(parser): parser.add_argument('-x')\n"
        body = textwrap.indent(textwrap.dedent(body), "    ")
        (folder / f"{name}.py").write_text(rest + f"def run(arguments):\n{body}\n")

    yield adding
    commands.__path__.remove(str(folder))
    for name in [one for one in sys.modules if one.startswith("crawler.commands.try_")]:
        del sys.modules[name]
        delattr(commands, name.rpartition(".")[2])


# --- finding verbs ----------------------------------------------------------------------------


def test_a_verb_is_one_new_file(add_verb, capsys):
    """A file in the folder is a verb, its underscores hyphens, its line in the overview."""
    add_verb("try_it", "print('done', arguments.x)\nreturn 3")
    assert main(["try-it", "-x", "7"]) == 3
    assert capsys.readouterr().out == "done 7\n"
    assert main(["--help"]) == 0
    assert "  try-it        try something\n" in capsys.readouterr().out


def test_the_overview_imports_no_verb(add_verb, capsys):
    """The list of verbs is read from the text of the files; only the chosen one is run."""
    add_verb("try_it", "return 0", head='print("imported")\nHELP: str = "still listed"\n')
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert "still listed" in told
    assert "imported" not in told


def test_a_broken_verb_loses_only_itself(add_verb, capsys):
    """A file that does not load is named with the reason; the others still work."""
    add_verb("try_broken", "return 0", head="import nothing_of_that_name\n")
    add_verb("try_torn", "return (", head="")
    add_verb("try_poor", "return 0", head="")
    add_verb("try_it", "return 0")
    assert main(["try-it"]) == 0
    assert main(["try-broken"]) == 1
    assert main(["try-poor"]) == 1
    assert main(["--help"]) == 0
    told = capsys.readouterr()
    first, second = told.err.splitlines()
    assert "try-broken does not load: ModuleNotFoundError: No module named 'nothing_of" in first
    assert "try_broken.py:2" in first
    assert "the verb try-poor lacks HELP" in second
    assert "try-torn      (does not load: " in told.out


def test_the_overview_has_groups_in_order():
    """What a newcomer needs stands first; within a group the order is that of the alphabet."""
    order = [one.group for one in summaries()]
    assert order[0] == "start"
    assert order == sorted(order, key=order.index)
    assert "init" in [one.verb for one in summaries()]


def test_every_verb_says_what_it_does_in_a_line():
    """The overview has a line of help for each verb and none is broken."""
    assert [one for one in summaries() if one.fault or not one.help or len(one.help) > 100] == []


def test_an_unknown_verb_is_a_usage_error(capsys):
    """A slip of the finger gets the verb that was meant, and status 2."""
    assert main(["check-confg"]) == 2
    assert capsys.readouterr().err == (
        "holdfast: there is no verb 'check-confg'; did you mean check-config?\n"
    )
    assert main(["\x1b[31m"]) == 2
    assert "\x1b" not in capsys.readouterr().err
    assert main([]) == 2


def test_a_wrong_argument_is_a_usage_error(capsys):
    """What the parser refuses ends in status 2 without an exit of the whole process."""
    assert main(["init"]) == 2
    assert "usage: holdfast init" in capsys.readouterr().err
    assert main(["init", "--help"]) == 0


def test_the_version_is_told(capsys):
    """--version prints one line."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("holdfast ")


# --- endings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        ("crawler.errors.CrawlerError('no way', )", 1),
        ("storage.errors.StorageError('no way')", 1),
        ("storage.errors.ArchiveLockedError('no way')", 75),
        ("crawler.errors.ConfigError('no way')", 78),
        ("OSError(28, 'no way')", 1),
    ],
)
def test_an_error_of_ours_is_one_line(add_verb, capsys, raised, status):
    """No traceback for what a person can mend, and a status a service manager can act on."""
    add_verb("try_it", f"import crawler.errors, storage.errors\nraise {raised}")
    assert main(["try-it"]) == status
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("holdfast: ")
    assert "no way" in told


def test_a_fault_of_the_program_is_not_hidden(add_verb):
    """What nobody expected keeps its traceback: it is a bug, to be reported."""
    add_verb("try_it", "raise ZeroDivisionError")
    with pytest.raises(ZeroDivisionError):
        main(["try-it"])


def test_an_interrupt_is_quiet(add_verb, capsys):
    """Ctrl-C ends a verb with the status of a shell, without a word."""
    add_verb("try_it", "raise KeyboardInterrupt")
    assert main(["try-it"]) == 130
    assert capsys.readouterr().err == ""


def test_a_reader_that_goes_away_is_no_error():
    """`holdfast … | head` ends quietly when head has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from crawler.commands import main; sys.exit(main(['--help']))"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


# --- shared arguments -------------------------------------------------------------------------


def test_the_archive_may_come_from_the_environment(monkeypatch, tmp_path):
    """HOLDFAST_ARCHIVE stands for --archive; without both the verb says what is missing."""
    monkeypatch.delenv("HOLDFAST_ARCHIVE", raising=False)
    with pytest.raises(SystemExit):
        make_parser("check-config").parse_args([])
    monkeypatch.setenv("HOLDFAST_ARCHIVE", str(tmp_path))
    assert make_parser("check-config").parse_args([]).archive == tmp_path


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T00:00Z", "2026-11-22T01:00:00+01:00"])
def test_a_time_is_read_as_utc(text):
    """A time without a zone is UTC, one with a zone is turned into it."""
    assert parse_moment(text) == datetime(2026, 11, 22, tzinfo=UTC)


def test_a_length_of_time_is_so_long_ago():
    """`--since 6h` means six hours ago."""
    before = datetime.now(UTC)
    assert before <= parse_moment("6h") + timedelta(hours=6) <= datetime.now(UTC)


# --- init, check-config, doctor ---------------------------------------------------------------


def test_init_makes_an_archive_once(tmp_path, capsys):
    """A new archive is right at once; a second `init` changes nothing and says so."""
    place = str(tmp_path / "a")
    assert main(["init", place, "--operator", "Example Library"]) == 0
    assert main(["check-config", "--archive", place]) == 0
    assert main(["init", place]) == 1
    told = capsys.readouterr()
    assert "holdfast.toml is right: 0 sites, 0 alerts" in told.out
    assert "nothing was changed" in told.err


def test_init_refuses_a_contact_that_is_none(tmp_path, capsys):
    """Nothing is made of a wrong word; the message has the right one."""
    assert main(["init", str(tmp_path / "a"), "--contact", "a@b.example"]) == 78
    assert 'did you mean "mailto:a@b.example"?' in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_check_config_lists_every_mistake(tmp_path, capsys):
    """All mistakes come at once, options of channels among them; --json has the same lines."""
    archive = create(
        tmp_path / "a",
        config='[defaults]\nevery = "x"\n[[alert]]\nname = "d"\nchannel = "webhook"\nurk = 1\n',
    )
    assert main(["check-config", "--archive", str(archive.root)]) == 78
    told = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[0].rpartition(":")[2] for line in told] == ["2", "3"]
    assert 'has no option "urk"' in told[1]
    assert main(["check-config", "--archive", str(archive.root), "--json"]) == 78
    assert json.loads(capsys.readouterr().out)["problems"] == told


def test_the_doctor_finds_what_is_wrong_with_an_archive(tmp_path, capsys):
    """A broken configuration and a clock that went back are faults, a lock is told."""
    archive = create(tmp_path / "a", config="[archive]\n")
    future = datetime.now(UTC).timestamp() + 86_400
    with hold(archive, note="http://127.0.0.1:8440/"):
        archive.config.write_text("wrong = 1\n")
        os.utime(archive.config, (future, future))
        assert main(["doctor", "--archive", str(archive.root), "--json"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {row["check"]: row for row in rows}
    assert found["archive"]["state"] == "ok"
    assert found["configuration"]["state"] == found["clock and archive"]["state"] == "fault"
    assert "http://127.0.0.1:8440/" in found["lock"]["says"]
    assert found["sqlite"]["state"] == found["time zones"]["state"] == "ok"


def test_the_doctor_needs_no_archive(capsys, monkeypatch, tmp_path):
    """Before there is an archive the machine can be looked at; a missing one is a fault."""
    monkeypatch.delenv("HOLDFAST_ARCHIVE", raising=False)
    main(["doctor"])
    assert "python" in capsys.readouterr().out
    assert main(["doctor", "--archive", str(tmp_path / "none")]) == 1
    assert "there is no archive at" in capsys.readouterr().out
