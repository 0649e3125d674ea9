"""The archive of a backup: one file, written and read as a stream.

Plain: ``postiljon-TIME.tar.gz``, whose first member is the manifest. Encrypted: ``postiljon-TIME.tar`` with
``about.json`` (format, installation, time), ``key.age`` (the key of this archive, encrypted with the passphrase) and
``postiljon.tar.gz.age`` (the same as the plain archive, encrypted for that key).

Promises: :func:`extract` writes nothing outside the folder that it is given, no member that the manifest does not name,
and no more bytes than the manifest says; each member is compared with its hash. Raises ``InputError`` for an archive
that cannot be used, in a sentence, and ``StorageError`` for a disk that is full.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from campaigns.ops.backup import encryption, maintenance, tar_stream
from campaigns.ops.backup import manifest as manifests
from campaigns.ops.backup.encryption import Passphrase, WrongPassphrase
from campaigns.ops.backup.manifest import Manifest
from campaigns.ops.backup.tar_stream import BLOCK, BrokenArchive
from mailer import files
from mailer.errors import InputError
from mailer.messages import Message

PLAIN, ENCRYPTED = ".tar.gz", ".tar"
ABOUT, KEY, INNER = "about.json", "key.age", "postiljon.tar.gz.age"
_LARGEST_ABOUT = 10_000
_EACH = 4_000_000  # bytes that are written between two looks at the free room
_GZIP = b"\x1f\x8b"
UNREADABLE = Message("{path} cannot be read: {why}")
FOREIGN = Message("{path} is no backup of Postiljon, or it was damaged at its beginning")
BROKEN = Message("{path} is damaged or cut off ({why}): nothing of it was used. Take another backup")
CHANGED = Message(
    "{path} is damaged: {name} in it is not what was written. Nothing of it was used. Take another backup"
)
ENCRYPTED_ONE = Message("{path} is encrypted: give the file with its passphrase (--passphrase-file FILE)")
WRONG = Message("the passphrase does not open {path}: is it the one with which this backup was made?")


@dataclass(frozen=True, slots=True)
class Opened:
    """The content of an archive, in a folder: its manifest, the folder, and the hash of the manifest."""

    manifest: Manifest
    folder: Path
    identity: str

    def member(self, name: str) -> Path:
        """Return the path of a member; it exists."""
        return self.folder / name


def write(
    file: BinaryIO, folder: Path, manifest: Manifest, passphrase: Passphrase | None, room: Callable[[int], None]
) -> None:
    """Write the archive of the staged members in a folder. Raises ``OSError``.

    ``room`` is called with the bytes to be written next, and may raise: a full disk must not stop the service.
    """
    made_at = datetime.fromisoformat(manifest.made_at)
    inner = _within(room, tar_stream.gzipped(_inner(folder, manifest, int(made_at.timestamp()))))
    if passphrase is None:
        for chunk in inner:
            file.write(chunk)
        return
    seconds = int(made_at.timestamp())
    about = {"format": manifest.format, "installation": manifest.installation, "made_at": manifest.made_at}
    _put(file, ABOUT, json.dumps(about, sort_keys=True).encode() + b"\n", seconds)
    key = encryption.ArchiveKey(passphrase)
    _put(file, KEY, key.closed, seconds)
    inner_at = file.tell()
    file.write(bytes(BLOCK))  # the header, when the size is known
    key.encrypt(inner, file.write)
    size = file.tell() - inner_at - BLOCK
    file.write(tar_stream.padding(size) + tar_stream.end())
    file.seek(inner_at)
    file.write(tar_stream.header(INNER, size, seconds))


def _within(room: Callable[[int], None], chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks; before each ``_EACH`` bytes of them the room is checked."""
    left = 0
    for chunk in chunks:
        if len(chunk) > left:
            left = max(_EACH, len(chunk))
            room(left)
        left -= len(chunk)
        yield chunk


def _put(file: BinaryIO, name: str, data: bytes, seconds: int) -> None:
    file.write(tar_stream.header(name, len(data), seconds) + data + tar_stream.padding(len(data)))


def _inner(folder: Path, manifest: Manifest, seconds: int) -> Iterator[bytes]:
    """Yield the plain tar archive."""
    text = manifest.text()
    yield tar_stream.header(manifests.NAME, len(text), seconds) + text + tar_stream.padding(len(text))
    for entry in manifest.entries:
        yield tar_stream.header(entry.name, entry.size, seconds)
        with (folder / entry.name).open("rb") as file:
            yield from tar_stream.file_chunks(file, entry.size)
        yield tar_stream.padding(entry.size)
    yield tar_stream.end()


