"""Words for reasons: each key that the code can write is a sentence for people, in both languages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from campaigns.lifecycle import report
from mailer import suppression
from mailer.messages import in_words
from mailer.outbox.values import DoubtChoice
from mailer.outcome import KINDS
from templates.words import words
from tests.support.translated import in_language

ROOT = Path(__file__).parents[4]
WRITERS = [
    *ROOT.glob("mailer/outbox/[cdms]*.py"),
    *ROOT.glob("mailer/worker/*.py"),
    *ROOT.glob("campaigns/lifecycle/[cl]*.py"),
    ROOT / "campaigns" / "ops" / "restoring.py",
]
NO_REASONS = {"postiljon", "whole"}  # constants of these modules that mean something else
KEY = re.compile(r"[a-z][a-z_]+")
HELD_ONLY = {"restored", "letter_broken", "missed"}
SKIPPED_ONLY = {"cancelled", "expired", "erased"}


def constants(path: Path) -> Iterator[str]:
    """Strings that a module gives a name in capitals, and those that it writes as a reason."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Assign) and re.fullmatch("[A-Z_, ()]+", ast.unparse(node.targets[0])):
            several = isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple)
            yield from strings(node.value.elts if several and isinstance(node.value, ast.Tuple) else [node.value])
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            yield from strings(value for key, value in pairs if isinstance(key, ast.Constant) and key.value == "reason")
        elif isinstance(node, ast.keyword) and node.arg == "reason":
            yield from strings([node.value])


def strings(nodes: Iterator[ast.expr] | list[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and KEY.fullmatch(node.value):
            yield node.value


FOUND = {key for path in WRITERS for key in constants(path)} - NO_REASONS


def test_the_search_finds_the_reasons_that_we_know() -> None:
    known = ("restored", "missed", "unsendable", "letter_broken", "time_is_up", "sender_gone", "proved", "erased")
    assert set(known) <= FOUND


@pytest.mark.parametrize("reason", sorted(FOUND | set(KINDS) | set(get_args(DoubtChoice))))
def test_every_reason_that_the_code_can_write_has_words_in_both_languages(reason: str) -> None:
    if reason in HELD_ONLY:
        assert reason in report.HELD
        said = report.reason_words(reason)
    else:
        said = report.words_of("skipped" if reason in SKIPPED_ONLY else "refused", reason)
    assert said != reason
    assert in_language(said, "nl").rpartition(": ")[2] not in (said.rpartition(": ")[2], reason)


@pytest.mark.parametrize("reason", get_args(suppression.Reason))
def test_every_reason_to_leave_somebody_out_has_words(reason: str) -> None:
    assert f"suppressed:{reason}" in report.SKIPPED


def test_each_of_our_words_is_translated() -> None:
    dutch = words("nl", "cli").gettext
    for table in (report.OURS, report.HELD, report.SKIPPED, report.DELIVERIES, report.STATES):
        for text in table.values():
            assert in_words(text, dutch) != text
