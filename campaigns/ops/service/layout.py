"""The places of the files of an installed service, and their content.

Promises: :func:`layout_of` takes values that are set already (the settings, the port in the unit) before answers, and
answers before defaults. So a second run without options gives the same files. Paths and names that a unit or a proxy
could read in another way are refused. Only files are read here. Raises ``SettingsError`` and ``InputError``.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from campaigns.ops.service.texts import filled, sealed
from campaigns.settings.configuration import KINDS
from mailer import files, settings_file
from mailer.errors import Fault, InputError, SettingFault, SettingsFaults
from mailer.messages import Message
from mailer.settings_base import read_all, unknown, variables

USER = "postiljon"
SETTINGS = settings_file.SYSTEM
DATA, BACKUPS = Path("/var/lib/postiljon"), Path("/var/backups/postiljon")
UNITS = Path("/etc/systemd/system")
# Not within /etc/postiljon, which the service's user owns: nginx reads these as root, and they could load code.
PROXIES = Path("/etc/postiljon-proxy")
SERVICE, BACKUP, TIMER = "postiljon.service", "postiljon-backup.service", "postiljon-backup.timer"
PORT = 8000
KEPT = 30  # backups, one each night: without a number the disk would be full one day
_PLAIN = re.compile(r"/[A-Za-z0-9/._@+-]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
_OPTIONAL = {
    "public_url": "https://mail.example.org",
    "smtp_url": "smtp://relay.example.org:587?connections=10",
    "organisation": "My organisation",
    "contact": "info@example.org",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of an administrator; "" or None: not given."""

    organisation: str = ""
    contact: str = ""
    public_url: str = ""
    public_name: str = ""
    smtp_url: str = ""
    smtp_user: str = ""
    smtp_password: str = field(default="", repr=False)
    port: int | None = None

    @property
    def values(self) -> dict[str, str]:
        """The settings among them."""
        url = self.public_url or (f"https://{self.public_name}" if self.public_name else "")
        found = {"public_url": url, "smtp_url": self.smtp_url, "smtp_user": self.smtp_user}
        found |= {"smtp_password": self.smtp_password, "organisation": self.organisation, "contact": self.contact}
        return {key: value.strip() for key, value in found.items() if value.strip()}


@dataclass(frozen=True, slots=True)
class Layout:
    """Program, folders, port and public name of one installation. ``name``: "" where no proxy file can be written."""

    program: Path
    data: Path
    backups: Path
    port: int
    name: str
    values: Mapping[str, Any] = field(repr=False)

    @property
    def missing(self) -> list[str]:
        """The settings without which no reader gets a letter, and nobody can sign up."""
        return [key for key in _OPTIONAL if not self.values.get(key)]

    def units(self) -> dict[Path, str]:
        """Return the files for systemd."""
        apart = () if self.backups.is_relative_to(self.data) else (self.backups,)
        writable = " ".join(map(str, (self.data, *apart)))
        places = {"program": self.program, "settings": SETTINGS, "data": self.data, "writable": writable}
        limits = filled("limits", user=USER)
        return {
            UNITS / SERVICE: sealed(filled(SERVICE, limits=limits, port=self.port, **places)),
            UNITS / BACKUP: sealed(filled(BACKUP, limits=limits, **places)),
            UNITS / TIMER: sealed(filled(TIMER)),
        }

    def proxies(self) -> dict[Path, str]:
        """Return the files for a reverse proxy; none without a public name of its own."""
        if not self.name:
            return {}
        names = ("nginx.conf", "Caddyfile")
        return {PROXIES / name: sealed(filled(name, name=self.name, port=self.port)) for name in names}


def layout_of(program: Path, asked: Asked, root: Path, *, dry: bool) -> Layout:
    """Return the layout. With ``dry``, settings that this user may not read count as none."""
    path = root / SETTINGS.relative_to("/")
    there = os.path.lexists(path) if os.access(path.parent, os.X_OK) else False
    known: Mapping[str, Any] = {}
    if there:
        try:
            known = settings_file.parse(path).values
        except settings_file.SettingsFileError as error:
            if not (dry and error.denied):
                raise
    values = dict(known) if there else {**_places(), **asked.values}
    data = SETTINGS.parent / str(values.get("data") or DATA)
    backups = SETTINGS.parent / str(values.get("backup_to") or data / "backups")
    for each in (program, data, backups):
        _refuse_odd(each)
    port = asked.port or _port_of(root) or PORT
    own = asked.public_name or _public_name(str(values.get("public_url") or ""))
    return Layout(program, data, backups, port, own, values)


