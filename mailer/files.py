"""File access that is safe against an attacker on the same machine, or in the same repository of campaigns.

Promises: a new file is private to its owner (0600, folders 0700) from its creation, for any umask and in any folder.
No file is created through a symbolic link, and nothing is written through another user's link. Only ordinary files
within a size limit are read: a FIFO does not block, and a device is not read without end. Neither ``..`` nor a link
leads :func:`beside` out of its folder.

Raises ``OSError``; its ``strerror`` is a sentence, also for our own reasons.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import secrets
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast

from mailer.messages import Message

FILE, FOLDER = 0o600, 0o700
OTHERS = 0o077
NO_FILE = Message("no ordinary file (but a folder, a device or a pipe)")
TOO_LARGE = Message("larger than {limit} bytes")
OUTSIDE = Message("it lies outside this folder, or a link leads out of it")
_QUIET = os.O_CLOEXEC | os.O_NOFOLLOW
_BLOCK = 1 << 20
_KEEP_SIZE = 1  # FALLOC_FL_KEEP_SIZE of Linux
_STANDARD_INPUT = ("-", "/dev/fd/0", "/dev/stdin")
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents, private to their owner; an existing folder stays as it is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        with suppress(FileExistsError):  # another process was faster
            folder.mkdir(FOLDER)
            folder.chmod(FOLDER)  # the umask may have removed the owner's own rights
    if not path.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))


def create(path: Path | str, flags: int = os.O_RDWR) -> int:
    """Create a file; return its descriptor.

    Raises ``FileExistsError`` for a name that is taken, also by a dangling link.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL | _QUIET, FILE)
    os.fchmod(descriptor, FILE)  # the umask may have removed the owner's own rights
    return descriptor


def open_or_create(path: Path | str, flags: int) -> int:
    """Return the descriptor of one of our own files; create the file if it is missing.

    A link is followed if this user owns it (a journal on another disk), and no file is created through one. Raises
    ``OSError`` (ELOOP) for a link that another user created.
    """
    flags |= os.O_CLOEXEC if _is_ours(path) else _QUIET
    with suppress(FileNotFoundError):
        return os.open(path, flags)
    try:
        return create(path, flags)
    except FileExistsError:  # created by another process meanwhile
        return os.open(path, flags)


def _is_ours(path: Path | str) -> bool:
    """Return whether the file or link of this name belongs to this user, or to root, which has all rights anyway."""
    try:
        return os.lstat(path).st_uid in (0, os.geteuid())
    except OSError:
        return False


DRAFT = re.compile(r"\.postiljon-[0-9a-f]{16}")
"""The name of a file that :func:`replaced` writes before it gets its own; a killed process may leave one."""


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that replaces ``path`` at the end of the block, whole and on disk, unless the block raises.

    A link of that name is replaced, and its target stays untouched. A device, a pipe or a stream of this process
    (``/dev/stdout``) is written to directly.
    """
    if os.path.abspath(path).startswith(_STREAMS) or (path.exists() and not path.is_file()):
        with path.open("wb") as stream:
            yield stream
        return
    draft = path.with_name(f".postiljon-{secrets.token_hex(8)}")
    try:
        with os.fdopen(create(draft), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def open_to_others(path: Path) -> bool:
    """Return whether users other than its owner may read or change a file or folder; False if it does not exist."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & OTHERS)
    except OSError:
        return False


def tighten(path: Path) -> bool:
    """Remove the rights of other users on a file or folder of this user; return whether there were any.

    By name and not by descriptor: closing a descriptor of a database would free SQLite's locks (POSIX ``fcntl``).
    """
    found = path.lstat()
    if not open_to_others(path) or stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid():
        return False
    path.chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
    return True


def read(path: Path, limit: int) -> bytes:
    """Return the bytes of an ordinary file.

    Never waits for a writer. Raises for a file of more than ``limit`` bytes.
    """
    with _ordinary(path) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(errno.EFBIG, TOO_LARGE.format(limit=limit), str(path))
    return data


def stream(path: Path, limit: int) -> BinaryIO:
    """Open an ordinary file; or return the content of a pipe, up to ``limit`` bytes, in a nameless file.

    A pipe without a writer gives no bytes, at once. ``-`` is the standard input.
    """
    descriptor = _given(path)
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    os.set_blocking(descriptor, True)
    source = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(mode):
        return source
    copy, size = cast(BinaryIO, tempfile.TemporaryFile()), 0  # noqa: SIM115 - the caller closes it
    with source:
        while block := source.read(_BLOCK):
            size += copy.write(block)
            if size > limit:
                copy.close()
                raise OSError(errno.EFBIG, TOO_LARGE.format(limit=limit), str(path))
    copy.seek(0)
    return copy


class Named:
    """A file name that is watched, to detect that another file has taken it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, int] | None = None

    def is_another(self) -> bool:
        """Return whether the file is another one than at the last call. Raises ``OSError`` if it is gone."""
        try:
            found = self._path.stat()
        except OSError:
            if self._known is None:  # the first process creates it
                return False
            raise
        before, self._known = self._known, (found.st_dev, found.st_ino)
        return before not in (None, self._known)


def take_room(descriptor: int, size: int) -> None:
    """Reserve ``size`` bytes on the disk behind the end of a file, whose length does not change.

    Raises ``OSError`` when the disk is full. On a disk that cannot reserve, the free room is compared instead.
    """
    end = os.fstat(descriptor).st_size
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        kind = ctypes.c_longlong
        if not libc.fallocate(descriptor, _KEEP_SIZE, kind(end), kind(size)):
            return
        if ctypes.get_errno() not in (errno.EOPNOTSUPP, errno.ENOSYS):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    disk = os.fstatvfs(descriptor)
    if disk.f_bavail * disk.f_frsize < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _given(path: Path) -> int:
    """Return a descriptor to read from. The standard input is duplicated: a socket cannot be opened by its name."""
    if str(path) in _STANDARD_INPUT and not stat.S_ISREG(os.fstat(0).st_mode):
        return os.dup(0)
    name = _STANDARD_INPUT[-1] if str(path) in _STANDARD_INPUT else path
    return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)


def same(one: Path, other: Path) -> bool:
    """Return whether two names mean one file: by spelling, through links, or as the standard input. Never raises."""
    try:
        first, second = (os.fstat(0) if str(name) in _STANDARD_INPUT else os.stat(name) for name in (one, other))
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
    return stat.S_ISREG(first.st_mode) and os.path.samestat(first, second)


def begins_with(path: Path, start: bytes) -> bool:
    """Return whether an ordinary file begins with these bytes; False for any other file, or one that cannot be read."""
    try:
        with _ordinary(path) as file:
            return file.read(len(start)) == start
    except OSError:
        return False


def _ordinary(path: Path) -> BinaryIO:
    """Open an ordinary file for reading, without waiting for a writer. Raises ``OSError`` for any other file."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, NO_FILE, str(path))
    return os.fdopen(descriptor, "rb")


def beside(folder: Path, name: str) -> Path:
    """Return the path of ``name`` below ``folder``, with every link followed. Raises ``OSError`` if it is outside."""
    if "\0" in name:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), name)
    root = os.path.realpath(folder)
    found = os.path.realpath(os.path.join(root, name))
    if os.path.commonpath([root, found]) != root:
        raise OSError(errno.EACCES, OUTSIDE, name)
    return Path(found)
