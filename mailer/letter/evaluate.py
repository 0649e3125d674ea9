"""Expressions as fast functions: a tree of :mod:`mailer.letter.expressions` becomes closures over a contact's values.

Promises: a function made here never raises, whatever a contact's cell holds. ``None`` is the one missing value (an
absent attribute, an empty or blank cell, an empty list), and only ``default`` and ``or`` replace it. A missing value is
equal to nothing, contained in nothing, neither larger nor smaller than anything, and false on its own. ``!=`` is
exactly *not* ``==``, and ``not in`` is exactly *not* ``in``. A number in the letter is compared with the number that a
cell's text means in the letter's language. A text is compared with the text as it stands.

Raises ``FaultsError`` for a source outside the subset (:func:`mailer.letter.expressions.parse`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mailer.letter.compiled import Values
from mailer.letter.expression_tree import Both, Compare, Constant, Filter, Name, Node, Not, names
from mailer.letter.expressions import parse
from mailer.letter.filters import FILTERS, INTERNAL, as_number

Evaluate = Callable[[Values], Any]
_NOTHING: dict[str, Any] = {}
_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compile_expression(source: str, language: str) -> Evaluate:
    """Return an expression's function from values to its value, ``None`` if missing. Filters use ``language``.

    Any single name is taken for a loop variable; ``slots.scan`` has checked that it is one.
    """
    return _function(parse(source, None), language)


def names_used(source: str) -> set[str]:
    """Return every name of an expression, dotted: ``{"contact.first_name", "links.online", "item"}``."""
    return {name.dotted for name in names(parse(source, None))}


def _function(node: Node, language: str) -> Evaluate:
    match node:
        case Constant(value):
            constant = None if _is_empty(value) else value
            return lambda _values: constant
        case Name(root, attribute):
            return _attribute(root, attribute) if attribute else _variable(root)
        case Filter(inner, "default", arguments):
            return _default(_function(inner, language), arguments[0], language)
        case Filter(inner, name, arguments):
            return _filter(_function(inner, language), name, arguments, language)
        case Not(inner):
            value_of = _function(inner, language)
            return lambda values: not value_of(values)
        case Both(both, left, right):
            return _both(both, _function(left, language), _function(right, language))
        case Compare(comparison, left, right):
            return _compare(comparison, _function(left, language), _function(right, language), language)


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, (str, list, tuple)) and not _filled(value))


def _filled(value: str | list[Any] | tuple[Any, ...]) -> bool:
    if isinstance(value, str):
        return bool(value) and not value.isspace()
    return any(not _is_empty(item) for item in value)


def _attribute(root: str, name: str) -> Evaluate:
    def get(values: Values) -> Any:
        value = values.get(root, _NOTHING).get(name)
        if value.__class__ is str:
            return value if value and not value.isspace() else None
        return None if _is_empty(value) else value

    return get


def _variable(name: str) -> Evaluate:
    def get(values: Values) -> Any:
        value = values.get(name)
        return None if _is_empty(value) else value

    return get


def _default(value_of: Evaluate, fallback: Node, language: str) -> Evaluate:
    if not isinstance(fallback, Constant):
        other = _function(fallback, language)

        def choose(values: Values) -> Any:
            value = value_of(values)
            return other(values) if value is None else value

        return choose
    constant = fallback.value

    def get(values: Values) -> Any:
        value = value_of(values)
        return constant if value is None else value

    return get


def _filter(value_of: Evaluate, name: str, arguments: tuple[Node, ...], language: str) -> Evaluate:
    given = tuple(part.value if isinstance(part, Constant) else None for part in arguments)
    apply = (FILTERS.get(name) or INTERNAL[name]).make(language, given)

    def get(values: Values) -> Any:
        value = value_of(values)
        return None if value is None else apply(value)

    return get


def _both(word: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if word == "and":
        return lambda values: left(values) and right(values)
    return lambda values: left(values) or right(values)


def _compare(word: str, left: Evaluate, right: Evaluate, language: str) -> Evaluate:
    if word in _ORDERS:
        order = _ORDERS[word]
        return lambda values: _ordered(order, left(values), right(values), language)
    same = _contained if word.endswith("in") else _equal
    if word in ("!=", "not in"):
        return lambda values: not same(left(values), right(values), language)
    return lambda values: same(left(values), right(values), language)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _equal(left: Any, right: Any, language: str) -> bool:
    if left is None or right is None:
        return False
    if _is_number(left) or _is_number(right):
        first, second = as_number(left, language), as_number(right, language)
        return first is not None and first == second
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(_equal(*pair, language) for pair in zip(left, right, strict=True))
    return bool(left == right)


def _contained(item: Any, whole: Any, language: str) -> bool:
    if item is None or whole is None:
        return False
    if isinstance(whole, (list, tuple)):
        return any(_equal(item, other, language) for other in whole)
    return isinstance(whole, str) and isinstance(item, (str, int, Decimal)) and str(item) in whole


def _ordered(order: Callable[[Any, Any], bool], left: Any, right: Any, language: str) -> bool:
    if _is_number(left) or _is_number(right):
        first, second = as_number(left, language), as_number(right, language)
        return first is not None and second is not None and order(first, second)
    return isinstance(left, str) and isinstance(right, str) and order(left, right)
