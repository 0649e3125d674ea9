"""Links for mails: derived from their row and a key, so that each attempt has the same; on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.staff import links
from campaigns.staff.links import LinkPurpose
from mailer.errors import TokenError
from mailer.signing import Keyring
from mailer.storage import Database
from tests.support.console import ConsoleSetup, console_setup

OLD, NEW = Keyring.of([b"k" * 32]), Keyring.of([b"n" * 32, b"k" * 32])


@pytest.fixture
def setup(empty_database: Database, tmp_path: Path) -> ConsoleSetup:
    return console_setup(empty_database, tmp_path, 1)


def test_a_link_is_the_same_at_each_attempt_as_long_as_its_key_is_there(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        made = links.issue(conn, OLD, LinkPurpose.INVITATION, 1, "a@voorbeeld.example", setup.clock())
        assert links.again(conn, OLD, made.id) == made
        assert links.again(conn, NEW, made.id) == made
        assert links.again(conn, Keyring.of([b"x" * 32]), made.id) is None
        assert links.again(conn, OLD, made.id + 1) is None


def test_a_link_that_was_used_or_replaced_is_not_made_again(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        first = links.issue(conn, OLD, LinkPurpose.ADDRESS, 1, "a@voorbeeld.example", setup.clock())
        other = links.issue(conn, OLD, LinkPurpose.ADDRESS, 1, "b@voorbeeld.example", setup.clock())
        second = links.issue(conn, OLD, LinkPurpose.ADDRESS, 1, "a@voorbeeld.example", setup.clock())
        assert links.again(conn, OLD, first.id) is None
        assert links.again(conn, OLD, other.id) == other
        links.use(conn, LinkPurpose.ADDRESS, second.token, setup.clock())
        assert links.again(conn, OLD, second.id) is None
        with pytest.raises(TokenError):
            links.use(conn, LinkPurpose.ADDRESS, second.token, setup.clock())


def test_a_database_that_was_restored_makes_another_link_of_the_same_number(setup: ConsoleSetup) -> None:
    with setup.db.write() as conn:
        first = links.issue(conn, OLD, LinkPurpose.RESET, 1, "a@voorbeeld.example", setup.clock())
        conn.execute(links.STAFF_LINK.delete())
        conn.execute(
            links.STAFF_LINK.insert().values(
                id=first.id,
                token_hash="x",
                purpose="reset",
                user_id=1,
                email="a@voorbeeld.example",
                made_at=setup.clock.forward(seconds=1),
                ends_at=setup.clock.forward(hours=1),
            )
        )
        assert links.again(conn, OLD, first.id) is None
