"""Fixtures for all tests: databases of both kinds, and no settings of the person who runs them."""

from __future__ import annotations

import logging
import os
from collections.abc import Generator, Iterator
from io import StringIO
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from campaigns.runtime.logs import configure_logs
from mailer.storage import Database, open_database
from tests.support.databases import PostgresServer, postgres_server
from tests.support.library import Library
from tests.support.tables import create_all

# A test never asserts a speed: on a busy machine an example may take long.
settings.register_profile("postiljon", deadline=None)
settings.load_profile("postiljon")

# These take ten seconds to a minute each: begun last, one of them would keep a single process busy at the end.
LONG = ("chaos", "acceptance/test_demo", "acceptance/test_interruptions")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first; all else stays in the order in which pytest-randomly put it."""
    items.sort(key=lambda item: not item.nodeid.startswith(tuple(f"tests/{name}" for name in LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under CI=true a skip is a failure: there everything can be installed."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and under CI=true nothing may be: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test sees no POSTILJON_ variable and no postiljon.toml but its own."""
    for name in list(os.environ):
        if name.startswith("POSTILJON_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server of our own."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def library(postgres: PostgresServer) -> Library:
    """Databases on it that have every table."""
    return Library(postgres)


BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture(params=BOTH)
def house_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with every table and no row, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        database = create_all(open_database(f"sqlite:///{tmp_path}/postiljon.db"))
        yield database
        database.close()
        return
    library: Library = request.getfixturevalue("library")
    with library.lent() as database:
        yield database


@pytest.fixture(params=BOTH)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        database = open_database(f"sqlite:///{tmp_path}/postiljon.db")
        yield database
        database.close()
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.fresh()
    database = open_database(server.url(name))
    yield database
    database.close()
    server.drop(name)


@pytest.fixture
def sqlite_database(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database, where the kind does not matter."""
    database = open_database(f"sqlite:///{tmp_path}/postiljon.db")
    yield database
    database.close()


@pytest.fixture
def db(house_database: Database) -> Database:
    """Return a database with every table, once on SQLite and once on PostgreSQL."""
    return house_database


@pytest.fixture
def lite(sqlite_database: Database) -> Database:
    """Return a database with every table on SQLite, where the kind does not matter."""
    return create_all(sqlite_database)


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """Return the log of this process until the end of the test, as ``serve`` writes it without a terminal."""
    handlers, level = list(logging.getLogger().handlers), logging.getLogger("postiljon").level
    stream = StringIO()
    configure_logs(stream)
    yield stream
    logging.getLogger().handlers[:] = handlers
    logging.getLogger("postiljon").setLevel(level)
    structlog.reset_defaults()