def extract(path: Path, folder: Path, passphrase: Passphrase | None) -> Opened:
    """Read a whole archive into an empty folder, and compare every member with the manifest."""
    try:
        with _opened(path) as file:
            if file.read(len(_GZIP)) == _GZIP:
                file.seek(0)
                return _extract(path, file, folder)
            file.seek(0)
            inner = folder / INNER.removesuffix(".age")
            _decrypt(path, file, inner, passphrase)
        with _opened(inner) as file:
            found = _extract(path, file, folder)
        inner.unlink()
        return found
    except BrokenArchive as error:
        raise InputError(BROKEN.format(path=path, why=str(error))) from None
    except WrongPassphrase:
        raise InputError(WRONG.format(path=path)) from None


def refuse_unreadable(path: Path) -> None:
    """Raise ``InputError`` for a file that cannot be opened."""
    _opened(path).close()


def _opened(path: Path) -> BinaryIO:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        file = os.fdopen(descriptor, "rb")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or Message("that is not the name of a file")
        raise InputError(UNREADABLE.format(path=path, why=why)) from None
    if not path.is_file():
        file.close()
        raise InputError(UNREADABLE.format(path=path, why=files.NO_FILE))
    return file


def _decrypt(path: Path, file: BinaryIO, inner: Path, passphrase: Passphrase | None) -> None:
    """Decrypt the archive within an encrypted one."""
    key = b""
    _about(path, file)
    if passphrase is None:
        raise InputError(ENCRYPTED_ONE.format(path=path))
    file.seek(0)
    for member in tar_stream.members(file):
        if member.name == KEY and member.size <= encryption.LARGEST_KEY:
            key = b"".join(member.chunks())
        elif member.name == INNER and key:
            maintenance.need_room(inner.parent, member.size)
            with maintenance.disk_errors(inner), os.fdopen(files.create(inner), "wb") as target:
                encryption.decrypted(_Part(member), target.write, key, passphrase)  # type: ignore[arg-type]
        elif member.name != ABOUT:
            raise BrokenArchive(Message("a member that does not belong in it"))
    if not inner.exists():
        raise BrokenArchive(Message("a member is missing"))


class _Part:
    """The bytes of a member, read as a file."""

    def __init__(self, member: tar_stream.Member) -> None:
        self._chunks, self._rest = member.chunks(), b""

    def read(self, size: int = -1, /) -> bytes:
        if not self._rest:
            self._rest = next(self._chunks, b"")
        found, self._rest = (self._rest[:size], self._rest[size:]) if size >= 0 else (self._rest, b"")
        return found


def _about(path: Path, file: BinaryIO) -> dict[str, object]:
    """Return the installation and the time of an encrypted archive. Raises ``InputError`` for another kind of file."""
    try:
        member = next(tar_stream.members(file), None)
        if member is None or member.name != ABOUT or member.size > _LARGEST_ABOUT:
            raise BrokenArchive(Message("another kind of file"))
        found = json.loads(b"".join(member.chunks()))
        return {"installation": str(found["installation"]), "made_at": str(found["made_at"])}
    except (BrokenArchive, ValueError, KeyError, TypeError, RecursionError):
        raise InputError(FOREIGN.format(path=path)) from None


def _extract(path: Path, file: BinaryIO, folder: Path) -> Opened:
    manifest, identity = None, ""
    seen = set()
    for member in tar_stream.members(tar_stream.Unzipped(file)):
        if manifest is None:
            manifest, identity = _manifest(path, member)
            maintenance.need_room(folder, sum(entry.size for entry in manifest.entries))
            continue
        entry = manifest.entry(member.name)
        if entry is None or entry.name in seen or entry.size != member.size:
            raise InputError(CHANGED.format(path=path, name=repr(member.name[:80])))
        seen.add(entry.name)
        if _kept(member, folder / entry.name) != entry.sha256:
            raise InputError(CHANGED.format(path=path, name=entry.name))
    if manifest is None or seen != {entry.name for entry in manifest.entries}:
        raise BrokenArchive(Message("a member is missing"))
    return Opened(manifest, folder, identity)


def _manifest(path: Path, member: tar_stream.Member) -> tuple[Manifest, str]:
    if member.name != manifests.NAME or member.size > manifests.LARGEST:
        raise InputError(FOREIGN.format(path=path))
    text = b"".join(member.chunks())
    return manifests.parsed(text), hashlib.sha256(text).hexdigest()


def _kept(member: tar_stream.Member, target: Path) -> str:
    """Write a member into a new file; return its hash."""
    digest = hashlib.sha256()
    files.make_folder(target.parent)
    with maintenance.disk_errors(target), os.fdopen(files.create(target), "wb") as file:
        for chunk in member.chunks():
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def installation_of(path: Path) -> str:
    """Return the installation of an archive; "" for a file that is none. Reads its beginning only."""
    try:
        with _opened(path) as file:
            is_plain = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if not is_plain:
                return str(_about(path, file)["installation"])
            member = next(tar_stream.members(tar_stream.Unzipped(file)), None)
            return _manifest(path, member)[0].installation if member else ""
    except (InputError, BrokenArchive, OSError):
        return ""
