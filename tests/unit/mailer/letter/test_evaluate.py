"""Results of expressions for values that are present, missing or strange."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mailer.errors import FaultsError
from mailer.letter.evaluate import compile_expression


def value(source: str, **contact: Any) -> Any:
    return compile_expression(source, "nl")({"contact": contact, "links": {"online": "https://vng.example/o/x"}})


@pytest.mark.parametrize("cell", ["", " ", "\t\n", "\u00a0", None, [], [""], [None]])
def test_an_empty_cell_is_a_missing_value(cell: Any) -> None:
    assert value("contact.a", a=cell) is None
    assert value('contact.a | default("x")', a=cell) == "x"
    assert value('contact.a or "x"', a=cell) == "x"
    assert not value("contact.a", a=cell)
    assert value("not contact.a", a=cell) is True


@pytest.mark.parametrize("filter_name", ["upper", "lower", "title", "join", "date", "number"])
def test_a_filter_leaves_a_missing_value_missing(filter_name: str) -> None:
    assert value(f"contact.a | {filter_name}") is None
    assert value(f'contact.a | {filter_name} | default("x")') == "x"


@pytest.mark.parametrize("comparison", ["==", "<", "<=", ">", ">=", "in"])
def test_a_missing_value_compares_false(comparison: str) -> None:
    assert value(f"contact.a {comparison} contact.b") is False
    assert value(f'contact.a {comparison} "x"') is False
    assert value(f'"x" {comparison} contact.a') is False


def test_not_equal_and_not_in_are_the_negation_of_equal_and_in() -> None:
    assert value('contact.a != "x"') is True
    assert value('contact.a not in ["x"]') is True
    assert value('contact.a != "x"', a="x") is False


@pytest.mark.parametrize(
    ("source", "contact", "expected"),
    [
        ('contact.a == "x"', {"a": "x"}, True),
        ("contact.a == 12", {"a": "12"}, True),
        ("contact.a == 12", {"a": "12,0"}, True),
        ("contact.a == 12", {"a": "twaalf"}, False),
        ("contact.a > 9", {"a": "12"}, True),
        ("contact.a > -1.5", {"a": "-1,4"}, True),
        ("contact.a > 9", {"a": "NaN"}, False),
        ("contact.a > 9", {"a": "1e999"}, False),
        ("contact.a < 9", {"a": ["1"]}, False),
        ('contact.a > "2024-01-01"', {"a": "2024-09-18"}, True),
        ('contact.a in ["x", "y"]', {"a": "y"}, True),
        ("contact.a in [1, 2]", {"a": "2"}, True),
        ('"y" in contact.a', {"a": ["x", "y"]}, True),
        ('"y" in contact.a', {"a": "xyz"}, True),
        ("contact.a in contact.a", {"a": ["x"]}, False),
        ("contact.a == contact.b", {"a": ["x"], "b": ["x"]}, True),
        ("contact.a and contact.b", {"a": "1", "b": "2"}, "2"),
        ("contact.a or contact.b", {"a": "", "b": "2"}, "2"),
        ("not contact.a and contact.b", {"b": "2"}, "2"),
        ("not (contact.a and contact.b)", {"b": "2"}, True),
        ('contact.a | default("x") == "x"', {}, True),
        ('contact["a b"]', {"a b": "1"}, "1"),
        ('"a\\"b\\n\\\\"', {}, 'a"b\n\\'),
        ("links.online", {}, "https://vng.example/o/x"),
        ('contact.a | default(contact.b) | default("z")', {}, "z"),
        ('contact.a | default(contact.b) | default("z")', {"b": "y"}, "y"),
    ],
)
def test_expressions_give_what_they_say(source: str, contact: dict[str, Any], expected: Any) -> None:
    assert value(source, **contact) == expected


@pytest.mark.parametrize(
    "strange", [3, 2.5, True, date(2024, 9, 18), b"x", object(), {"a": 1}, float("nan"), "x" * 10_000]
)
@pytest.mark.parametrize(
    "source",
    [
        "contact.a",
        "contact.a | upper",
        "contact.a | date",
        "contact.a | number",
        "contact.a | join",
        "contact.a < 3",
        "contact.a < 'x'",
        "contact.a == 'x'",
        "'x' in contact.a",
        "contact.a in contact.a",
    ],
)
def test_no_value_makes_an_expression_raise(source: str, strange: Any) -> None:
    value(source, a=strange)


def test_a_source_outside_the_subset_is_refused_again_when_it_is_compiled() -> None:
    with pytest.raises(FaultsError, match="Arithmetic"):
        compile_expression("contact.a * 9", "nl")
