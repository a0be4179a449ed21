"""Help says all that was written: brackets are no markup of the terminal's."""

import inspect
import re

import pytest
from typer.main import get_command

from nashpath.cli import app
from nashpath.cli.evaluate import _show
from run_folders import nash


def commands(command=None, path=()):
    """``(words of the command line, the command)`` of every verb, and of the verbs below one."""
    found = command or get_command(app)
    below = getattr(found, "commands", {})
    yield path, found
    for name, one in below.items():
        yield from commands(one, (*path, name))


def squeezed(text: str) -> str:
    """The letters of a text, without the frames and the breaks that a terminal puts into it."""
    return re.sub(r"[\s│╭╮╰╯─]+", "", text)


ALL = dict(commands())


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_help_prints_every_text_as_it_was_written(path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    shown = squeezed(nash(*path, "--help").stdout)
    command = ALL[path]
    for option in command.params:
        for text in (option.help, option.metavar):
            assert squeezed(text or "") in shown, option.name
    function = inspect.unwrap(command.callback) if command.callback else None
    if function is not None and function.__doc__:
        for paragraph in inspect.cleandoc(function.__doc__).split("\n\n"):
            assert squeezed(paragraph) in shown


def test_the_help_of_a_search_says_how_to_install_what_it_needs():
    assert 'pip install "nashpath[search]"' in " ".join(nash("search", "--help").stdout.split())


def test_a_table_of_numbers_shows_brackets_of_settings_and_features_as_they_are(capsys):
    entry = {"name": "fid@[red]x.pt2", "values": [1.0], "better": -1, "real": None}
    group = {"settings": {"data.path": "[bold]y"}, "members": [0], "numbers": [entry], "protocols": [], "notes": []}
    _show({"groups": [{**group, "failed": {}, "diverged": {}}]}, as_json=False)
    shown = squeezed(capsys.readouterr().out)
    assert "[bold]y" in shown
    assert "fid@[red]x.pt2" in shown
