"""``service install`` and ``service uninstall``: the user, the folders, the settings, the units and the proxy's files.

Promises: an obstacle to the start of the service is refused before any file is made (:func:`install`); the user may be
there by then. A run that was interrupted is completed by the next; one that finds all in place changes nothing. The
settings are never overwritten. ``init`` runs as the service's user. :func:`uninstall` removes the files that other
programs read, and leaves data, settings, secrets, backups and user. systemd is asked only where it runs. Raises
``InputError`` and ``SettingsError``.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from campaigns.ops.service.host import Host, Owner, Step
from campaigns.ops.service.layout import (
    BACKUP,
    BACKUPS,
    DATA,
    PROXIES,
    SERVICE,
    SETTINGS,
    TIMER,
    UNITS,
    USER,
    Asked,
    Layout,
    check,
    layout_of,
    settings_text,
    without_password,
)
from campaigns.settings.ownership import name_of
from mailer.errors import InputError, PostiljonError
from mailer.messages import Message

_HIDDEN = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 - a service sees none of these
_SOFT = stat.S_IXOTH
NO_SYSTEMD = Message("systemd does not run here")
OTHER_ROOT = Message("that is for the machine itself")


@dataclass(frozen=True, slots=True)
class Report:
    """The steps of a run, or of a dry one, the settings still missing, and an obstacle to its start.

    ``in_clear``: no passphrase for backups is set.
    """

    steps: tuple[Step, ...]
    missing: tuple[str, ...] = ()
    obstacle: str = ""
    in_clear: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the same as a JSON object."""
        return {
            "steps": [asdict(step) for step in self.steps],
            "missing": list(self.missing),
            "obstacle": self.obstacle or None,
            "backups_in_clear": self.in_clear,
        }


def has_settings(root: Path) -> bool:
    """Return whether the file of settings is there already."""
    return os.path.lexists(root / SETTINGS.relative_to("/"))


def install(prefix: Path, asked: Asked, host: Host) -> Report:
    """Install the service of the program in ``prefix/bin``."""
    _refuse_others(host)
    check(asked)
    layout = layout_of(prefix / "bin" / "postiljon", asked, host.root, dry=host.dry)
    obstacle = _obstacle(layout.program) if host.is_here else ""
    if obstacle and not host.dry:
        raise InputError(obstacle)
    owner = _user(host)
    _refuse_foreign(host, layout, owner)
    for folder in _folders(layout):
        host.folder(folder, owner)
    text = settings_text(asked.values)
    host.private(SETTINGS, text, owner, without_password(text))
    _init(host, layout, owner)
    units = [host.public(path, content) for path, content in layout.units().items()]
    if layout.proxies():
        host.folder(PROXIES, None, 0o755)
    for path, content in layout.proxies().items():
        host.public(path, content)
    _start(host, units, may_start="public_url" not in layout.missing)
    in_clear = not layout.values.get("backup_passphrase_file")
    return Report(tuple(host.steps), tuple(layout.missing), obstacle, in_clear)


def uninstall(host: Host) -> Report:
    """Remove the units and the proxy's files."""
    _refuse_others(host)
    names = [name for name in (SERVICE, TIMER) if host.at(UNITS / name).exists()]
    if names and host.has_systemd:
        host.run("systemctl", "disable", "--now", *names)
    removed = [host.remove(UNITS / name) for name in (SERVICE, BACKUP, TIMER)]
    for wants in ("multi-user.target.wants", "timers.target.wants"):
        for name in (SERVICE, TIMER):
            link = host.at(UNITS / wants / name)
            if link.is_symlink() and not host.dry:
                link.unlink()
    if any(removed) and host.has_systemd:
        host.run("systemctl", "daemon-reload")
    for name in ("nginx.conf", "Caddyfile"):
        host.remove(PROXIES / name)
    folder = host.at(PROXIES)
    if folder.is_dir() and not host.dry and not any(folder.iterdir()):
        folder.rmdir()
    return Report(tuple(host.steps))


def remains(host: Host) -> list[str]:
    """Return the commands that would remove the remains of an installation."""
    paths = [SETTINGS.parent, DATA, BACKUPS]
    with suppress(PostiljonError):  # settings that cannot be read: the usual places
        layout = layout_of(Path("/"), Asked(), host.root, dry=True)
        paths = [SETTINGS.parent, layout.data, layout.backups]
    outer = [path for path in paths if not any(path != other and path.is_relative_to(other) for other in paths)]
    found = [str(path) for path in dict.fromkeys(outer) if os.path.lexists(host.at(path))]
    commands = [f"rm -r {' '.join(found)}"] if found else []
    return [*commands, f"userdel {USER}"] if host.owner(USER) else commands


