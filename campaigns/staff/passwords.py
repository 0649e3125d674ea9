"""Passwords: which are good enough, and their hashes (E42).

Promises: a password is kept as an Argon2id hash and nowhere else (RFC 9106). A check of an account that does not exist
takes as long as any other. No rule about kinds of characters (NIST SP 800-63B section 5.1.1.2): length, and a guess at
how soon it is found. Nobody else is asked. Raises ``InputError`` for a password that is refused.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache

from mailer.errors import InputError
from mailer.messages import Message

SHORTEST, LONGEST = 12, 1000  # characters
_GUESSED = 3  # of zxcvbn's 0 to 4: at least 10 to the power of 8 guesses
_COMPARED = 100  # characters that zxcvbn looks at: its time grows with the square
_AT_ONCE = threading.BoundedSemaphore(2)  # a hash takes 64 MiB and a core for some 0.2 s: two at a time, others wait


def refuse(password: str, about: Iterable[str] = ()) -> None:
    """Raise ``InputError`` for a password that is too short or soon guessed; ``about``: its user's name and address."""
    if len(password) < SHORTEST:
        raise InputError(
            Message(
                "expected a password of {shortest} characters or more; the length of this one is {number}",
                number=len(password),
                shortest=SHORTEST,
            )
        )
    if len(password) > LONGEST:
        raise InputError(Message("expected a password of {longest} characters at most", longest=LONGEST))
    if _score(password[:_COMPARED], tuple(about)) < _GUESSED:
        raise InputError(Message("this password is soon guessed: take one with more words, or let a manager make one"))


def hashed(password: str) -> str:
    """Return the hash of a password; takes some 0.2 s of a core."""
    from argon2 import PasswordHasher

    with _AT_ONCE:
        return PasswordHasher().hash(password)


def matches(kept: str, password: str) -> bool:
    """Return whether a password has this hash; an empty ``kept`` (no account, no password) takes as long, for False."""
    from argon2 import PasswordHasher
    from argon2.exceptions import Argon2Error, InvalidHashError

    with _AT_ONCE:
        try:
            return PasswordHasher().verify(kept or _nobody(), password) and bool(kept)
        except (Argon2Error, InvalidHashError):
            return False


def is_outdated(kept: str) -> bool:
    """Return whether a hash was made with weaker parameters than those of today."""
    from argon2 import PasswordHasher

    return PasswordHasher().check_needs_rehash(kept)


def _score(password: str, about: tuple[str, ...]) -> int:
    from zxcvbn import zxcvbn

    found: int = zxcvbn(password, user_inputs=list(about))["score"]
    return found


@lru_cache(maxsize=1)
def _nobody() -> str:
    """Return a hash that no password matches, of the same cost."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash("nobody has this one")
