"""A statement in a form that people read: each clause on its own line, parameters by name.

Promises: only white space and the spelling of parameters change. A driver's ``?`` or ``%(name)s`` is written ``:name``,
and the values of constants follow the statement.
"""

from __future__ import annotations

import re

from mailer.prepared_statements import CompiledSql

_CLAUSE = re.compile(
    "WITH|SELECT|FOR UPDATE|DO UPDATE SET|UPDATE|INSERT INTO|SET|FROM|JOIN|WHERE|ORDER BY|LIMIT|VALUES|ON CONFLICT|"
    "RETURNING"
)
_TOKEN = re.compile(rf"('[^']*'|[(),]|TIMESTAMP WITH TIME ZONE|\b(?:{_CLAUSE.pattern}|AND|CASE|WHEN|ELSE|END)\b)")
_CASES = ("WHEN", "ELSE")


def readable(compiled: CompiledSql) -> str:
    """Return the statement and its constants, as a golden file holds them."""
    constants = [f"-- :{name} is {value!r}\n" for name, value in compiled.constants.items() if value is not None]
    return _in_lines(" ".join(_with_names(compiled).split())) + "\n" + "".join(constants)


def _with_names(compiled: CompiledSql) -> str:
    if compiled.order is None:
        return re.sub(r"%\((\w+)\)s", r":\1", compiled.sql)
    *pieces, last = compiled.sql.split("?")
    return "".join(f"{piece}:{name}" for piece, name in zip(pieces, compiled.order, strict=True)) + last


def _in_lines(sql: str) -> str:
    """Break before each clause, AND, WHEN and ELSE, and behind commas; not inside parentheses without a SELECT."""
    tokens = [token for token in _TOKEN.split(sql) if token]
    text, frames = "", ["select"]
    for token, follows in zip(tokens, [*tokens[1:], ""], strict=True):
        margin = "\n" + "    " * (len([frame for frame in frames if frame != "inline"]) - 1)
        if token in (")", "END"):
            frames.pop()
        elif (frames[-1] == "select" and _CLAUSE.fullmatch(token)) or (frames[-1] == "case" and token in _CASES):
            text = text.rstrip() + margin
        elif frames[-1] == "select" and token == "AND":
            text = text.rstrip() + margin + "  "
        elif token == "CASE":
            frames.append("case")
        elif token == "(":
            frames.append("select" if follows == "SELECT" else "inline")
        text += token
        if token == "," and frames[-1] == "select":
            text += margin + " "
    return text.strip()
