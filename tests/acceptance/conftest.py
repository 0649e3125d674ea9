"""The command line with the example letter, a database, people and a relay that keeps what it gets."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commandline import Catcher, Mailbox
from tests.support.installation import DEFERRED, PEOPLE, REFUSED, Installation, furnish, open_office


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
