"""The archive of sent letters: each letter, its public version and its images, stored by the hash of its bytes (I8).

Promises: :func:`keep` returns the same name for the same letter and writes nothing twice; stored bytes never change
afterwards. Readers get stored bytes; no template runs here. Raises ``InputError`` for a name that is not stored, and
``StorageError`` when stored bytes no longer match the hash that names them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, select
from sqlmodel import Field, SQLModel

from mailer.columns import Instant, insert_into
from mailer.errors import InputError, StorageError
from mailer.letter.compiled import Compiled, Image, Letter

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"


class SnapshotRow(SQLModel, table=True):
    """One compiled letter; the columns ``letter``, ``public_html`` and ``public_text`` name blobs."""

    __tablename__ = "snapshot"

    hash: str = Field(primary_key=True)
    letter: str
    public_html: str
    public_text: str
    made_at: datetime = Field(sa_type=Instant)


class BlobRow(SQLModel, table=True):
    """Bytes, named by the hexadecimal form of their SHA-256."""

    __tablename__ = "blob"

    hash: str = Field(primary_key=True)
    media_type: str
    data: bytes = Field(sa_type=LargeBinary)


class SnapshotImageRow(SQLModel, table=True):
    """One image of one snapshot."""

    __tablename__ = "snapshot_image"

    snapshot: str = Field(primary_key=True)
    blob: str = Field(primary_key=True)


SNAPSHOT: Table = SQLModel.metadata.tables["snapshot"]
BLOB: Table = SQLModel.metadata.tables["blob"]
SNAPSHOT_IMAGE: Table = SQLModel.metadata.tables["snapshot_image"]


@dataclass(frozen=True, slots=True)
class Public:
    """The version without personal data, as *read online* serves it: UTF-8 bytes."""

    html: bytes = field(repr=False)
    text: bytes = field(repr=False)


def keep(conn: Connection, compiled: Compiled, now: datetime) -> str:
    """Store a compiled letter with its public version and images; return the snapshot's name (64 hex digits)."""
    letter_hash = _keep_blob(conn, JSON, compiled.letter.to_bytes())
    html_hash = _keep_blob(conn, HTML, compiled.public_html.encode())
    text_hash = _keep_blob(conn, TEXT, compiled.public_text.encode())
    images = sorted({_keep_blob(conn, image.media_type, image.data) for image in compiled.images})
    name = hashlib.sha256("\n".join([letter_hash, html_hash, text_hash, *images]).encode()).hexdigest()
    row = {"hash": name, "letter": letter_hash, "public_html": html_hash, "public_text": text_hash, "made_at": now}
    _keep_row(conn, SNAPSHOT, row)
    for image in images:
        _keep_row(conn, SNAPSHOT_IMAGE, {"snapshot": name, "blob": image})
    return name


def keep_images(conn: Connection, compiled: Compiled) -> None:
    """Store the images of a letter before the letter itself, since a test mail shows them."""
    for image in compiled.images:
        _keep_blob(conn, image.media_type, image.data)


def keep_image(conn: Connection, image: Image) -> str:
    """Store one image, of a draft; return the hash that names it."""
    return _keep_blob(conn, image.media_type, image.data)


def has_image(conn: Connection, name: str) -> bool:
    """Return whether an image is stored under this hash."""
    image = BLOB.c.media_type.startswith("image/")
    return conn.execute(select(BLOB.c.hash).where(BLOB.c.hash == name, image)).first() is not None


def image_data(conn: Connection, name: str) -> bytes:
    """Return the bytes of a stored image by its hash. Raises ``StorageError`` when they are damaged or gone."""
    return _blob(conn, name)[1]


def letter(conn: Connection, snapshot: str) -> Letter:
    """Return the letter of a snapshot."""
    return Letter.from_bytes(_blob(conn, _row(conn, snapshot).letter)[1])


def public(conn: Connection, snapshot: str) -> Public:
    """Return the public version of a snapshot."""
    row = _row(conn, snapshot)
    return Public(_blob(conn, row.public_html)[1], _blob(conn, row.public_text)[1])


def public_text(conn: Connection, snapshot: str) -> str:
    """Return the text of the public version of a snapshot, without a read of its HTML."""
    return _blob(conn, _row(conn, snapshot).public_text)[1].decode()


def image(conn: Connection, file_name: str) -> Image | None:
    """Return the image that ``/m/HASH.ext`` names; ``None`` for any other name, and for a blob that is not an image."""
    name = file_name.partition(".")[0]
    row = conn.execute(select(BLOB.c.media_type, BLOB.c.data).where(BLOB.c.hash == name)).one_or_none()
    if row is None or not row.media_type.startswith("image/"):
        return None
    found = Image(name, row.media_type, bytes(row.data))
    return found if found.file_name == file_name else None


def images(conn: Connection, snapshot: str) -> list[str]:
    """Return the names of the images of a snapshot."""
    mine = select(SNAPSHOT_IMAGE.c.blob).where(SNAPSHOT_IMAGE.c.snapshot == snapshot)
    return list(conn.execute(mine.order_by(SNAPSHOT_IMAGE.c.blob)).scalars())


def _row(conn: Connection, snapshot: str) -> Any:
    row = conn.execute(select(SNAPSHOT).where(SNAPSHOT.c.hash == snapshot)).one_or_none()
    if row is None:
        raise InputError(f"there is no letter kept under {snapshot[:12]!r}")
    return row


def _blob(conn: Connection, name: str) -> tuple[str, bytes]:
    row = conn.execute(select(BLOB.c.media_type, BLOB.c.data).where(BLOB.c.hash == name)).one_or_none()
    data = b"" if row is None else bytes(row.data)
    if row is None or hashlib.sha256(data).hexdigest() != name:
        raise StorageError(f"the kept bytes {name[:12]} are damaged or gone; restore them from a backup")
    return row.media_type, data


def _keep_blob(conn: Connection, media_type: str, data: bytes) -> str:
    name = hashlib.sha256(data).hexdigest()
    _keep_row(conn, BLOB, {"hash": name, "media_type": media_type, "data": data})
    return name


def _keep_row(conn: Connection, table: Table, row: dict[str, Any]) -> None:
    conn.execute(insert_into(conn, table).values(row).on_conflict_do_nothing())
