"""A command to the terminal is never printed, from a relay, a contact or the name of a file."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.cli import output, progress
from campaigns.terminal import harmless, on_one_line
from mailer.errors import Fault, FaultsError, InputError

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\x7f\r\u202egnp.exe\u2066\ud800 \x00"


def obeyed(text: str) -> list[str]:
    """The characters that a terminal obeys."""
    return [
        one for one in text if one not in "\n\t" and ((not one.isprintable() and not one.isspace()) or one in "\r\x9b")
    ]


@given(st.text())
def test_no_text_keeps_a_character_that_a_terminal_obeys(text: str) -> None:
    kept = harmless(text + EVIL)
    assert not set(kept) & {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160))}
    assert not set(kept) & set("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    kept.encode()
    assert "\n" not in on_one_line(text)


@given(st.text().filter(str.isprintable))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == on_one_line(text) == text


def test_what_a_command_says_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    output.say(EVIL)
    output.complain(EVIL)
    output.faults([Fault(EVIL, 1, EVIL, EVIL, EVIL, EVIL)])
    output.error(InputError(EVIL), as_json=False)
    output.error(FaultsError([Fault(EVIL, 1, EVIL, EVIL, EVIL)]), as_json=False)
    said = capsys.readouterr()
    assert "\x1b" not in said.out + said.err
    assert obeyed(said.out + said.err) == []
    assert "\\u001b]0;owned" in said.out


def test_json_keeps_its_value_and_is_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    output.tell({"name": EVIL})
    said = capsys.readouterr().out
    assert obeyed(said) == []
    assert json.loads(said) == {"name": EVIL}


def test_the_words_of_a_relay_are_no_markup_in_the_progress_bar() -> None:
    from rich.progress import Progress, TextColumn

    columns = [column for column in progress.columns() if isinstance(column, TextColumn)]
    bar = Progress(*columns)
    bar.add_task("[/slug]", total=1, more="[/red] [link=file:///etc/passwd]x")
    assert "[/red]" in "".join(str(column(bar.tasks[0])) for column in columns)
