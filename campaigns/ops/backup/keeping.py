"""The folder of archives: their names, the drafts of killed runs, and the removal of the oldest.

Promises: only archives of this installation are removed, oldest first, and never the one that was made last. The draft
of a killed run is removed, not that of a run that is alive: its process holds a lock on it. Raises ``OSError``.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from campaigns.ops.backup import archive
from mailer import files

DRAFT = ".partial"
_NAME = re.compile(r"postiljon-(\d{8}T\d{6}Z)(?:\.tar\.gz|\.tar)")
_DRAFT = re.compile(_NAME.pattern + re.escape(DRAFT))
_TRIES = 60


@contextmanager
def draft(folder: Path, now: datetime, end: str) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new locked file, and the name that it is to get; it is removed at the end, if it still has its own.

    Two installations may use one folder: a name that is taken is passed over for that of the next second.
    """
    for tries in range(_TRIES):
        target = folder / f"postiljon-{now + timedelta(seconds=tries):%Y%m%dT%H%M%SZ}{end}"
        path = target.with_name(target.name + DRAFT)
        with suppress(FileExistsError):
            file = os.fdopen(files.create(path), "w+b")
            break
    else:
        raise FileExistsError(17, os.strerror(17), str(path))
    with file:
        with suppress(OSError):  # a share without locks: then drafts of killed runs stay
            fcntl.flock(file, fcntl.LOCK_EX)  # waits at most for a look of remove_leftovers, which may remove it
        is_gone = not os.fstat(file.fileno()).st_nlink
        if is_gone or target.exists():
            if not is_gone:  # else the name may be that of another process by now
                path.unlink()
            with draft(folder, now + timedelta(seconds=tries + 1), end) as found:
                yield found
            return
        try:
            yield file, target
        finally:
            path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove drafts whose process has ended."""
    removed = []
    for path in sorted(folder.iterdir()):
        if _DRAFT.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
                removed.append(path)
            except OSError:  # its process is alive, or this folder knows no locks
                pass
            finally:
                os.close(descriptor)
    return removed


def remove_old(folder: Path, keep: int, installation: str, newest: Path) -> list[Path]:
    """Remove the oldest archives of this installation, until ``keep`` are left; return the removed ones."""
    found = [path for path in sorted(folder.iterdir(), reverse=True) if _NAME.fullmatch(path.name) and path != newest]
    ours = [path for path in found if not path.is_symlink() and archive.installation_of(path) == installation]
    removed = sorted(ours[max(0, keep - 1) :])
    for path in removed:
        path.unlink()
    return removed


def on_disk(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
