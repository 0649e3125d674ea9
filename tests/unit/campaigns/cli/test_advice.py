"""The next steps that messages name by a key, as commands."""

from __future__ import annotations

import ast
from pathlib import Path

from campaigns.cli.output import ADVICE

HOUSE = Path(__file__).parents[4]


def keys(package: str) -> set[str]:
    """Return every key that the package gives to ``Advice``."""
    return {
        ast.literal_eval(call.args[0])
        for path in (HOUSE / package).rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Advice"
    }


def test_the_command_line_words_each_advice_that_there_is_and_no_other() -> None:
    assert keys("campaigns") | keys("unsubscribe") | keys("mailer") == set(ADVICE)


def test_no_use_case_of_a_campaign_names_a_command() -> None:
    """Only advice on the installation itself does: it is for administrators, at each door."""
    about_the_installation = {"reachability.py"}
    texts = {
        (path.name, node.value)
        for path in (HOUSE / "campaigns" / "lifecycle").rglob("*.py")
        if path.name not in about_the_installation
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "'postiljon " in node.value
    }
    assert texts == set()
