"""The search in the archive finds words anywhere in subject and text, in any case, on both databases, within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from campaigns.lifecycle import records
from campaigns.lifecycle.archive_search import ArchiveSearch
from mailer import archive
from mailer.storage import Database
from tests.support.archived_letters import online
from tests.support.people import NOW

LETTERS = (  # subject and text, from new to old
    ("Straßenfest", "Alle Gemeinden feiern: ÅRHUS, ΟΔΥΣΣΕΥΣ und İstanbul."),
    ("100% duurzaam", "De gemeenteraad besluit_over het zwembad."),
    ("Nieuws", "Een brief zonder bijzonderheden."),
)

SEARCHES: dict[str, list[int]] = {
    "": [0, 1, 2],
    "  ": [0, 1, 2],
    "STRASSENFEST": [0],
    "straße": [0],
    "århus οδυσσευς": [0],
    "i\u0307stanbul": [0],
    "gemeen": [1],
    "raad": [1],
    "zwembad duurzaam": [1],
    "zwembad nieuws": [],
    "brief zonder": [2],
    "nieuws\u00a0brief": [2],
    "%": [1],
    "_": [1],
    "100%": [1],
    "\\": [],
    "'": [],
    "ss\u0301": [],
    "\ud800": [],
}


def keep(db: Database, letters: Sequence[tuple[str, str]] = LETTERS) -> None:
    """Letters as public campaigns."""
    compiled = online("denkt-u-mee", "https://mail.example.org")[1]
    for number, (subject, text) in enumerate(letters):
        with db.write() as conn:
            values = {
                "slug": f"brief-{number}",
                "source": "",
                "file_name": "brief.md",
                "parts": {},
                "snapshot": archive.keep(conn, replace(compiled, public_text=text), NOW),
                "subject": subject,
                "from_address": "info@vng.example",
                "topic": "nieuws",
                "language": "nl",
                "timezone": "",
                "online": "public",
                "online_code": f"code-{number}",
            }
            records.add(conn, values, NOW)
            mine = records.CAMPAIGN.c.slug == f"brief-{number}"
            launched = NOW - timedelta(days=number)
            conn.execute(update(records.CAMPAIGN).where(mine).values(launched_at=launched))


def found(db: Database, search: ArchiveSearch, wanted: str) -> list[int]:
    """The numbers of the letters that are found, in their order."""
    with db.read() as conn:
        campaigns = search.find(conn, records.public_campaigns(conn), wanted)
    return [int(one.slug.removeprefix("brief-")) for one in campaigns]


def test_words_are_found_anywhere_in_subject_or_text_in_any_case(house_database: Database) -> None:
    keep(house_database)
    search = ArchiveSearch()
    assert {wanted: found(house_database, search, wanted) for wanted in SEARCHES} == SEARCHES


def test_however_many_letters_there_are_the_texts_in_memory_stay_within_their_bound(house_database: Database) -> None:
    letters = [(f"Nummer {number}", f"gouda é{number} " * 20) for number in range(12)]
    keep(house_database, letters)
    search = ArchiveSearch(most=1_000)
    for _ in range(3):
        assert found(house_database, search, "GOUDA") == list(range(12))
        assert found(house_database, search, "É11") == [11]
        assert 500 < search.size <= 1_000


def test_a_text_that_fits_is_read_once_and_a_subject_each_time(house_database: Database) -> None:
    keep(house_database)
    search = ArchiveSearch()
    assert found(house_database, search, "zwembad") == [1]
    with house_database.write() as conn:
        conn.execute(archive.BLOB.delete())
        conn.execute(update(records.CAMPAIGN).values(subject="Zwembad"))
    assert found(house_database, search, "zwembad") == [0, 1, 2]
