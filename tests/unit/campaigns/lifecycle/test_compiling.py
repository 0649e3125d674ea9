"""A letter that is compiled in a process beside the command is the one that the command itself would have made."""

from __future__ import annotations

import pytest

from campaigns.lifecycle.compiling import CompileProcess, compile_here
from mailer.errors import FaultsError
from tests.support.letters import example, small


def test_a_letter_from_beside_is_the_same() -> None:
    letter = example("denkt-u-mee")
    done: list[str] = []
    with CompileProcess(lambda: done.append("meanwhile")) as beside:
        found = beside.compile(letter)
    assert done == ["meanwhile"]
    assert found == compile_here(letter)
    assert found.images


def test_a_letter_with_faults_is_told_as_it_is_here() -> None:
    letter = small("![A row of houses](missing.png) and {{ contact.name | unknown }}\n")
    with pytest.raises(FaultsError) as expected:
        compile_here(letter)
    with CompileProcess() as beside, pytest.raises(FaultsError) as found:
        beside.compile(letter)
    assert found.value.faults == expected.value.faults


@pytest.mark.parametrize("program", ["/nonexistent/python", "/bin/false", "/bin/cat"])
def test_a_process_that_cannot_be_had_or_says_something_else_costs_no_letter(
    program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = small("Some words.\n")
    monkeypatch.setattr("sys.executable", program)
    with CompileProcess() as beside:
        assert beside.compile(letter) == compile_here(letter)


def test_the_process_ends_with_the_block_when_no_letter_came() -> None:
    with CompileProcess() as beside:
        process = beside._process
        assert process is not None
        assert process.poll() is None
    assert process.poll() is not None
