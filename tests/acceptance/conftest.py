"""The command line with the example letter, a database, people and a relay that keeps what it gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import BOTH
from tests.support.commandline import Catcher, Mailbox
from tests.support.installation import DEFERRED, PEOPLE, REFUSED, Installation, furnish, open_office
from tests.support.own_machine import INSTALL, PROGRAM, OwnMachine, copy_of, own_machine
from tests.support.restore_scene import Scene


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], None]:
    """Puts a furnished folder into another: made once for the same people, and copied after that."""
    made: dict[str, Path] = {}

    def put(people: str, folder: Path) -> None:
        if people not in made:
            made[people] = furnish(tmp_path_factory.mktemp("furnished"), people)
        shutil.copytree(made[people], folder, dirs_exist_ok=True)

    return put


@pytest.fixture
def installation(furnished: Callable[[str, Path], None], tmp_path: Path) -> Iterator[Installation]:
    """Initialised, with five people, one of whom does not exist and one of whom is greylisted."""
    furnished(PEOPLE, tmp_path)
    with open_office(tmp_path, Catcher(Mailbox(), refuse=[REFUSED], defer=[DEFERRED])) as opened:
        yield opened


@pytest.fixture(scope="session")
def bare() -> Iterator[OwnMachine]:
    """A machine on which Postiljon is not installed as a service, for copies."""
    with own_machine() as made:
        yield made


@pytest.fixture(scope="session")
def installed(bare: OwnMachine) -> Iterator[OwnMachine]:
    """One on which the service is installed, for copies, and for tests that change nothing."""
    with copy_of(bare) as made:
        made.do(PROGRAM, *INSTALL)
        yield made


@pytest.fixture
def machine(bare: OwnMachine) -> Iterator[OwnMachine]:
    """A machine of the test, on which the service is not installed."""
    with copy_of(bare) as made:
        yield made


@pytest.fixture
def served(installed: OwnMachine) -> Iterator[OwnMachine]:
    """A machine of the test, on which the service is installed."""
    with copy_of(installed) as made:
        yield made


@pytest.fixture(scope="module", params=BOTH)
def restore_setup(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Made once for all of these tests, which only read it: on SQLite and on PostgreSQL."""
    server = None if request.param == "sqlite" else request.getfixturevalue("postgres")
    made = Scene(tmp_path_factory.mktemp("house") / "house", server)
    yield made
    if server:
        server.drop(made.installation.database)


@pytest.fixture(scope="module")
def sqlite_restore_setup(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The same on SQLite alone."""
    return Scene(tmp_path_factory.mktemp("lite") / "house", None)
