"""The machine on which the service is installed: its folders, files, user and commands, each changed at most once.

Promises: a part that is as wanted is left alone, and each step is told with its outcome. A *dry* host changes nothing.
Files that root or another program reads (units, blocks of a proxy) are root's, appear whole, and never replace one that
an administrator changed. A folder or file gets another owner only when it was created here, by its descriptor. The
folders above it are root's, and none is a link: so no link of another user leads root elsewhere. Raises ``InputError``
and ``OSError``.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import secrets
import shlex
import shutil
import stat
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from campaigns.ops.service.texts import is_unchanged
from mailer import files
from mailer.errors import InputError
from mailer.messages import Message

Kind = Literal["user", "folder", "file", "command"]
Outcome = Literal["made", "same", "kept", "replaced", "beside", "removed", "saved", "done", "left"]
NEW, SAVED = ".new", ".saved"
SYSTEMD = Path("/run/systemd/system")  # there while systemd runs as the first process (sd_booted)
_PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LONGEST = 1_000_000
_PUBLIC, _OPEN = 0o644, 0o755
_AS_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_PLACE = Message("{path} is not made here, since {parent} is a link, or belongs to another user than root")


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the machine, its outcome (in a dry run, the one to come), and the content of a file."""

    kind: Kind
    name: str
    outcome: Outcome
    content: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """The user of the service, by numbers."""

    uid: int
    gid: int


class Host:
    """A machine, or the tree of one below ``root``. ``steps``: what was done, in order."""

    def __init__(self, root: Path = Path("/"), *, dry: bool = False) -> None:
        self.root, self.dry = root, dry
        self.steps: list[Step] = []

    @property
    def is_here(self) -> bool:
        """Tell whether this is the machine on which we run."""
        return self.root == Path("/")

    @property
    def has_systemd(self) -> bool:
        """Tell whether systemd runs here."""
        return self.is_here and SYSTEMD.is_dir()

    def at(self, path: Path) -> Path:
        """Return where a path of that machine is for us."""
        return self.root / path.relative_to("/")

    def told(self, step: Step) -> Step:
        """Note a step."""
        self.steps.append(step)
        return step

    def owner(self, user: str) -> Owner | None:
        """Return the numbers of a user; None if there is no such user."""
        if self.is_here:
            with suppress(KeyError):
                found = pwd.getpwnam(user)
                return Owner(found.pw_uid, found.pw_gid)
            return None
        rows = self._rows("/etc/passwd")
        return next((Owner(int(row[2]), int(row[3])) for row in rows if row[0] == user and len(row) > 3), None)

    def has_group(self, name: str) -> bool:
        """Return whether there is a group of that name."""
        if self.is_here:
            with suppress(KeyError):
                return bool(grp.getgrnam(name))
            return False
        return any(row[0] == name for row in self._rows("/etc/group"))

    def _rows(self, path: str) -> list[list[str]]:
        """Return the rows of a file of users or groups."""
        text = files.read(self.at(Path(path)), _LONGEST).decode("utf-8", "replace")
        return [line.split(":") for line in text.splitlines()]

    def folder(self, path: Path, owner: Owner | None, mode: int = files.FOLDER) -> Step:
        """Make a folder of that owner (None: of this user), and its parents as root's.

        One that is there and belongs to the owner loses the rights of others. Raises ``InputError`` where a parent is a
        link or belongs to another user.
        """
        place = self.at(path)
        if os.path.lexists(place):
            return self.told(Step("folder", str(path), "replaced" if self._tightened(place, owner) else "same"))
        if not self.dry:
            parent = _open_parent(self.root, path)
            try:
                _make_folder(parent, path.name, owner, mode)
            finally:
                os.close(parent)
        return self.told(Step("folder", str(path), "made"))

    def _tightened(self, place: Path, owner: Owner | None) -> bool:
        """Take the rights of others on a folder of the service; return whether there were any."""
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:  # a link of the administrator's, or not ours to look at
            return False
        try:
            found = os.fstat(descriptor)
            loose = owner is not None and found.st_uid == owner.uid and bool(found.st_mode & files.OTHERS)
            if loose and not self.dry:
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~files.OTHERS)
            return loose
        finally:
            os.close(descriptor)

    def private(self, path: Path, text: str, owner: Owner | None, shown: str) -> Step:
        """Make a file for its owner alone (0600), whole; one that is there is kept as it is.

        Drafts that a killed run has left, with the password in them, are removed.
        """
        place = self.at(path)
        if not self.dry:
            _remove_drafts(place.parent, re.compile(rf"\.{re.escape(place.name)}\.[0-9a-f]{{16}}"))
        if os.access(place.parent, os.X_OK) and os.path.lexists(place):
            return self.told(Step("file", str(path), "kept"))
        if not self.dry:
            folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                _link(folder, place.name, text, owner)
            finally:
                os.close(folder)
        return self.told(Step("file", str(path), "made", shown))

    def public(self, path: Path, text: str) -> Step:
        """Write a file that root and other programs read; a changed one is kept, and the new text is put beside it."""
        place, beside = self.at(path), self.at(path.with_name(path.name + NEW))
        if place.parent.is_dir() and not self.dry:
            _remove_drafts(place.parent, files.DRAFT)
        found, offered = _text(place), _text(beside)
        if found == text:
            if offered and is_unchanged(offered) and not self.dry:
                beside.unlink()
            return self.told(Step("file", str(path), "same", text))
        if found is None or is_unchanged(found):
            self._write(place, text)
            return self.told(Step("file", str(path), "made" if found is None else "replaced", text))
        if offered != text:
            self._write(beside, text)
        return self.told(Step("file", str(path), "kept" if offered == text else "beside", text))

    def _write(self, place: Path, text: str) -> None:
        if self.dry:
            return
        place.parent.mkdir(_OPEN, parents=True, exist_ok=True)
        with files.replaced(place) as file:
            file.write(text.encode())
            os.fchmod(file.fileno(), _PUBLIC)

    def remove(self, path: Path) -> Step | None:
        """Remove a file as we wrote it; one that was changed is renamed. None if there was none."""
        place, beside = self.at(path), self.at(path.with_name(path.name + NEW))
        offered = _text(beside)
        if offered is not None and is_unchanged(offered) and not self.dry:
            beside.unlink()
        found = _text(place)
        if found is None:
            return None
        if is_unchanged(found):
            if not self.dry:
                place.unlink()
            return self.told(Step("file", str(path), "removed"))
        if not self.dry:
            place.replace(place.with_name(place.name + SAVED))
        return self.told(Step("file", str(path), "saved", why=str(path.with_name(path.name + SAVED))))

    def run(self, *words: str, user: Owner | None = None, cwd: Path | None = None) -> Step:
        """Run a command of the system; ``user``: as that user, with nothing of this one's groups or environment.

        Raises ``InputError`` with the command's own words when it fails.
        """
        shown = shlex.join(words if user is None else ["runuser", "-u", "postiljon", "--", *words])
        if not self.dry:
            _run(words, shown, user, cwd)
        return self.told(Step("command", shown, "done"))

    def ask(self, *words: str, user: Owner, cwd: Path) -> str:
        """Return what a command prints that changes nothing, run as that user. Raises ``InputError`` when it fails."""
        return _run(words, shlex.join(["runuser", "-u", "postiljon", "--", *words]), user, cwd).strip()

    def left(self, *words: str, why: str) -> Step:
        """Note a command that is left to a person."""
        return self.told(Step("command", shlex.join(words), "left", why=why))


