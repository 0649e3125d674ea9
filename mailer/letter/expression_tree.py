"""The tree of a contact tag's expression: its nodes, questions about it, and its normal form in text.

Pure values. :func:`unparse` gives one normal form: ``parse(unparse(tree)) == tree``. Nothing here raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Union

ALWAYS_THERE = frozenset({"contact.email"})
Comparison = Literal["==", "!=", "<", "<=", ">", ">=", "in", "not in"]


@dataclass(frozen=True, slots=True)
class Constant:
    """A text, a number, a truth value (as an argument only), or a list of texts and numbers."""

    value: str | int | Decimal | bool | tuple[str | int | Decimal, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """``root.attribute``, or a loop variable (no attribute)."""

    root: str
    attribute: str = ""

    @property
    def dotted(self) -> str:
        """The whole name, such as ``contact.name``."""
        return f"{self.root}.{self.attribute}" if self.attribute else self.root


@dataclass(frozen=True, slots=True)
class Filter:
    """``inner | name(arguments)``."""

    inner: Node
    name: str
    arguments: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """``not inner``."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Both:
    """``left and right``, ``left or right``."""

    operator: Literal["and", "or"]
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Compare:
    """``left operator right``."""

    operator: Comparison
    left: Node
    right: Node


Node = Union[Constant, Name, Filter, Not, Both, Compare]


def names(node: Node) -> Iterator[Name]:
    """Yield every name in a tree."""
    match node:
        case Name():
            yield node
        case Filter(inner, _, arguments):
            for part in (inner, *arguments):
                yield from names(part)
        case Not(inner):
            yield from names(inner)
        case Both(_, left, right) | Compare(_, left, right):
            yield from names(left)
            yield from names(right)
        case Constant():
            pass


def may_be_missing(node: Node, there: frozenset[str] = ALWAYS_THERE) -> bool:
    """Return whether a slot with this tree may have nothing to print, and so needs a fallback.

    ``there``: the names that always have a value; in the public version, none of a contact's.
    """
    match node:
        case Name(root):
            return root == "contact" and node.dotted not in there
        case Filter(inner, "default", arguments):
            return may_be_missing(inner, there) and may_be_missing(arguments[0], there)
        case Filter(inner):
            return may_be_missing(inner, there)
        case Both("or", left, right):
            return may_be_missing(left, there) and may_be_missing(right, there)
        case Both("and", left, right):
            return may_be_missing(left, there) or may_be_missing(right, there)
        case _:
            return False


def is_condition(node: Node) -> bool:
    """Return whether a tree gives true or false, which cannot be printed."""
    match node:
        case Not() | Compare():
            return True
        case Both(_, left, right):
            return is_condition(left) or is_condition(right)
        case Filter(inner, _, arguments):
            return is_condition(inner) or any(is_condition(part) for part in arguments)
        case _:
            return False


def unparse(node: Node) -> str:
    """Return the tree as text, in its normal form."""
    return _write(node, 0)


def _write(node: Node, outer: int) -> str:
    match node:
        case Constant(value):
            return _write_value(value)
        case Name(root, attribute):
            plain = not attribute or re.fullmatch(r"[^\W\d]\w*", attribute)
            return node.dotted if plain else f"{root}[{_write_value(attribute)}]"
        case Filter(inner, name, arguments):
            listed = ", ".join(_write(part, 0) for part in arguments)
            return f"{_write(inner, 5)} | {name}{f'({listed})' if arguments else ''}"
        case Compare(operator, left, right):
            level, text = 4, f"{_write(left, 5)} {operator} {_write(right, 5)}"
        case Not(inner):
            level, text = 3, f"not {_write(inner, 3)}"
        case Both(operator, left, right):
            level = 2 if operator == "and" else 1
            text = f"{_write(left, level)} {operator} {_write(right, level + 1)}"
    return f"({text})" if level < outer else text


def _write_value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(_write_value(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return str(value)
