from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import func, select, update

from mailer import archive
from mailer.errors import InputError, StorageError
from mailer.letter.compiled import Compiled, EscapeContext, Image, Letter, Slot
from mailer.storage import Database
from tests.support.sending_db import NOW, later

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def compiled(subject: str = "Hallo") -> Compiled:
    letter = Letter(
        language="nl",
        from_name="VNG",
        from_address="info@vng.nl",
        reply_to="",
        subject=(subject,),
        html=("<p>Beste ", Slot('contact.name | default("lezer")', EscapeContext.HTML), "</p>"),
        text=("Beste ", Slot('contact.name | default("lezer")', EscapeContext.PLAIN)),
        headers=(("List-Id", "<nieuws.vng.nl>"),),
    )
    image = Image(hashlib.sha256(PNG).hexdigest(), "image/png", PNG)
    return Compiled(letter, "<p>Beste lezer ✓</p>", "Beste lezer ✓", (image, image))


def test_what_is_kept_comes_back_as_it_was(db: Database) -> None:
    given = compiled()
    with db.write() as conn:
        name = archive.keep(conn, given, NOW)
        assert archive.letter(conn, name) == given.letter
        public = archive.public(conn, name)
        assert (public.html.decode(), public.text.decode()) == (given.public_html, given.public_text)
        assert archive.image(conn, given.images[0].file_name) == given.images[0]
        assert archive.images(conn, name) == [given.images[0].sha256]


def test_the_same_letter_is_kept_once(db: Database) -> None:
    with db.write() as conn:
        first, again = archive.keep(conn, compiled(), NOW), archive.keep(conn, compiled(), later(days=1))
        other = archive.keep(conn, compiled("Dag"), NOW)
        assert first == again != other
        assert conn.execute(select(func.count()).select_from(archive.SNAPSHOT)).scalar() == 2


def test_only_an_image_is_served_by_name(db: Database) -> None:
    with db.write() as conn:
        name = archive.keep(conn, compiled(), NOW)
        letter = conn.execute(select(archive.SNAPSHOT.c.letter)).scalar()
        image = compiled().images[0]
        assert archive.image(conn, f"{letter}.png") is None
        assert archive.image(conn, f"{image.sha256}.gif") is None
        assert archive.image(conn, f"{name}.png") is None
        assert archive.image(conn, "../secrets.toml") is None


def test_a_name_that_is_not_kept_is_an_error(db: Database) -> None:
    with db.read() as conn:
        with pytest.raises(InputError):
            archive.letter(conn, "0" * 64)
        with pytest.raises(InputError):
            archive.public(conn, "0" * 64)


def test_bytes_that_were_damaged_are_never_sent(db: Database) -> None:
    with db.write() as conn:
        name = archive.keep(conn, compiled(), NOW)
        conn.execute(update(archive.BLOB).where(archive.BLOB.c.media_type == archive.JSON).values(data=b"{}"))
        with pytest.raises(StorageError):
            archive.letter(conn, name)
