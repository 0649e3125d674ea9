"""One backup, restore or upgrade at a time, with a folder for its work in the data folder.

Promises: the lock is an flock on ``POSTILJON_DATA/maintenance.lock``, which ends with its process, however that ends.
The folder is private to its owner, empty at the beginning (an earlier run may have been killed) and gone at the end.
Room is left for the service: a disk that would get too full ends the work. Raises ``StateHeld`` and ``StorageFull``.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailer import files
from mailer.errors import StateHeld, StorageError, StorageFull
from mailer.messages import Message
from mailer.storage import map_os_error

LOCK, WORK = "maintenance.lock", "maintenance"
LEAST = 64_000_000  # bytes that stay free beside the database, so that opt-outs can be stored meanwhile
RUNNING = Message("another backup, restore or upgrade of this installation runs; try again when it has ended")
NO_ROOM = Message("{free} MB are left at {path}, and {needed} MB are needed; nothing was changed")


@contextmanager
def alone(data: Path) -> Iterator[Path]:
    """Yield an empty folder for the work, as the only process that does such work here."""
    with disk_errors(data / LOCK):
        descriptor = files.open_or_create(data / LOCK, os.O_RDWR)
    work = data / WORK
    try:
        _lock(descriptor, data)
        empty(work)
        files.make_folder(work)
        try:
            yield work
        finally:
            empty(work)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, data: Path) -> None:
    """Take the lock, without waiting. The system frees it when the process that has it ends, also by a signal."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StateHeld(RUNNING) from None
    except OSError as error:
        raise map_os_error(error, data / LOCK) from error
    if not os.fstat(descriptor).st_nlink:  # a restore removed the file of the lock between the opening and the lock
        raise StateHeld(RUNNING)


def empty(work: Path) -> None:
    """Remove a working folder, if it is there. Raises ``OSError``."""
    if work.is_symlink() or work.is_file():
        work.unlink()
    elif work.exists():
        shutil.rmtree(work)


def need_room(folder: Path, size: int) -> None:
    """Raise ``StorageFull`` unless ``size`` bytes fit on the disk of a folder, with room left for the service."""
    free = shutil.disk_usage(folder).free
    if free - LEAST < size:
        needed = -(-(size + LEAST) // 1_000_000)
        raise StorageFull(NO_ROOM.format(free=free // 1_000_000, path=folder.absolute(), needed=needed))


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise the system's errors of a block as a ``StorageError`` with the path in it."""
    try:
        yield
    except OSError as error:
        found = Path(error.filename) if isinstance(error.filename, str) else path
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR):
            raise StorageError(Message("{path} cannot be written: {why}", path=found, why=error.strerror)) from error
        raise map_os_error(error, found) from error
