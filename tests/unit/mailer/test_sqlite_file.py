"""Opening the file of an SQLite database: a file that is missing for an instant is missing, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.settings.campaign import CampaignSettings
from mailer.errors import StorageAway
from mailer.storage import Database, open_database
from tests.support.tables import create_all


class Hurried(Database):
    """A database whose file is taken away between the look at its name and the opening."""

    def _find(self) -> None:
        super()._find()
        assert self.sqlite_path
        self.sqlite_path.rename(self.sqlite_path.with_suffix(".away"))


def opened(path: Path, *, make: bool) -> Hurried:
    plain = open_database(f"sqlite:///{path}", make=make)
    return Hurried(plain.engine, plain.sqlite_path)


@pytest.mark.parametrize("make", [True, False])
def test_a_file_that_goes_between_the_look_and_the_opening_is_not_replaced_by_an_empty_one(
    tmp_path: Path, make: bool
) -> None:
    """Expected: away, not "no such table"; nothing has the name afterwards; with the file back all is as it was."""
    path = tmp_path / "house.db"
    create_all(open_database(f"sqlite:///{path}")).close()
    database = opened(path, make=make)
    with database.engine.connect() as known:  # the pool has had a connection, and may need another
        known.execute(text("SELECT 1"))
    database.engine.dispose()
    with pytest.raises(StorageAway), database.read() as conn:
        conn.execute(text("SELECT count(*) FROM sender"))
    assert not path.exists()
    path.with_suffix(".away").rename(path)
    with database.engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM sender")).scalar_one() == 0
    database.close()


def test_a_process_that_may_not_make_a_database_makes_none(tmp_path: Path) -> None:
    """Expected: away at the first connection, and neither file nor folder is there afterwards."""
    path = tmp_path / "data" / "house.db"
    database = open_database(f"sqlite:///{path}", make=False)
    with pytest.raises(StorageAway), database.read():
        pass
    assert not path.parent.exists()
    database.close()


@pytest.mark.parametrize("name", ["a b", "100%", "50%20off", "who?", "no#1", "ünï", "a&mode=memory"])
def test_the_name_of_a_folder_is_never_read_as_a_part_of_an_address(tmp_path: Path, name: str) -> None:
    """Expected: the database lies in that folder, and nowhere else."""
    settings = CampaignSettings(data=tmp_path / name)
    database = create_all(open_database(settings.database))
    database.close()
    assert database.sqlite_path == tmp_path / name / "postiljon.db"
    assert [folder.name for folder in tmp_path.iterdir()] == [name]
