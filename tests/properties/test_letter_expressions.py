"""Properties of the language of contact tags: one normal form, no surprise while sending, no crash while checking."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mailer.errors import FaultsError
from mailer.letter.evaluate import compile_expression
from mailer.letter.expression_tree import Both, Compare, Constant, Filter, Name, Not, unparse
from mailer.letter.expressions import MAX_DEPTH, parse
from mailer.letter.slots import Tag, Text, scan

NAMES = st.sampled_from([Name("contact", "a"), Name("contact", 'een "naam"'), Name("links", "online"), Name("item")])
SIMPLE = st.text(st.characters(codec="utf-8", exclude_characters="\t"), max_size=8) | st.integers(-99, 99)
SIMPLE = SIMPLE | st.decimals(-99, 99, places=2).filter(lambda number: not (number == 0 and number.is_signed()))
CONSTANTS = (SIMPLE | st.lists(SIMPLE, max_size=3).map(tuple)).map(Constant)
LEAVES = NAMES | CONSTANTS
TREES = st.recursive(
    LEAVES,
    lambda trees: (
        st.builds(Not, trees)
        | st.builds(Both, st.sampled_from(["and", "or"]), trees, trees)
        | st.builds(Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "not in"]), trees, trees)
        | st.builds(Filter, trees, st.sampled_from(["upper", "title", "join", "date", "number"]))
        | st.builds(Filter, trees, st.just("default"), st.tuples(LEAVES))
    ),
    max_leaves=6,
)
CELLS = st.none() | st.text(max_size=20) | st.lists(st.text(max_size=5) | st.none(), max_size=4) | st.integers()


@given(TREES)
def test_the_normal_form_of_a_tree_is_read_as_that_tree(tree: Any) -> None:
    source = unparse(tree)
    if source.count("(") >= MAX_DEPTH or len(source) > 2000:
        return
    assert parse(source, None) == tree
    assert unparse(parse(source, None)) == source


@given(TREES, CELLS, CELLS)
def test_what_was_read_never_raises_while_sending(tree: Any, cell: Any, item: Any) -> None:
    value = compile_expression(unparse(tree), "nl")
    assert value({"contact": {"a": cell}, "links": {}, "item": item}) is not NotImplemented
    value({})


PIECES = [*list("{}%#\"'()|.,=<>-+ \nabc"), "contact", "{{", "{%", " if ", " for x in ", "endif", "“"]


@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_checking_never_crashes_and_loses_no_text(source: str) -> None:
    found = scan(source)
    if not found.faults and "{#" not in source:
        assert "".join(piece.text if isinstance(piece, Text) else piece.raw for piece in found.pieces) == source
    for piece in found.pieces:
        if isinstance(piece, Tag) and piece.source and not found.faults:
            compile_expression(piece.source, "nl")({})


@given(st.text(max_size=80))
def test_any_text_as_an_expression_is_a_tree_or_a_fault(source: str) -> None:
    try:
        tree = parse(source, None)
    except FaultsError:
        return
    assert parse(unparse(tree), None) == tree


def test_a_decimal_keeps_its_digits() -> None:
    assert parse("-1.50") == Constant(Decimal("-1.50"))
