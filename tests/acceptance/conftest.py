"""The command line with the example letter, a database, people and a relay that keeps what it gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import BOTH
from tests.support.commandline import Catcher, Mailbox
from tests.support.installation import DEFERRED, PEOPLE, REFUSED, Installation, furnish, open_office
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