def _refuse_others(host: Host) -> None:
    if os.geteuid() != 0 and not host.dry:
        said = Message("This command changes the system, so only root may run it: sudo {command}. Nothing was done")
        raise InputError(said.format(command=" ".join([sys.argv[0], "service", "…"])))
    if not host.is_here and not host.at(Path("/etc/passwd")).is_file():
        raise InputError(Message("{root} is not the root of a system: it has no etc/passwd").format(root=host.root))


def _user(host: Host) -> Owner | None:
    """Return the service's user; make user and group where they are missing (None: a dry run would)."""
    owner = host.owner(USER)
    if owner:
        host.told(Step("user", USER, "same"))
        return owner
    where = () if host.is_here else ("--prefix", str(host.root))
    home = ("--home-dir", str(DATA), "--no-create-home", "--shell", "/usr/sbin/nologin")
    group = ("--gid", USER) if host.has_group(USER) else ("--user-group",)
    host.run("useradd", *where, "--system", *group, *home, USER)
    return host.owner(USER)


def _folders(layout: Layout) -> tuple[Path, ...]:
    """Return the folders that have to be there; backups within the data are in a folder that a backup makes."""
    apart = () if layout.backups.is_relative_to(layout.data) else (layout.backups,)
    return tuple(dict.fromkeys((SETTINGS.parent, layout.data, *apart)))


def _refuse_foreign(host: Host, layout: Layout, owner: Owner | None) -> None:
    """Refuse folders of another user, and missing ones that are not the usual.

    The service's user can write any path into the settings; root makes none of these.
    """
    for path in _folders(layout):
        place = host.at(path)
        if not os.path.exists(place):
            if path not in (DATA, BACKUPS, SETTINGS.parent):
                command = f"install -d -o {USER} -g {USER} -m 700 {place}"
                said = Message("{path} is named in {settings}, and is not there. Make it with:\n   {command}")
                raise InputError(said.format(path=path, settings=SETTINGS, command=command))
            continue
        found = place.stat().st_uid
        if owner is None or found != owner.uid:
            said = Message(
                "{path} belongs to the user {owner}, and the service runs as {user}. Give it over with:\n   {command}"
            )
            command = f"chown -R {USER}: {place}"
            raise InputError(said.format(path=path, owner=name_of(found), user=USER, command=command))


def _init(host: Host, layout: Layout, owner: Owner | None) -> None:
    """Make database and secrets, unless there is a schema: migrating is up to ``upgrade``, which takes a backup first.

    The service's user looks at the database, with the program that is installed: it is not root's to open.
    """
    words = (str(layout.program), "--config", str(SETTINGS), "init")
    if host.dry or not host.is_here:
        has_secrets = "secret_keys" in layout.values or (host.at(layout.data) / "secrets.toml").exists()
        if not has_secrets and host.is_here:
            host.run(*words, user=owner or Owner(-1, -1), cwd=layout.data)
        elif not has_secrets:
            host.left("runuser", "-u", USER, "--", *words, why=OTHER_ROOT)
        return
    user = owner or Owner(-1, -1)
    python = str(layout.program.with_name("python"))
    found = host.ask(python, "-m", "campaigns.ops.first_start", str(SETTINGS), user=user, cwd=layout.data)
    if found == "new":
        host.run(*words, user=user, cwd=layout.data)


def _start(host: Host, units: list[Step], *, may_start: bool) -> None:
    changed = [Path(unit.name).name for unit in units if unit.outcome in ("made", "replaced")]
    commands: list[tuple[str, ...]] = [("systemctl", "daemon-reload")] if changed else []
    now = ("--now",) if may_start else ()
    commands.append(("systemctl", "enable", *now, SERVICE))
    commands.append(("systemctl", "enable", "--now", TIMER))
    if units[0].outcome == "replaced" and may_start:
        commands.append(("systemctl", "restart", SERVICE))
    for words in commands:
        if host.has_systemd:
            host.run(*words)
        else:
            host.left(*words, why=NO_SYSTEMD if host.is_here else OTHER_ROOT)


def _obstacle(program: Path) -> str:
    """Return why the service's user could not run the program; "" if it can."""
    if not program.is_file():
        said = Message("{path} is not there: name the virtual environment of Postiljon with --prefix")
        return said.format(path=program)
    for path in dict.fromkeys((program, program.with_name("python"), program.with_name("python").resolve())):
        why = _unreachable(path)
        if why:
            return why
    return ""


def _unreachable(path: Path) -> str:
    for folder in _HIDDEN:
        if path.is_relative_to(folder):
            said = Message(
                "{path} is in {folder}, which a service does not see. Install Postiljon in a place for all, such as "
                "/opt/postiljon, with the Python of the system"
            )
            return said.format(path=path, folder=folder)
    for each in _steps_to(path):
        try:
            allowed = each.stat().st_mode & _SOFT
        except OSError:
            allowed = 0
        if not allowed:
            said = Message("{path}: other users may not read or enter it, so the service cannot run the program there")
            return said.format(path=each)
    return ""


def _steps_to(path: Path) -> Iterator[Path]:
    yield from reversed(path.parents)
    yield path
