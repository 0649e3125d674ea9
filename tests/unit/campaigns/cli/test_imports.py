"""A command imports what it needs and no more: imports are most of the time until the first letter leaves."""

from __future__ import annotations

import subprocess
import sys

import pytest

TO_COMPILE = {"premailer", "requests", "cssutils", "lxml", "jinja2", "markdown_it"}
"""What compiles letters; ``send`` has that done in a process beside it."""
ELSEWHERE = {
    "alembic",
    "apscheduler",
    "argon2",
    "cryptography",
    "dns",
    "prometheus_client",
    "rich",
    "starlette",
    "uvicorn",
}
DATABASE = {"sqlalchemy", "sqlmodel", "pydantic"}
TOLD = "import sys\n{imports}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
COMMAND_LINE = "import campaigns.cli.main"
SEND = (
    "import campaigns.cli.main, campaigns.context, campaigns.review.columns\n"
    "import campaigns.lifecycle.compiling, campaigns.lifecycle.launch\n"
    "from campaigns.cli.sending import import_the_sender as load\nload()"
)
STATUS = "import campaigns.cli.main, campaigns.context, campaigns.lifecycle.report, campaigns.lifecycle.control"


def loaded(imports: str) -> set[str]:
    """The packages that are loaded afterwards, in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", TOLD.format(imports=imports)], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_the_command_line_alone_loads_no_database_and_no_letters() -> None:
    assert not loaded(COMMAND_LINE) & (TO_COMPILE | ELSEWHERE | DATABASE)


@pytest.mark.parametrize("imports", [SEND, STATUS], ids=["send", "status"])
def test_a_command_that_sends_or_tells_loads_nothing_that_compiles_signs_or_serves(imports: str) -> None:
    found = loaded(imports)
    assert "sqlalchemy" in found
    assert not found & (TO_COMPILE | ELSEWHERE)


def test_the_version_is_told_without_the_command_line() -> None:
    said = "sys.argv = ['postiljon', '--version']\nimport contextlib\nfrom campaigns.__main__ import main\n"
    assert not loaded(said + "with contextlib.suppress(SystemExit):\n    main()") & {"typer", *DATABASE}
