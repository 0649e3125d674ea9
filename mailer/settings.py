"""Settings of the sending side: typed, frozen, read once (docs/settings.md).

:mod:`mailer.settings_base` has the sources of the values and the reporting of faults. Raises ``SettingsError`` (through
:func:`read`), which names the setting, the value found and the value expected, and never prints a secret.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote

from pydantic import BeforeValidator, Field, SecretBytes, SecretStr, ValidationInfo
from pydantic_settings import NoDecode

from mailer import files, hostname
from mailer.address import parse
from mailer.errors import AddressError, SettingsError
from mailer.messages import Message
from mailer.settings_base import HouseSettings, read

__all__ = [
    "LOOPBACK",
    "SMTPS",
    "HouseSettings",
    "InDoubt",
    "MailerSettings",
    "Relay",
    "Tls",
    "duration",
    "parse_duration",
    "parse_relay",
    "parse_secret",
    "read",
]

Tls = Literal["implicit", "starttls", "opportunistic", "none"]
InDoubt = Literal["hold", "send_again"]
_TLS_MODES = ("implicit", "starttls", "opportunistic", "none")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SMTPS = 465
# user and password in the relay's address: any character but a delimiter, and % with two digits (RFC 3986 section 2.1)
_LOGIN = re.compile(r"(?:[^\s/?#\[\]%]|%[0-9A-Fa-f]{2})*")
_PLACE = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\s/?#\[\]%:@]+))(?::(?P<port>[0-9]{1,9}))?/?(?:\?(?P<options>[^\s#]*))?"
)
_EXPECTED = Message(
    "expected smtp://host:port?connections=10&window=40&tls=starttls. A user and password in it (user:password@host) "
    "have to be percent-encoded: % as %25, / as %2F, ? as %3F, # as %23, [ as %5B, ] as %5D, @ as %40, : as %3A. "
    "POSTILJON_SMTP_USER and POSTILJON_SMTP_PASSWORD take them as they are"
)
_LONGEST_SPAN = 36_500 * 86_400  # seconds
_MOST = 1_000_000_000  # the highest value of a rate
_LONGEST_PASSWORD, _LONGEST_KEY = 10_000, 100_000  # bytes of the files that hold them
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Relay:
    """The SMTP server that accepts our mail; ``connections`` and ``window`` are limits per sender."""

    host: str = "127.0.0.1"
    port: int = 25
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Tls = "opportunistic"
    connections: int = 10
    window: int = 40

    @property
    def name(self) -> str:
        """``host:port``, which may be shown and logged."""
        return f"{self.host}:{self.port}"


def parse_relay(url: str, user: str = "", password: str = "") -> Relay:
    """Parse ``smtp://user:password@host:port?connections=10&window=40&tls=…`` as a :class:`Relay`.

    ``user`` and ``password`` come from separate settings. Default TLS: ``implicit`` on port 465, which starts with TLS;
    else ``starttls`` with verification, on loopback ``opportunistic``. All text before the last ``@`` may be secret
    (RFC 3986 section 3.2.1), so an error message about it repeats none of it. Raises ``ValueError``.
    """
    scheme, _, rest = url.strip().partition("://")
    login, at, place = rest.rpartition("@")
    match = _PLACE.fullmatch(place)
    if scheme not in ("smtp", "smtps") or match is None or not _LOGIN.fullmatch(login):
        raise ValueError(_EXPECTED)
    if at and (user or password):
        raise ValueError("it has a user of its own; leave that out beside POSTILJON_SMTP_USER and _SMTP_PASSWORD")
    if at:
        user, password = (unquote(part) for part in _split(login))
    host, port = _host(match["six"] or match["host"]), int(match["port"] or 0)
    if match["port"] and not 1 <= port <= 65535:
        raise ValueError(Message("the port is not a number from 1 to 65535"))
    options = dict(parse_qsl(match["options"] or "", keep_blank_values=True))
    unknown = set(options) - {"connections", "window", "tls"}
    if unknown:
        raise ValueError(f"unknown option {', '.join(sorted(unknown))}; expected connections, window or tls")
    connections = _count(options, "connections", 10)
    window = _count(options, "window", 4 * connections)
    tls = options.get("tls", "implicit" if scheme == "smtps" or port == SMTPS else _default_tls(host))
    if tls not in _TLS_MODES:
        raise ValueError(f"tls={tls}: expected one of {', '.join(_TLS_MODES)}")
    if tls == "none" and password:
        raise ValueError("tls=none would send the password in the clear; use starttls or implicit")
    port = port or {"implicit": SMTPS}.get(tls, 587 if user else 25)
    return Relay(host, port, user, password, tls, connections, window)


def _host(text: str) -> str:
    """Return the host in its DNS form. An invalid one is not repeated, since it might be the rest of a password."""
    try:
        return hostname.looked_up(text)
    except ValueError:
        raise ValueError(
            Message("the host in it is not the name of a machine; expected one such as relay.example.org")
        ) from None


def _split(login: str) -> tuple[str, str]:
    user, _, password = login.partition(":")
    return user, password


def _default_tls(host: str) -> str:
    return "opportunistic" if host in LOOPBACK else "starttls"


def parse_duration(text: str) -> timedelta:
    """Parse a time span such as ``30m``, ``6h``, ``4d`` or ``90s``. Raises ``ValueError``."""
    match = re.fullmatch(r"\s*([0-9]+)\s*([smhd])\s*", text)
    if not match:
        said = Message("{text} is not a duration; expected a number and s, m, h or d, such as 30m")
        raise ValueError(said.format(text=repr(text[:40])))
    if len(match[1]) > 9 or (seconds := int(match[1]) * _UNITS[match[2]]) > _LONGEST_SPAN:
        raise ValueError(Message("{text} is longer than a hundred years", text=repr(text[:40])))
    return timedelta(seconds=seconds)


def parse_secret(text: str) -> bytes:
    """Decode base64url of 32 bytes, padding optional. Raises ``ValueError`` that does not repeat the secret."""
    try:
        secret = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is not base64url; 'postiljon init' makes one") from None
    if len(secret) != 32:
        raise ValueError(f"a secret has {len(secret)} bytes; expected base64url of 32")
    return secret


def _count(options: dict[str, str], name: str, default: int) -> int:
    text = options.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:
        raise ValueError(f"{name}={text}: expected a whole number from 1 to 10000")
    return int(text)


def _relay(value: Any, known: ValidationInfo) -> Any:
    """Return the relay, with user and password from their separate settings, which were read before it."""
    user: str = known.data.get("smtp_user", "")
    given = [known.data.get(name) for name in ("smtp_password", "smtp_password_file")]
    passwords = [secret.get_secret_value() for secret in given if secret and secret.get_secret_value()]
    if isinstance(value, Relay):
        return value
    if not isinstance(value, str):
        raise ValueError(_EXPECTED)
    if len(passwords) > 1:
        raise ValueError("POSTILJON_SMTP_PASSWORD and POSTILJON_SMTP_PASSWORD_FILE are both set; one is enough")
    if passwords and not user:
        raise ValueError("POSTILJON_SMTP_PASSWORD is set, and POSTILJON_SMTP_USER is not")
    return parse_relay(value, user, *passwords)


def _password_in(value: Any) -> Any:
    """Return the one line of a password file.

    No error message repeats the file's name: it might be the password, put into the wrong setting.
    """
    if not isinstance(value, str) or not value:
        return value
    try:
        text = files.read(Path(value), _LONGEST_PASSWORD).decode()
    except UnicodeDecodeError:
        raise ValueError("the file with the password is not text in UTF-8") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "that is not the name of a file"
        raise ValueError(f"the file with the password cannot be read: {why}") from None
    password = text.removesuffix("\n").removesuffix("\r")
    if not password or "\n" in password:
        raise ValueError("expected a file with one line: the password")
    return password


def _durations(value: Any) -> Any:
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, list):
        if not items or any(not isinstance(item, str) for item in items):
            raise ValueError(Message('expected a duration or several, such as "30m,1h"'))
        return tuple(parse_duration(item) for item in items)
    return items


def duration(value: Any) -> Any:
    """Read a setting that is a time span, for pydantic. Raises ``ValueError`` as :func:`parse_duration`."""
    return parse_duration(value) if isinstance(value, str) else value


def _secrets(value: Any) -> Any:
    items = value.split(",") if isinstance(value, str) else value
    if isinstance(items, list) and any(not isinstance(item, str) for item in items):
        raise ValueError(Message("expected secrets as text, with commas between them"))
    return tuple(SecretBytes(parse_secret(item)) if isinstance(item, str) else item for item in items)


def _secret(value: Any) -> Any:
    return SecretBytes(parse_secret(value)) if isinstance(value, str) else value


def _return_path(value: Any) -> Any:
    if isinstance(value, str) and value:
        try:
            parsed = parse(value)
        except AddressError as error:
            raise ValueError(str(error)) from error
        if len(parsed.local) > 18:
            raise ValueError("the part before @ must be 18 characters or shorter: a token of 45 is added to it")
        if parsed.needs_smtputf8:
            raise ValueError(
                f"{value!r} has letters before @ that many mail servers cannot carry; expected plain letters"
            )
    return value


class MailerSettings(HouseSettings):
    """The settings of the sending side. Every limit is off (``None``) unless set."""

    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_password_file: Annotated[SecretStr, NoDecode, BeforeValidator(_password_in)] = SecretStr("")  # its content
    smtp_url: Annotated[Relay, NoDecode, BeforeValidator(_relay)] = Field("smtp://127.0.0.1", validate_default=True)
    return_path: Annotated[str, BeforeValidator(_return_path)] = ""
    retry: Annotated[tuple[timedelta, ...], NoDecode, BeforeValidator(_durations)] = tuple(
        timedelta(minutes=minutes) for minutes in (30, 60, 180, 360, 720)
    )
    give_up: Annotated[timedelta, NoDecode, BeforeValidator(duration)] = timedelta(days=4)
    in_doubt: InDoubt = "hold"
    rate: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    domain_rate: Annotated[int, Field(ge=1, le=_MOST)] | None = None
    dkim_key: Path | None = None
    dkim_selector: str = ""
    dkim_domain: str = ""
    secret_keys: Annotated[tuple[SecretBytes, ...], NoDecode, BeforeValidator(_secrets)] = ()
    pepper: Annotated[SecretBytes | None, NoDecode, BeforeValidator(_secret)] = None

    def dkim_pem(self) -> bytes | None:
        """Return the private key in the file of POSTILJON_DKIM_KEY; ``None`` if letters are not signed here.

        Raises ``SettingsError`` when the file cannot be read, or when the key, the selector or the domain is missing.
        """
        given = {"KEY": self.dkim_key, "SELECTOR": self.dkim_selector, "DOMAIN": self.dkim_domain}
        missing = [f"POSTILJON_DKIM_{name}" for name, value in given.items() if not value]
        if 0 < len(missing) < len(given):
            words = Message(
                "POSTILJON_DKIM_KEY, POSTILJON_DKIM_SELECTOR and POSTILJON_DKIM_DOMAIN go together; not set: {names}"
            )
            raise SettingsError(words.format(names=", ".join(missing)))
        if self.dkim_key is None:
            return None
        try:
            return files.read(self.dkim_key, _LONGEST_KEY)
        except OSError as error:
            words = Message("POSTILJON_DKIM_KEY: {path} cannot be read: {why}")
            raise SettingsError(words.format(path=self.dkim_key, why=error.strerror)) from None
