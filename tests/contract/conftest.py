"""A town of readers on SQLite, and its public pages on a port: where the kind of database does not matter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailer.storage import Database
from tests.support.site import Town, WebServer, serving
from unsubscribe.endpoint import public_app


@pytest.fixture
def lite_town(sqlite_database: Database) -> Town:
    """Three readers, each with a language of their own."""
    return Town(sqlite_database)


@pytest.fixture
def site(lite_town: Town) -> Iterator[WebServer]:
    """Their pages; a test file that has another town gets its pages too."""
    with serving(public_app(lite_town.deps())) as running:
        yield running
