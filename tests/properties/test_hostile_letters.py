"""A letter that is written to take the machine down is a fault with its line; a large one that is right compiles."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from mailer.errors import FaultsError
from mailer.letter.compile import compile_letter
from tests.support.hostile_letters import HARMLESS, KINDS, PARAGRAPH
from tests.support.letters import small
from tests.support.thorough import share


def outcomes(kind: str, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """These letters of the kind (or all), each checked in a child that may use 20 seconds of a processor and 3 GiB."""
    command = [sys.executable, "-m", "tests.support.hostile_run", kind, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_letter_is_a_fault_with_its_line(kind: str) -> None:
    """Half of the letters, from a start by chance; all of them in ``make chaos``."""
    names = share(list(KINDS[kind]), 2)
    found = outcomes(kind, names)
    assert [row["name"] for row in found] == names
    wrong = [row for row in found if row["name"] not in HARMLESS and (row["how"] != "faults" or max(row["lines"]) < 1)]
    assert wrong == []
    assert [row for row in found if row["name"] in HARMLESS and row["how"] != "ok"] == []


@pytest.mark.slow
def test_a_large_letter_that_is_right_compiles() -> None:
    assert [row for row in outcomes("fine") if row["how"] != "ok"] == []


def test_a_letter_that_takes_too_long_is_a_fault() -> None:
    moments = iter(range(0, 1_000_000, 5))
    with pytest.raises(FaultsError) as caught:
        compile_letter(small(PARAGRAPH * 10), lambda: float(next(moments)))
    assert [fault.found for fault in caught.value.faults] == ["a letter that takes too long to make"]


def test_what_is_too_much_is_told_with_the_line_where_it_stands() -> None:
    with pytest.raises(FaultsError) as caught:
        compile_letter(small(PARAGRAPH + "- a\n" + "  \n".join("  " * n + "- b\n" for n in range(1, 12))))
    (fault,) = caught.value.faults
    assert (fault.line, fault.expected) == (31, "10 levels of lists, quotations and blocks at most")
