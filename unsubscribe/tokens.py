"""The links in letters and pages: made and read here, verified without a row in the database.

Promises: a link in a letter (``/u/``, ``/d/``) has 36 characters of canonical base64url and never expires. A link in an
answer has 48 and expires, after 30 minutes unless told otherwise (I7). A changed character, a truncated token, another
purpose, another key or an expired token is a ``TokenError``. The reader gets one generic answer for all of them. A
sender makes the same links faster (:func:`mailer.signing.letter_sealer`).

Success of :meth:`Tokens.read` does not mean that the mailing or the person still exists.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from mailer.errors import SettingsError, TokenError
from mailer.signing import (
    MAX_NUMBER,
    Key,
    Keyring,
    Purpose,
    Token,
    from_local_part,
    from_text,
    seal,
    to_local_part,
    to_text,
    unseal,
)

SHORT_LIFE = timedelta(minutes=30)
LETTER_PURPOSES = frozenset({Purpose.OPT_OUT, Purpose.DETAILS})


TRIAL = 0  # the mailing number in the links of a test mail; no mailing has it, and no contact has so high a number
_MOST_TOPICS = 2**32


def trial(purpose: Purpose, topic: int) -> Token:
    """Return the content of a link of a test mail: its topic (0: not made yet), and no contact."""
    return Token(purpose, TRIAL, MAX_NUMBER - topic)


def trial_topic(token: Token) -> int | None:
    """Return the number of the topic in a link of a test mail; None for a link of a letter."""
    topic = MAX_NUMBER - token.recipient
    return topic if token.mailing == TRIAL and topic < _MOST_TOPICS else None


def _seconds(expires: datetime) -> int:
    """Return a time as a token stores it, in 32 bits: with a clock a century off, an opt-out still has its page."""
    return min(max(int(expires.timestamp()), 1), 2**32 - 1)


def letter_links(public_url: str) -> tuple[str, str]:
    """Return the start of every letter's opt-out link and details link; a token follows."""
    return f"{public_url}/u/", f"{public_url}/d/"


class Tokens:
    """Makes and reads tokens with a ring of keys, newest first."""

    def __init__(self, keyring: Keyring) -> None:
        self.keyring = keyring

    def optout_url(self, public_url: str, key_id: int, mailing: int, recipient: int) -> str:
        """Return ``/u/TOKEN`` of a delivery, under the key frozen on its mailing. The same on each attempt (I5)."""
        return letter_links(public_url)[0] + self._sealed(key_id, Token(Purpose.OPT_OUT, mailing, recipient))

    def details_url(self, public_url: str, key_id: int, mailing: int, recipient: int) -> str:
        """Return ``/d/TOKEN`` of a delivery."""
        return letter_links(public_url)[1] + self._sealed(key_id, Token(Purpose.DETAILS, mailing, recipient))

    def optout_local_part(self, key_id: int, mailing: int, recipient: int) -> str:
        """Return the text before the @ of the ``mailto:`` in List-Unsubscribe (B11): base32, as case may get lost."""
        return to_local_part(seal(self._key(key_id), Token(Purpose.MAILTO_OPT_OUT, mailing, recipient)))

    def trial_url(self, public_url: str, purpose: Purpose, topic: int) -> str:
        """Return the link of a test mail: genuine, but for no contact."""
        path = "u" if purpose is Purpose.OPT_OUT else "d"
        return f"{public_url}/{path}/{to_text(seal(self.keyring.current, trial(purpose, topic)))}"

    def short(self, purpose: Purpose, mailing: int, recipient: int, expires: datetime, subject: int = 0) -> str:
        """Return a token that is valid until ``expires``, at most 48 characters."""
        token = Token(purpose, mailing, recipient, _seconds(expires), subject)
        return to_text(seal(self.keyring.current, token))

    def fresh(self, purpose: Purpose, token: Token, now: datetime, subject: int = 0) -> str:
        """Return a short-lived token for another purpose, for the delivery of ``token``."""
        return self.short(purpose, token.mailing, token.recipient, now + SHORT_LIFE, subject)

    def lasting(self, purpose: Purpose, letter: tuple[int, int, int], expires: datetime, subject: int) -> str:
        """Return a token for a service letter, under the key of its mailing.

        ``letter``: key id, mailing, recipient.
        """
        key_id, mailing, recipient = letter
        return self._sealed(key_id, Token(purpose, mailing, recipient, _seconds(expires), subject))

    def read(self, text: str, purpose: Purpose, now: datetime) -> Token:
        """Return the content of a token; raises ``TokenError`` if it is invalid, for another purpose or expired.

        The purposes of letters are only accepted without an expiry, all others only with one.
        """
        token = unseal(self.keyring, from_text(text), purpose)
        if (token.expires == 0) != (purpose in LETTER_PURPOSES):
            raise TokenError("this link is not one of ours, or does something else")
        if token.expires and now.timestamp() >= token.expires:
            raise TokenError("this link has expired")
        return token

    def read_local_part(self, text: str) -> Token:
        """Return the token in the local part of a ``mailto:`` opt-out; raises ``TokenError``."""
        token = unseal(self.keyring, from_local_part(text), Purpose.MAILTO_OPT_OUT)
        if token.expires:
            raise TokenError("this address is not one of ours")
        return token

    def _key(self, key_id: int) -> Key:
        keys = self.keyring.with_id(key_id)
        if not keys:
            raise SettingsError(f"the key {key_id} that this mailing began with is no longer in POSTILJON_SECRET_KEYS")
        return keys[0]

    def _sealed(self, key_id: int, token: Token) -> str:
        return to_text(seal(self._key(key_id), token))
