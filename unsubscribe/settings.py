"""Settings of the reader's side: typed, frozen, read once (docs/settings.md).

Raises ``SettingsError`` (through ``mailer.settings.read``) when the public address is not https and not loopback,
because links in sent letters can no longer be changed. On loopback plain http is accepted;
``campaigns.lifecycle.reachability`` states the consequences for letters.
"""

from __future__ import annotations

import re
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Annotated, Any
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from mailer import hostname
from mailer.address import parse
from mailer.errors import AddressError
from mailer.messages import Message
from mailer.reach import reach
from mailer.settings import HouseSettings, duration

LEAST_TOKEN = 16
_SHOWN = 80
_IN_PATH = "!$&'()*+,;=:@~-._"  # besides letters and digits, characters kept in a path (RFC 3986 section 3.3)
_WITHOUT_USER = re.compile(r"://.*@", re.DOTALL)  # a URL may hold a password here
_PLAIN = Message("expected https: mailbox providers knock on no other door (RFC 8058), and readers' data pass")
_TOO_LONG = Message("more than {days} days; the link that keeps the old address would end before it")
_NO_NETWORK = Message("{value} is not an IP address or a network, such as 127.0.0.1, ::1 or 172.18.0.0/16")
_HOST_BITS = Message("{value} is an address within a network; did you mean {network}, or the address alone?")
_NOT_BARE = Message(
    "{value} is more than one bare address; expected one, such as info@example.org (the name belongs into "
    "POSTILJON_ORGANISATION)"
)
_NOT_PLAIN = Message(
    "{value} has letters before @ that many mail servers cannot carry; expected an address in plain letters, such as "
    "info@example.org"
)
_WEAK_TOKEN = Message("expected at least {number} signs of ASCII, such as 'openssl rand -hex 16' gives")
LONGEST_NAME = 100
MOST_DAYS = 36_500
LONGEST_WAIT = timedelta(days=30)
COUNTED_TOGETHER = (
    "PROMETHEUS_MULTIPROC_DIR"  # the folder where web processes count; prometheus_client reads it on import
)


def web_address(value: Any) -> Any:
    """Return a URL as a letter may contain it: host in A-labels, path percent-encoded, no superfluous slash."""
    if not isinstance(value, str):
        return value
    wrong = Message(
        "{address} is not an address; expected https://mail.example.org",
        address=repr(_WITHOUT_USER.sub("://…@", value)[:_SHOWN]),
    )
    try:
        parts = urlsplit(value.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\\]", value.strip()):
        raise ValueError(wrong)
    if ":" in host and not parts.netloc.rpartition("@")[2].startswith("["):
        raise ValueError(wrong)
    if parts.query or parts.fragment or parts.username is not None or parts.password is not None:
        raise ValueError(Message("expected only https://, a host name and perhaps a path"))
    if parts.scheme == "http" and reach(host) != "here":
        raise ValueError(_PLAIN)
    host = hostname.looked_up(host)
    pieces = [piece for piece in parts.path.split("/") if piece]
    if any(unquote(piece) in (".", "..") or "/" in unquote(piece) for piece in pieces):
        raise ValueError(Message("expected a path without . and .. in it"))
    place = f"[{host}]" if ":" in host else host
    path = "".join(f"/{quote(unquote(piece), safe=_IN_PATH)}" for piece in pieces)
    return f"{parts.scheme}://{place}{'' if port is None else f':{port}'}{path}"


def _words(value: Any) -> Any:
    return tuple(word for word in value.replace(",", " ").split() if word) if isinstance(value, str) else value


def _wait(value: timedelta) -> timedelta:
    if value > LONGEST_WAIT:
        raise ValueError(_TOO_LONG.format(days=LONGEST_WAIT.days))
    return value


def _addresses(value: Any) -> Any:
    return frozenset(_address(str(word)) for word in _words(value)) if isinstance(value, str | list) else value


def _address(text: str) -> str:
    try:
        return str(ip_network(text) if "/" in text else ip_address(text))
    except ValueError:
        meant = _network_of(text)
        words = _HOST_BITS.format(value=repr(text), network=meant) if meant else _NO_NETWORK.format(value=repr(text))
        raise ValueError(words) from None


def _network_of(text: str) -> str:
    """Return the network of an address with a prefix length; "" for any other text."""
    try:
        return str(ip_network(text, strict=False)) if "/" in text else ""
    except ValueError:
        return ""


def _zone(value: Any) -> Any:
    try:
        return ZoneInfo(value).key if isinstance(value, str) else value
    except (KeyError, ValueError, OSError):  # an unknown zone, not a zone name, a folder
        raise ValueError(Message("{value} is not a time zone, such as Europe/Amsterdam", value=repr(value))) from None


def _contact(value: Any) -> Any:
    """Return a From address: a single bare address that every relay can carry. Empty: none yet."""
    if not isinstance(value, str) or not value.strip():
        return value
    if re.search(r"[,;<>\s]", value.strip()):
        raise ValueError(_NOT_BARE.format(value=repr(value)))
    try:
        address = parse(value)
    except AddressError as error:
        raise ValueError(str(error)) from None
    if address.needs_smtputf8:
        raise ValueError(_NOT_PLAIN.format(value=repr(value)))
    return str(address)


def _organisation(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    name = re.sub(r" +", " ", value.strip())
    if not name.isprintable() or len(name) > LONGEST_NAME:
        raise ValueError(Message("expected a name on one line, with {number} signs at most", number=LONGEST_NAME))
    return name


def _token(value: Any) -> Any:
    if (
        isinstance(value, str)
        and value
        and (len(value) < LEAST_TOKEN or not value.isascii() or not value.isprintable())
    ):
        raise ValueError(_WEAK_TOKEN.format(number=LEAST_TOKEN))
    return value


class ReaderSettings(HouseSettings):
    """The settings of the reader's side.

    ``organisation`` and ``contact``: the sender of the mail and the address that service letters come from and pages
    show. Without ``contact`` signing up is closed. ``timezone``: the zone in which *pause until Friday* begins and
    ends. ``trusted_proxies``: proxies whose headers about the client are believed (addresses, networks).
    ``metrics_token``: gives access to ``/metrics`` from anywhere. ``deliveries_days``: how long finished deliveries
    keep addresses (0: for ever).
    """

    public_url: Annotated[str, BeforeValidator(web_address)] = "http://127.0.0.1:8000"
    organisation: Annotated[str, BeforeValidator(_organisation)] = ""
    contact: Annotated[str, BeforeValidator(_contact)] = ""
    open_fields: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_words)] = ()
    opt_out_mail: bool = False
    pending_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 14
    deliveries_days: Annotated[int, Field(ge=0, le=MOST_DAYS)] = 395
    address_change_wait: Annotated[timedelta, NoDecode, BeforeValidator(duration), AfterValidator(_wait)] = timedelta(
        days=7
    )

    timezone: Annotated[str, BeforeValidator(_zone)] = "Europe/Amsterdam"
    trusted_proxies: Annotated[frozenset[str], NoDecode, BeforeValidator(_addresses)] = frozenset({"127.0.0.1", "::1"})
    metrics_token: Annotated[SecretStr, BeforeValidator(_token)] = SecretStr("")