def _run(words: Sequence[str], shown: str, user: Owner | None, cwd: Path | None) -> str:
    program = shutil.which(words[0], path=os.pathsep.join((os.environ.get("PATH", ""), _PATHS)))
    if program is None:
        said = Message("{program} is not on this machine, and is needed for: {command}")
        raise InputError(said.format(program=words[0], command=shown))
    env = {"PATH": _PATHS} | {
        name: os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if name in os.environ
    }
    as_user: dict[str, Any] = {}
    if user is not None:
        as_user = {"user": user.uid, "group": user.gid, "extra_groups": [], "umask": files.OTHERS, "cwd": cwd}
    given, nothing = [program, *words[1:]], subprocess.DEVNULL
    done = subprocess.run(given, env=env, stdin=nothing, capture_output=True, text=True, check=False, **as_user)  # noqa: S603 - our own words
    if done.returncode:
        words_of = (done.stderr.strip() or done.stdout.strip() or str(done.returncode))[-2_000:]
        raise InputError(Message("'{command}' failed: {words}").format(command=shown, words=words_of))
    return str(done.stdout)


def _open_parent(root: Path, path: Path) -> int:
    """Open the folder that is to have this path in it, and make it where it is missing: from ``root``, name by name."""
    here = os.open(root, _AS_FOLDER & ~os.O_NOFOLLOW)
    at = Path("/")
    for name in path.parent.relative_to("/").parts:
        at /= name
        try:
            with suppress(FileExistsError):
                os.mkdir(name, _OPEN, dir_fd=here)
                os.chmod(name, _OPEN, dir_fd=here)
            below = os.open(name, _AS_FOLDER, dir_fd=here)
        except NotADirectoryError:
            raise InputError(_NO_PLACE.format(path=path, parent=at)) from None
        finally:
            os.close(here)
        here = below
        if os.fstat(here).st_uid != os.geteuid():
            os.close(here)
            raise InputError(_NO_PLACE.format(path=path, parent=at))
    return here


def _make_folder(parent: int, name: str, owner: Owner | None, mode: int) -> None:
    """Make a folder that has its name only when it has its owner: a run that is killed leaves none of root's there."""
    draft = f".{name}.{secrets.token_hex(8)}"
    os.mkdir(draft, files.FOLDER, dir_fd=parent)
    descriptor = os.open(draft, _AS_FOLDER, dir_fd=parent)
    try:
        os.fchmod(descriptor, mode)
        if owner:
            os.fchown(descriptor, owner.uid, owner.gid)
        os.rename(draft, name, src_dir_fd=parent, dst_dir_fd=parent)
    finally:
        os.close(descriptor)


def _remove_drafts(folder: Path, draft: re.Pattern[str]) -> None:
    """Remove the drafts in a folder that killed runs left."""
    opened = os.open(folder, _AS_FOLDER)
    try:
        for name in os.listdir(opened):
            if draft.fullmatch(name):
                os.unlink(name, dir_fd=opened)
    finally:
        os.close(opened)


def _link(folder: int, name: str, text: str, owner: Owner | None) -> None:
    """Create a file in a folder, whole, and never over another or through a link."""
    draft = f".{name}.{secrets.token_hex(8)}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, files.FILE, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, files.FILE)
            if owner:
                os.fchown(descriptor, owner.uid, owner.gid)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.link(draft, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    finally:
        os.unlink(draft, dir_fd=folder)


def _text(place: Path) -> str | None:
    """Return the text of a file; None if there is none."""
    try:
        return files.read(place, _LONGEST).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
