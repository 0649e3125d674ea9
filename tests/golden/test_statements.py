"""The SQL of the hot paths is the one that was looked at, on both databases."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from mailer.storage import Database
from tests.golden.statements import FOLDER, ONE_DATABASE, cases, prepared
from tests.support.sql_text import readable

FILES = sorted(FOLDER.glob("*.sql"))


@pytest.fixture(scope="module")
def product() -> Mapping[str, str]:
    """The statements of the product as they are now."""
    return cases()


def test_every_prepared_statement_of_the_product_has_its_file(product: Mapping[str, str]) -> None:
    assert [path.name for path in FILES] == sorted(product)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_is_the_one_that_was_kept(product: Mapping[str, str], path: Path) -> None:
    assert product[path.name] == path.read_text("utf-8"), "look at it: python -m tests.golden.statements"


def test_a_connection_executes_the_kept_statements(house_database: Database) -> None:
    with house_database.read() as conn:
        kind = conn.dialect.name
        ours = {name: each for name, each in prepared().items() if ONE_DATABASE.get(name, kind) == kind}
        for name, statement in ours.items():
            assert readable(statement.compiled(conn.dialect)) == (FOLDER / f"{name}.{kind}.sql").read_text("utf-8")


@pytest.mark.parametrize("path", [path for path in FILES if ".sqlite." in path.name], ids=lambda path: path.stem)
def test_a_statement_as_it_is_shown_can_be_given_to_sqlite(lite: Database, path: Path) -> None:
    text = path.read_text("utf-8")
    with lite.read() as conn:
        values = dict.fromkeys(re.findall(r":(\w+)", text))
        assert conn.exec_driver_sql(f"EXPLAIN {text}", values).all()
