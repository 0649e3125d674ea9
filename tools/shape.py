"""Rule 9 of the house: a body of 40 lines or less, a module of 400 or less, six parameters at most.

Run by ``make check`` and by ``tests/test_shape.py``. A body is what stands below the signature, its docstring left
out; blank lines and comments count. Functions that Typer or Starlette call, found by their decorators and by the
folders in ``MANY_PARAMETERS``, may have more parameters. Generated files in ``GENERATED`` are left out.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

BODY, MODULE, PARAMETERS = 40, 400, 6
ROOT = Path(__file__).parent.parent
FOLDERS = ("mailer", "unsubscribe", "campaigns", "templates", "tools", "bench", "tests")
GENERATED = ("campaigns/migrations/versions",)
MANY_PARAMETERS = ("campaigns/cli", "tests")
FRAMEWORK = frozenset({"command", "callback", "get", "post", "route"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(root: Path = ROOT) -> Iterator[Path]:
    """Yield the Python files that the rule is for."""
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if not name.startswith(GENERATED) and "/fixtures/" not in name:
                yield path


def complaints(source: str, name: str) -> list[str]:
    """Return the parts of one file that are too large, each as ``file:line: words``."""
    found = []
    if (length := len(source.splitlines())) > MODULE:
        found.append(f"{name}:1: the module has {length} lines, {MODULE} at most")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, Function):
            found += _of_function(node, name)
    return found


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
