"""Programs that some tests need. A missing one is skipped loudly; under CI=true a skip is a failure."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

FOLDERS = (
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/bin",
    "/usr/lib/postgresql/15/bin",
    "/usr/lib/postgresql/16/bin",
    "/usr/lib/postgresql/17/bin",
)


def program(name: str) -> str | None:
    """Where a program is, also in the folders that are not on an ordinary user's path."""
    return shutil.which(name) or shutil.which(name, path=os.pathsep.join(FOLDERS))


def need(name: str, package: str) -> str:
    """The path of a program, or a skip (under CI=true: a failure) that says which system package has it."""
    return program(name) or missing(name, package)


def missing(what: str, package: str) -> NoReturn:
    """Skip (under CI=true: fail), and say which system package has what is not here."""
    message = f"{what} is not on this machine: install the system package {package} (make setup tries apt)"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
