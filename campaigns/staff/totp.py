"""The second factor: codes by time (TOTP), and recovery codes; the only module for the table ``recovery_code``.

Promises: a code is taken in its own time step and the one before and after, each step once (RFC 6238 section 5.2), so
that a code that was read over a shoulder cannot be used again. The secret is sealed under the keys of the installation.
A recovery code works once; only its hash is stored, and new ones replace all old ones. Raises ``SettingsError`` for a
secret that cannot be unsealed.

Source: RFC 6238, RFC 4226.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Index, Table, Text, delete, func, insert, select, update
from sqlmodel import Field, SQLModel

from campaigns.staff import users
from mailer.columns import NUMBER, Instant
from mailer.sealing import seal, unseal
from mailer.signing import Keyring

PURPOSE = "second factor"
STEP, WINDOW = 30, 1  # seconds of a step; steps before and after that are taken
CODES, GROUPS, SIGNS = 10, 3, 4
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without those that look alike


class RecoveryCodeRow(SQLModel, table=True):
    """A recovery code of a user."""

    __tablename__ = "recovery_code"
    __table_args__ = (Index("recovery_code_user", "user_id"),)

    code_hash: str = Field(sa_column=Column(Text, primary_key=True))
    user_id: int = Field(sa_column=Column(NUMBER, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(Instant, nullable=True))


RECOVERY_CODE: Table = SQLModel.metadata.tables["recovery_code"]


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret that is not in use yet: its text, to be typed, and its address, for a QR code."""

    text: str
    address: str


def new_secret(account: str, issuer: str, text: str = "") -> NewSecret:
    """Return a new secret (or the one in ``text``) for an account."""
    import pyotp

    secret = text or pyotp.random_base32()
    return NewSecret(secret, pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer))


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the time step of a code, or None for a wrong one."""
    import pyotp

    given, made = "".join(code.split()), pyotp.TOTP(secret)
    at = int(now.timestamp()) // STEP
    for step in range(at - WINDOW, at + WINDOW + 1):
        if secrets.compare_digest(made.generate_otp(step).encode(), given.encode()):
            return step
    return None


def switch_on(conn: Connection, user: int, keyring: Keyring, secret: str, step: int, now: datetime) -> list[str]:
    """Keep the secret of a user, whose code of ``step`` was right; return ten new recovery codes."""
    users.change(conn, user, now, totp=seal(keyring, PURPOSE, secret), totp_step=step, totp_since=now)
    return new_codes(conn, user)


def switch_off(conn: Connection, user: int, now: datetime) -> None:
    """Remove the second factor and the recovery codes of a user."""
    users.change(conn, user, now, totp="", totp_step=0, totp_since=None)
    conn.execute(delete(RECOVERY_CODE).where(RECOVERY_CODE.c.user_id == user))


def accept(conn: Connection, user: int, keyring: Keyring, code: str, now: datetime) -> bool:
    """Return whether a code or a recovery code of the user is right, and use it up."""
    sealed, _last = users.totp_of(conn, user)
    if not sealed:
        return False
    step = step_of(unseal(keyring, PURPOSE, sealed), code, now)
    if step is not None:
        return users.use_totp_step(conn, user, step)
    mine = (RECOVERY_CODE.c.code_hash == _hash(user, code)) & (RECOVERY_CODE.c.user_id == user)
    unused = mine & RECOVERY_CODE.c.used_at.is_(None)
    return conn.execute(update(RECOVERY_CODE).where(unused).values(used_at=now)).rowcount == 1


def new_codes(conn: Connection, user: int) -> list[str]:
    """Give a user ten new recovery codes; the old ones stop working. Return them: they are never shown again."""
    conn.execute(delete(RECOVERY_CODE).where(RECOVERY_CODE.c.user_id == user))
    codes = ["-".join(_group() for _ in range(GROUPS)) for _ in range(CODES)]
    rows = [{"code_hash": _hash(user, code), "user_id": user, "used_at": None} for code in codes]
    conn.execute(insert(RECOVERY_CODE), rows)
    return codes


def codes_left(conn: Connection, user: int) -> int:
    """Return how many recovery codes of a user still work."""
    mine = (RECOVERY_CODE.c.user_id == user) & RECOVERY_CODE.c.used_at.is_(None)
    return int(conn.execute(select(func.count()).select_from(RECOVERY_CODE).where(mine)).scalar_one())


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(SIGNS))


def _hash(user: int, code: str) -> str:
    """Return the hash of a recovery code: 59 random bits, so that a fast hash is enough."""
    plain = "".join(sign for sign in code.lower() if sign.isalnum())
    return hashlib.sha256(f"{user}:{plain}".encode()).hexdigest()
