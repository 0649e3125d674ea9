"""Each fault that a check can give has words: what, why and how."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import campaigns
import mailer
from campaigns.review import rule_words
from campaigns.review.rules import RULES, rule_of
from campaigns.source.definition import KEYS
from mailer.errors import Fault
from mailer.letter.brand_file import KEYS as BRAND_KEYS
from mailer.messages import Message

LETTER = Path(mailer.__file__).parent / "letter"
REVIEW = Path(campaigns.__file__).parent / "review"
LOOKING = [
    *sorted((LETTER / "compile").glob("*.py")),
    *(LETTER / f"{name}.py" for name in ("slots", "expressions", "addresses")),
    REVIEW / "preflight.py",
]


def phrases(path: Path) -> Iterator[str]:
    """The messages of a module that begin as a part of a sentence: those that a fault has as found or expected."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Message":
            first = node.args[0] if node.args else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str) and not first.value[:1].isupper():
                yield first.value


@pytest.mark.parametrize("path", LOOKING, ids=lambda path: path.stem)
def test_each_phrase_of_a_module_that_looks_at_a_letter_belongs_to_a_rule(path: Path) -> None:
    assert [words for words in phrases(path) if words not in rule_words.KEYS | dict.fromkeys(rule_words.GENERIC)] == []


def test_no_rule_has_words_that_no_module_says() -> None:
    said = {words for path in LOOKING for words in phrases(path)}
    said |= {words for path in REVIEW.glob("*.py") if path.stem != "rule_words" for words in phrases(path)}
    assert set(rule_words.KEYS) - said == {"Markdown"}


def test_each_key_of_those_words_is_a_rule() -> None:
    assert set(rule_words.KEYS.values()) <= set(RULES)


@pytest.mark.parametrize("field", [*KEYS, "---", "file", "body", "tag", "--at", "public_url", "contact"])
def test_each_field_of_a_campaign_has_a_rule_with_all_its_words(field: str) -> None:
    rule = rule_of(Fault("a.md", 1, field, "found", "expected"), "a.md")
    assert rule.title
    assert rule.why
    assert rule.how


@pytest.mark.parametrize("field", sorted(BRAND_KEYS))
def test_each_key_of_a_brand_file_is_a_matter_of_the_brand(field: str) -> None:
    assert rule_of(Fault("brand.toml", 1, field, "found", "expected"), "a.md").key == "brand"


def test_an_unknown_key_is_a_matter_of_the_head_whatever_it_is() -> None:
    assert rule_of(Fault("a.md", 1, "subjekt", "an unknown key", "one of the keys"), "a.md").key == "head"


@pytest.mark.parametrize(
    ("field", "expected", "key"),
    [
        ("body", Message("a picture beside the letter"), "images"),
        ("body", Message("a text for the link"), "links"),
        ("subject", Message("a fallback for contacts that have no value"), "tags"),
        ("subject", Message("{number} characters at most", number=5), "subject"),
        ("body", Message("{number} characters at most", number=5), "size"),
        ("from", Message("a sender that can get replies"), "mailbox"),
        ("from", Message("one address"), "from"),
        ("body", Message("words that nobody wrote yet"), "text"),
    ],
)
def test_a_fault_is_told_apart_by_its_words(field: str, expected: Message, key: str) -> None:
    assert rule_of(Fault("a.md", 1, field, Message("nothing"), expected), "a.md").key == key
