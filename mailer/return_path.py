"""The envelope sender of a delivery: ``bounces+TOKEN@domain``, which links a bounce report to its delivery.

Promises: the same mailing, recipient and key give the same address in every attempt (B51). It contains no part of the
reader's address (D18); its local part is 64 characters at most and survives lower- and upper-casing (base32).
:func:`parse` accepts only tokens that a key of the ring sealed, and raises ``TokenError`` for any other. Success does
not mean that the delivery still exists, nor that the report is true.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from mailer.address import parse as parse_address
from mailer.errors import AddressError, SettingsError, TokenError
from mailer.messages import joined
from mailer.signing import Key, Keyring, Purpose, Token, from_local_part, sealer, to_local_part, unseal

TOKEN_SIZE = 44
MAX_LOCAL = 64 - 1 - TOKEN_SIZE


def make(return_path: str, key: Key, mailing: int, recipient: int) -> str:
    """Make ``local+TOKEN@domain`` from ``local@domain`` (RFC 5233 section 1: subaddress).

    Raises ``SettingsError`` for a return path that cannot carry a token.
    """
    return maker(return_path, key, mailing)(recipient)


def maker(return_path: str, key: Key, mailing: int) -> Callable[[int], str]:
    """Return a function that does the same as :func:`make` for many recipients of one mailing."""
    local, domain = _split(return_path)
    start, end, sealed = f"{local}+", f"@{domain}", sealer(key, Purpose.RETURN_PATH, mailing)
    return lambda recipient: start + to_local_part(sealed(recipient)) + end


def parse(address: str, ring: Keyring) -> Token:
    """Return the token of an address from :func:`make`, in any case, with or without angle brackets."""
    local, at, _domain = address.strip().removeprefix("<").removesuffix(">").rpartition("@")
    _, plus, text = local.rpartition("+")
    if not at or not plus or len(text) != TOKEN_SIZE or not text.isascii():
        raise TokenError("this address is not one of our return paths")
    return unseal(ring, from_local_part(text), Purpose.RETURN_PATH)


@lru_cache(maxsize=64)
def _split(return_path: str) -> tuple[str, str]:
    try:
        parsed = parse_address(return_path)
    except AddressError as error:
        raise SettingsError(joined(": ", ["POSTILJON_RETURN_PATH", str(error)])) from error
    if len(parsed.local) > MAX_LOCAL or not parsed.local.isascii() or parsed.local.startswith('"'):
        raise SettingsError(
            f"POSTILJON_RETURN_PATH: the part before @ must be {MAX_LOCAL} plain ASCII characters at most: "
            f"a token of {TOKEN_SIZE} is added to it"
        )
    return parsed.local, parsed.domain
