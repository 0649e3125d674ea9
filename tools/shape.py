"""Rule 9 of the house: a body of 40 lines, a module of 400, six parameters and 15 attributes of a class at most.

Rule of English: no docstring begins with *What*, *Whether* or *Who*, or has one of ``AVOIDED``.

Run by ``make check`` and by ``tests/test_shape.py``. A body is what stands below the signature, its docstring left
out; blank lines and comments count. Functions that Typer or Starlette call, found by their decorators and by the
folders in ``MANY_PARAMETERS``, may have more parameters. Generated files in ``GENERATED`` are left out.

Attributes are the names that a class assigns on ``self`` in any of its methods, and those that it declares in its body
(fields); inherited ones count where they are assigned. The limit is for state that changes, since a reader has to
follow each part of it through time. So values are exempt: a NamedTuple, a frozen dataclass, settings (pydantic, frozen
here), and the row of a table without methods (SQLModel), which stands for columns.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

BODY, MODULE, PARAMETERS, ATTRIBUTES = 40, 400, 6, 15
ROOT = Path(__file__).parent.parent
FOLDERS = ("mailer", "unsubscribe", "campaigns", "templates", "tools", "bench", "tests")
GENERATED = ("campaigns/migrations/versions",)
MANY_PARAMETERS = ("campaigns/cli", "tests")
FRAMEWORK = frozenset({"command", "callback", "get", "post", "route"})

BEGINS, AVOIDED = re.compile(r"(Who|Whoever|What|Whether) "), re.compile(r"so many|anew|of ours|stands there", re.I)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the Python files that the rule is for."""
    for folder in FOLDERS:
        for path in sorted(set((root / folder).rglob("*.py")) - set((root / folder).rglob("node_modules/**/*.py"))):
            name = path.relative_to(root).as_posix()
            if not name.startswith(GENERATED) and "/fixtures/" not in name:
                yield path


def complaints(source: str, name: str) -> list[str]:
    """Return the parts of one file that are too large, and its docstrings to reword, each as ``file:line: words``."""
    found = []
    if (length := len(source.splitlines())) > MODULE:
        found.append(f"{name}:1: the module has {length} lines, {MODULE} at most")
    for node in ast.walk(ast.parse(source)):
        found += _of_docstring(node, name)
        if isinstance(node, Function):
            found += _of_function(node, name)
        elif isinstance(node, ast.ClassDef) and (count := len(attributes(node))) > ATTRIBUTES and not is_value(node):
            found.append(f"{name}:{node.lineno}: {node.name} has {count} attributes, {ATTRIBUTES} at most: group them")
    return found


def _of_docstring(node: ast.AST, name: str) -> Iterator[str]:
    text = ast.get_docstring(node) if isinstance(node, Function | ast.ClassDef | ast.Module) else None
    if text and (BEGINS.match(text) or AVOIDED.search(text)):
        yield f"{name}:{getattr(node, 'lineno', 1)}: reword the docstring: {text.splitlines()[0]}"


def _of_function(node: Function, name: str) -> Iterator[str]:
    if (length := body_lines(node)) > BODY:
        yield f"{name}:{node.lineno}: the body of {node.name} has {length} lines, {BODY} at most"
    if (count := parameters(node)) > PARAMETERS and not _may_have_many(node, name):
        yield f"{name}:{node.lineno}: {node.name} has {count} parameters, {PARAMETERS} at most: make a value object"


def body_lines(node: Function) -> int:
    """Lines below the signature, without the docstring."""
    statements = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not statements:
        return 0
    return (node.end_lineno or 0) - min(statement.lineno for statement in statements) + 1


def parameters(node: Function) -> int:
    """How many a caller may give; ``self`` and ``cls`` do not count."""
    given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
    return sum(1 for argument in given if argument is not None and argument.arg not in ("self", "cls"))


def attributes(node: ast.ClassDef) -> set[str]:
    """Return the names that a class assigns on ``self``, and its fields; a ``ClassVar`` is no state of an object."""
    fields = (
        item for item in node.body if isinstance(item, ast.AnnAssign) and "ClassVar" not in ast.unparse(item.annotation)
    )
    found = {item.target.id for item in fields if isinstance(item.target, ast.Name)}
    for inner in _within(node):
        if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and _name(inner.value) == "self":
            found.add(inner.attr)
    return found


def is_value(node: ast.ClassDef) -> bool:
    """Return whether nothing changes an object of this class: see the module."""
    bases = {_name(base) for base in node.bases}
    settings = any(base.endswith("Settings") for base in bases)
    methods = any(isinstance(item, Function) for item in node.body)
    row = not methods and any(_is_true(item, "table") for item in node.keywords)
    frozen = any(
        _name(item.func) == "dataclass" and any(_is_true(given, "frozen") for given in item.keywords)
        for item in node.decorator_list
        if isinstance(item, ast.Call)
    )
    return "NamedTuple" in bases or settings or row or frozen


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all that is inside a class, but nothing of a class inside it."""
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, ast.ClassDef):
            yield inner
            yield from _within(inner)


def _is_true(keyword: ast.keyword, name: str) -> bool:
    return keyword.arg == name and isinstance(keyword.value, ast.Constant) and keyword.value.value is True


def _name(node: ast.expr) -> str:
    """Return the last part of a dotted name; "" for anything else."""
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _may_have_many(node: Function, name: str) -> bool:
    return name.startswith(MANY_PARAMETERS) or any(_decorator(item) in FRAMEWORK for item in node.decorator_list)


def _decorator(node: ast.expr) -> str:
    called = node.func if isinstance(node, ast.Call) else node
    return called.attr if isinstance(called, ast.Attribute) else ""


def check(root: Path = ROOT) -> list[str]:
    """All complaints about the tree."""
    return [
        line for path in files(root) for line in complaints(path.read_text("utf-8"), path.relative_to(root).as_posix())
    ]


if __name__ == "__main__":
    found = check()
    sys.stderr.writelines(f"{line}\n" for line in found)
    sys.exit(bool(found))
