"""The shape of the house: sizes (rule 9), one door for each library (rule 3), a contract on every module (rule 10)."""

from __future__ import annotations

import ast

import pytest

from tools import shape

FILES = list(shape.files())
PRODUCT = [path for path in FILES if path.relative_to(shape.ROOT).parts[0] in shape.FOLDERS[:4]]


def test_no_body_module_class_or_list_of_parameters_is_too_large() -> None:
    assert shape.check() == []


def test_a_body_of_41_lines_is_found() -> None:
    source = "def long(one):\n" + '    """Words."""\n' + "    one += 1\n" * 41
    assert shape.complaints(source, "mailer/x.py") == ["mailer/x.py:1: the body of long has 41 lines, 40 at most"]


def test_a_docstring_does_not_count_as_body() -> None:
    source = 'def fine():\n    """\n' + "    word\n" * 100 + '    """\n' + "    pass\n" * 40
    assert shape.complaints(source, "mailer/x.py") == []


def test_a_module_of_401_lines_is_found() -> None:
    assert shape.complaints("pass\n" * 401, "mailer/x.py") == ["mailer/x.py:1: the module has 401 lines, 400 at most"]


@pytest.mark.parametrize(("name", "count"), [("mailer/x.py", 1), ("campaigns/cli/x.py", 0), ("tests/x.py", 0)])
def test_seven_parameters_are_found_but_not_where_typer_or_pytest_fills_them(name: str, count: int) -> None:
    source = "def many(a, b, c, d, e, f, *, g): pass\n"
    assert len(shape.complaints(source, name)) == count


def test_self_is_no_parameter() -> None:
    source = "class It:\n    def many(self, a, b, c, d, e, f): pass\n"
    assert shape.complaints(source, "mailer/x.py") == []


def methods(*assigned: str) -> str:
    """A class that assigns these on ``self``, each in a method of its own."""
    return "class State:\n" + "".join(f"    def m{place}(self):\n        {it}\n" for place, it in enumerate(assigned))


FIFTEEN = [f"self.a{number} = 0" for number in range(15)]
FIELDS = "".join(f"    a{number}: int\n" for number in range(16))


@pytest.mark.parametrize(
    "last",
    [
        "self.b = 1",
        "self.b: int = 1",
        "self.b += 1",
        "(self.b, x) = 1, 2",
        "for self.b in (): pass",
        "with x as self.b: pass",
        "def inner():\n            self.b = 1",
    ],
)
def test_a_sixteenth_attribute_is_found_however_it_is_assigned(last: str) -> None:
    assert shape.complaints(methods(*FIFTEEN), "mailer/x.py") == []
    found = shape.complaints(methods(*FIFTEEN, last), "mailer/x.py")
    assert found == ["mailer/x.py:1: State has 16 attributes, 15 at most: group them"]


def test_fields_and_assigned_attributes_are_counted_together_and_once() -> None:
    both = methods(*FIFTEEN).replace("class State:\n", "class State:\n    a0: int\n    b: int = 0\n")
    assert shape.complaints(both, "mailer/x.py") == ["mailer/x.py:1: State has 16 attributes, 15 at most: group them"]


@pytest.mark.parametrize(
    "last",
    [
        "self.a0 = 1",
        "self.b.c = 1",
        "other.b = 1",
        "x = self.b",
        "b = 1",
        "class Inner:\n            def n(self):\n                self.b = 1",
    ],
)
def test_what_is_no_further_attribute_is_not_counted(last: str) -> None:
    assert shape.complaints(methods(*FIFTEEN, last), "mailer/x.py") == []


def test_a_constant_of_the_class_is_no_state_of_its_objects() -> None:
    source = methods(*FIFTEEN).replace("class State:\n", "class State:\n    b: ClassVar[int] = 0\n    c = 1\n")
    assert shape.complaints(source, "mailer/x.py") == []


METHOD = "    def total(self):\n        return self.a0\n"


@pytest.mark.parametrize(
    "source",
    [
        f"class State(NamedTuple):\n{FIELDS}{METHOD}",
        f"@dataclass(frozen=True, slots=True)\nclass State:\n{FIELDS}{METHOD}",
        f"class State(BaseSettings):\n{FIELDS}{METHOD}",
        f"class State(SQLModel, table=True):\n{FIELDS}",
    ],
)
def test_values_may_have_any_number_of_fields(source: str) -> None:
    assert shape.complaints(source, "mailer/x.py") == []


@pytest.mark.parametrize(
    "source",
    [
        f"class State:\n{FIELDS}",
        f"@dataclass\nclass State:\n{FIELDS}",
        f"@dataclass(frozen=False, slots=True)\nclass State:\n{FIELDS}",
        f"class State(SQLModel):\n{FIELDS}",
        f"class State(SQLModel, table=True):\n{FIELDS}{METHOD}",
        f"class State(Protocol):\n{FIELDS}",
    ],
)
def test_what_can_change_may_not_have_sixteen_fields(source: str) -> None:
    (found,) = shape.complaints(source, "mailer/x.py")
    assert found.endswith("State has 16 attributes, 15 at most: group them")


def test_every_module_begins_with_its_contract() -> None:
    silent = [
        path.relative_to(shape.ROOT).as_posix()
        for path in PRODUCT
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize("text", ["Whether it is open.", "What was said.", "Take so many letters.", "Write it anew."])
def test_a_docstring_that_costs_time_is_a_complaint(text: str) -> None:
    (found,) = shape.complaints(f'def a():\n    """{text}"""\n', "mailer/x.py")
    assert found == f"mailer/x.py:1: reword the docstring: {text}"


def test_a_class_has_a_name_that_no_other_class_has() -> None:
    homes: dict[str, list[str]] = {}
    for path in PRODUCT:
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes.setdefault(node.name, []).append(path.relative_to(shape.ROOT).as_posix())
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_nothing_is_patched_in_tests() -> None:
    words = ("mock." + "patch", "unittest." + "mock", "from unittest import " + "mock")
    found = [
        path.relative_to(shape.ROOT).as_posix()
        for path in FILES
        if any(word in path.read_text("utf-8") for word in words)
    ]
    assert found == []


def test_no_name_of_a_registry_or_of_this_machine_is_in_the_tree() -> None:
    places = ("pypi." + "org", "pythonhosted." + "org", "/work" + "/main", "/work" + "/shared")
    kept = [
        path for folder in ("docs", "examples", ".ci") for path in (shape.ROOT / folder).rglob("*") if path.is_file()
    ]
    kept += [
        *FILES,
        *shape.ROOT.glob("*.lock"),
        *shape.ROOT.glob("*.toml"),
        shape.ROOT / "README.md",
        shape.ROOT / "Makefile",
    ]
    found = [
        f"{path.relative_to(shape.ROOT)}: {place}"
        for path in kept
        for place in places
        if place.encode() in path.read_bytes()
    ]
    assert found == []
