"""The settings that the console may make: a closed list, their checks, and their way into the database and out of it.

Promises: a value is checked by the same classes as one of the environment, before it is stored. A password is sealed
under the secret keys (:mod:`mailer.sealing`), so a copy of the database alone gives nobody a login. The address of the
database, the data folder, the secrets and the public address are not on the list: they are needed before, or decide
over links that were sent. Raises ``KeyError`` for a key that is not on the list, and ``SettingsError`` for a sealed
value that cannot be opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from campaigns.settings import stored
from campaigns.settings.stored import Stored
from mailer import sealing, settings_base
from mailer.errors import Fault, SettingsError
from mailer.settings import HouseSettings, MailerSettings, Relay
from mailer.settings_base import PREFIX
from mailer.signing import Keyring
from unsubscribe.settings import ReaderSettings

RELAY = ("smtp_url", "smtp_user", "smtp_password")
KINDS: Mapping[str, type[HouseSettings]] = {
    **dict.fromkeys(("organisation", "contact", "timezone"), ReaderSettings),
    **dict.fromkeys((*RELAY, "return_path"), MailerSettings),
}
SECRET = frozenset({"smtp_password"})


def values(kept: Mapping[str, Stored], keyring: Keyring) -> dict[str, str]:
    """Return the stored values as an environment would have them, opened where they are sealed.

    A sealed one that is set above stays closed: so a lost key is mended by a line in the file of settings.
    """
    mine = [kept[key] for key in KINDS if key in kept]
    needed = (item for item in mine if not (item.is_secret and settings_base.set_above([item.key])))
    return {item.key: opened(item, keyring) for item in needed}


def opened(item: Stored, keyring: Keyring) -> str:
    """Return the value of a stored setting. Raises ``SettingsError``."""
    return sealing.unseal(keyring, _purpose(item.key), item.value) if item.is_secret else item.value


def check(key: str, value: str, **beside: str) -> str:
    """Return why a value cannot be used, "" if it can; ``beside``: others that are checked together with it."""
    faults: list[Fault] = []
    given: dict[str, Any] = {name: text for name, text in {**beside, key: value}.items() if text}
    settings_base.read_all(KINDS[key], faults, **given)
    mine = {f"{PREFIX}{name.upper()}" for name in given}
    return next((fault.expected for fault in faults if fault.field in mine), "")


def save(conn: Connection, changes: Mapping[str, str], keyring: Keyring, by: str, now: datetime) -> list[str]:
    """Store checked values ("" removes one); return the keys whose value is another one now."""
    before = stored.everything(conn)
    changed = [key for key, value in changes.items() if value != _known(before.get(key), keyring)]
    for key in changed:
        KINDS[key]  # the list is closed
        value, is_secret = changes[key], key in SECRET
        kept = sealing.seal(keyring, _purpose(key), value) if is_secret and value else value
        stored.put(conn, key, kept, by, now, is_secret=is_secret)
    return changed


def relay_url(host: str, port: str, tls: str) -> str:
    """Return the parts of a relay's address as one; the user and the password have settings of their own."""
    place = f"[{host}]" if ":" in host else host
    return f"smtp://{place}{f':{port}' if port else ''}?tls={tls}"


def same_server(one: Relay, other: Relay) -> bool:
    """Return whether a password that was given for one may be used for the other: same server, way and user."""
    return (one.host, one.port, one.tls, one.user) == (other.host, other.port, other.tls, other.user)


def _known(item: Stored | None, keyring: Keyring) -> str | None:
    """Return the present value; None for a sealed one that cannot be opened, so that any other replaces it."""
    if item is None:
        return ""
    try:
        return opened(item, keyring)
    except SettingsError:
        return None


def _purpose(key: str) -> str:
    return f"setting {key}"
