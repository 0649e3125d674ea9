"""The owner of the data folder: a command of another user is refused before anything is opened or written.

Promises: :func:`refuse_others` raises ``OwnerError`` with the command in the form that works, and no value of a setting
in it. :func:`foreign` finds files of the installation that another user has made in the owner's folder (a command that
once ran as root). :func:`mend` gives the command that returns them. Only the file of settings is opened.
"""

from __future__ import annotations

import os
import pwd
import shlex
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from campaigns.settings.file_modes import SECRETS, SENDERS
from mailer import settings_file, sqlite_file
from mailer.errors import OwnerError
from mailer.journal import FILE
from mailer.messages import Message, joined
from mailer.settings_base import data_folder, environment, variables
from mailer.settings_file import Keys, SettingsFileError
from mailer.storage import ENDS

COUNTERS = "counters-*"
_OTHER = Message(
    "{path} belongs to the user {owner}, and you are {user}. Nothing was done. Run it as its owner:\n   {command}"
)
_WITHOUT = Message("Where there is no sudo:\n   {command}")
_SIGN_IN = Message("Where you may not use sudo: sign in as {owner}")
_FOREIGN = Message("What belongs to another user cannot be used here: {paths}. Give it back with:\n   {command}")


def refuse_others() -> tuple[Path, Keys | None]:
    """Return the data folder and the file of settings. Raises ``OwnerError`` if this user is not the folder's owner."""
    try:
        keys = settings_file.load()
    except SettingsFileError as error:
        if error.denied:
            _refuse(_first_seen(error.path))
        raise
    folder = data_folder({}, environment(), keys)
    _refuse(folder)
    return folder, keys


def _refuse(path: Path) -> None:
    try:
        found = path.stat()
    except OSError:
        return  # missing, or not accessible: the next step reports that
    if found.st_uid == os.geteuid():
        return
    owner, words = name_of(found.st_uid), typed()
    names = {name for name, _value in variables()} - ({settings_file.VARIABLE} if _is_typed(words) else set())
    kept = ",".join(sorted(names))
    sudo = ["sudo", "-u", owner, *([f"--preserve-env={kept}"] if kept else []), *words]
    user = name_of(os.geteuid())
    lines: list[str] = [_OTHER.format(path=path, owner=owner, user=user, command=shlex.join(sudo))]
    if not shutil.which("sudo"):
        lines.append(_otherwise(owner, found.st_uid, found.st_gid, words))
    raise OwnerError(joined("\n", lines))


def _first_seen(path: Path) -> Path:
    """Return the path, or, where its folder is closed to this user, the innermost folder that can be inspected."""
    for each in (path, *path.absolute().parents):
        try:
            each.stat()
        except PermissionError:
            continue
        except OSError:
            break
        return each
    return path


def _is_typed(words: list[str]) -> bool:
    """Return whether the file of settings is named in the command itself."""
    return any(word.partition("=")[0] == "--config" for word in words)


def _otherwise(owner: str, uid: int, gid: int, words: list[str]) -> str:
    """Return the same command for a machine without sudo."""
    if os.geteuid() != 0:
        return _SIGN_IN.format(owner=owner)
    known = ["runuser", "-u", owner, "--", *words]
    nameless = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", *words]
    return _WITHOUT.format(command=shlex.join(nameless if owner.startswith("#") else known))


def foreign(data: Path, url: str) -> list[Path]:
    """Return the files of the installation that another user owns; none for root, which may do all."""
    if os.geteuid() == 0:
        return []
    return [path for path in _kept(data, url) if _owner(path) not in (None, os.geteuid())]


def refuse_foreign(data: Path, url: str) -> None:
    """Raise ``OwnerError`` when there is any such file, with the command that mends it."""
    if found := foreign(data, url):
        raise OwnerError(told(found))


def told(found: Iterable[Path]) -> str:
    """Return a sentence with the files and the command."""
    paths = [os.path.abspath(path) for path in found]
    return _FOREIGN.format(paths=", ".join(paths), command=mend(paths))


def mend(paths: Iterable[str]) -> str:
    """Return the command that gives these to this user."""
    return shlex.join(["sudo", "chown", "-R", f"{name_of(os.geteuid()).lstrip('#')}:", *paths])


def name_of(uid: int) -> str:
    """Return the name of a user, as ``sudo -u`` takes it; ``#1234`` where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def typed() -> list[str]:
    """Return the command line of this process."""
    program = sys.argv[0]
    is_module = os.path.basename(program) == "__main__.py"
    return [*([sys.executable, "-m", "campaigns"] if is_module else [program]), *sys.argv[1:]]


def _kept(data: Path, url: str) -> Iterator[Path]:
    """Yield the names that an installation uses; names within a folder only where this user owns the folder."""
    database = sqlite_file.named(url)
    names = [data / FILE, data / SECRETS, data / SENDERS, *(Path(f"{database}{end}") for end in ENDS if database)]
    names += sorted(data.glob(COUNTERS))
    for path in names:
        yield path
        if path.is_dir() and _owner(path) == os.geteuid():
            yield from sorted(path.iterdir())


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None
