"""Rule 13 for ``docs/promises.md``: each promise names tests that are there; those of faults say what they expect."""

from __future__ import annotations

import ast
import re
from functools import cache

from tests.support.docs import DOCS, ROOT

PAGE = (DOCS / "promises.md").read_text("utf-8")
PACKAGES = ("mailer", "unsubscribe", "campaigns", "templates")
NAMED = re.findall(r"^- `(tests/[\w/]+\.py)::(\w+)`$", PAGE, re.MULTILINE)


@cache
def inside(file: str) -> dict[str, str]:
    """The tests of a file and their docstrings."""
    path = ROOT / file
    tree = ast.parse(path.read_text("utf-8")) if path.exists() else ast.Module([], [])
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    machines = [
        name.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for name in node.targets
        if isinstance(name, ast.Name)
    ]
    named = dict.fromkeys((name for name in machines if name.startswith("Test")), "")
    return named | {node.name: ast.get_docstring(node) or "" for node in found if node.name.startswith("test_")}


def test_every_test_behind_a_promise_exists() -> None:
    assert len(NAMED) > 40
    assert [f"{file}::{name}" for file, name in NAMED if name not in inside(file)] == []


def test_whatever_looks_like_a_test_on_the_page_is_written_as_file_and_name() -> None:
    assert set(re.findall(r"`(tests/[^`]*::[^`]*)`", PAGE)) == {f"{file}::{name}" for file, name in NAMED}


def test_every_promise_has_a_test() -> None:
    body = PAGE.partition("## What cannot be promised")[0]
    promises = re.split(r"^(?=\*\*)", body, flags=re.MULTILINE)[1:]
    assert len(promises) > 18
    assert [text.splitlines()[0] for text in promises if "::test_" not in text] == []


def test_every_invariant_and_every_fault_of_the_engine_is_on_the_page() -> None:
    wanted = {f"I{number}" for number in (*range(1, 14), 15)} | {
        "E11",
        "E13",
        "E17",
        "E18",
        "E19",
        "E20",
        "E21",
        "E23",
        "E24",
    }
    assert {name for name in wanted if not re.search(rf"\b{name}\b", PAGE)} == set()


def test_every_test_of_a_fault_says_what_is_expected() -> None:
    files = [path for path in (ROOT / "tests").rglob("test_faults_*.py") if path.name != "test_faults_smtp.py"]
    files.append(ROOT / "tests" / "contract" / "test_restore.py")
    silent = [
        f"{path.name}::{name}"
        for path in files
        for name, words in inside(path.relative_to(ROOT).as_posix()).items()
        if not words.startswith("Expected: ")
    ]
    assert silent == []


def test_every_test_behind_a_standard_exists_and_every_rule_that_the_code_names_is_on_its_page() -> None:
    page = (DOCS / "standards.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 250
    assert [f"{file}::{name}" for file, name in named if name not in inside(file)] == []
    rules = set(re.findall(r"^\*\*([A-E]\d+)\.\*\*", page, re.MULTILINE))
    code = "".join(path.read_text("utf-8") for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    spoken = {
        rule
        for codes in re.findall(r"\(((?:[A-E]\d+(?:, | to | and )?)+)[;)]", code)
        for rule in re.findall(r"[A-E]\d+", codes)
    }
    assert spoken - rules == set()
