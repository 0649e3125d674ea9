"""A file in the place of the database that is foreign, or has code in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.commandline import CommandLine


@pytest.mark.parametrize("content", [b"", b"x" * 5000, b"SQLite format 3\0" + b"\xff" * 5000, b"PK\x03\x04" * 2000])
def test_a_file_that_is_no_database_of_ours_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Expected: exit 1 or 3 and a sentence, never a traceback."""
    cli = CommandLine(tmp_path)
    cli.do("init")
    for name in ("postiljon.db-wal", "postiljon.db-shm"):
        (tmp_path / "data" / name).unlink(missing_ok=True)
    (tmp_path / "data" / "postiljon.db").write_bytes(content)
    for command in ("restored", "init", "doctor", "status"):
        ran = cli.run(command)
        assert "Traceback" not in ran.err, ran
        assert ran.code in ((0,) if command in ("init",) and not content else (1, 3)), (command, ran)
        if not content:
            break


def test_a_copy_with_the_code_of_a_stranger_in_it_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    """Expected: exit 1, and the trigger is named."""
    cli = CommandLine(tmp_path / "cli")
    cli.folder.mkdir()
    cli.do("init")
    with closing(sqlite3.connect(cli.folder / "data" / "postiljon.db")) as conn:
        conn.execute("CREATE TRIGGER evil AFTER INSERT ON suppression BEGIN DELETE FROM suppression; END")
        conn.commit()
    ran = cli.run("restored")
    assert ran.code == 1, ran
    assert "evil" in ran.err