def _public_name(address: str) -> str:
    """Return the name to which a proxy answers; "" for an address with a path, a port or numbers.

    The service's user can write any text into the settings, and root's programs read the files of the proxies.
    """
    try:
        url = urlsplit(address)
        whole = url.scheme == "https" and url.path in ("", "/") and url.port in (None, 443)
    except ValueError:
        return ""
    name = url.hostname or ""
    if not whole or not name or ":" in name:
        return ""
    if not _HOST.fullmatch(name):
        said = Message("public_url in {path}: expected the name of a machine in it, such as https://mail.example.org")
        raise InputError(said.format(path=SETTINGS))
    return name


def settings_text(values: Mapping[str, str]) -> str:
    """Return a new file of settings; a setting without a value is a comment that shows its form."""
    wanted = {**_places(), **values}
    lines = ["# The settings of Postiljon. Readable by its user alone: a password may stand in it.\n"]
    lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in wanted.items()]
    lines += [f"# {key} = {json.dumps(value)}\n" for key, value in _OPTIONAL.items() if key not in wanted]
    return "".join(lines)


def _places() -> dict[str, Any]:
    """Return where data and backups are, and how many are kept, as far as these are settings."""
    known = {name for kind in KINDS for name in kind.model_fields}
    wanted = {"data": str(DATA), "backup_to": str(BACKUPS), "backup_keep": KEPT}
    return {key: value for key, value in wanted.items() if key in known}


def without_password(text: str) -> str:
    """Return the text of settings as it may be shown."""
    return re.sub(r"(?m)^(smtp_password = ).*$", r'\1"…"', text)


def check(asked: Asked) -> None:
    """Refuse answers that are no settings, all at once, before anything is made. Raises ``SettingsError``."""
    if "@" in urlsplit(asked.smtp_url).netloc and ":" in urlsplit(asked.smtp_url).netloc.rpartition("@")[0]:
        raise InputError(
            Message(
                "--smtp-url: a password in a command can be read by every user of this machine. Leave it out, and name "
                "it with --smtp-user and --smtp-password-file"
            )
        )
    faults: list[Fault] = []
    with _in_force(settings_text(asked.values)):
        faults += unknown(KINDS, secrets=False)
        for kind in KINDS:
            read_all(kind, faults, data=Path(os.devnull))
    if faults:
        raise SettingsFaults([_of_option(fault) for fault in faults])
    if asked.public_name and not _HOST.fullmatch(asked.public_name):
        raise InputError(Message("--public-name: expected the name of a machine, such as mail.example.org"))


def _of_option(fault: Fault) -> Fault:
    """Return the fault of a temporary file as that of the option."""
    option = "--" + fault.field.removeprefix("POSTILJON_").lower().replace("_", "-")
    return SettingFault("", 0, "", "", _option_words(option, fault), fault.hint)


def _option_words(option: str, fault: Fault) -> str:
    if not fault.found:
        return Message("{option}: {words}", option=option, words=fault.expected)
    return Message("{option}: found {found}; expected {expected}").format(
        option=option, found=fault.found, expected=fault.expected
    )


@contextmanager
def _in_force(text: str) -> Iterator[None]:
    """Use this text as the file of settings inside the block, and no variable of the environment."""
    before = {name: os.environ.pop(name) for name, _value in variables()}
    try:
        with tempfile.TemporaryDirectory() as folder:  # 0700
            path = Path(folder) / SETTINGS.name
            with os.fdopen(files.create(path), "w", encoding="utf-8") as file:
                file.write(text)
            os.environ[settings_file.VARIABLE] = str(path)
            yield
    finally:
        os.environ.pop(settings_file.VARIABLE, None)
        os.environ.update(before)


def _refuse_odd(path: Path) -> None:
    if not _PLAIN.fullmatch(str(path)):
        said = Message(
            "{path}: a unit of systemd takes letters, digits and / . _ @ + - in a path; choose another place"
        )
        raise InputError(said.format(path=path))


def _port_of(root: Path) -> int | None:
    """Return the port of the unit that is there."""
    try:
        text = files.read(root / UNITS.relative_to("/") / SERVICE, 100_000).decode("utf-8", "replace")
    except OSError:
        return None
    found = re.search(r"^ExecStart=.* --port (\d{1,5})(?:\s|$)", text, re.MULTILINE)
    return int(found[1]) if found else None
