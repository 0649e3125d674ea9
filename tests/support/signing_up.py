"""A sign-up for a topic: the request, the link in the letter, the confirmation."""

from __future__ import annotations

from datetime import datetime

from mailer import outbox
from mailer.signing import Purpose, Token
from tests.support.people import NOW, PEPPER, TOKENS, ReaderSetup
from unsubscribe import contacts, notices, signup
from unsubscribe.contacts import Contact
from unsubscribe.signup import SignUp, SignUpForm

WISH = SignUpForm(
    "Nieuw@gouda.example",
    ("agenda",),
    "Ja, mail mij de agenda. Ik kan mij altijd afmelden.",
    "2",
    "https://vng.example/aanmelden",
    name="Nieuw",
    language="nl",
    peer="192.0.2.1",
)


def ask(setup: ReaderSetup, wish: SignUpForm = WISH, now: datetime = NOW) -> None:
    """Ask for a subscription."""
    with setup.db.write() as conn:
        signup.request(conn, wish, setup.service_mail, PEPPER, now)


def person(setup: ReaderSetup, email: str = WISH.email) -> Contact | None:
    """Return the contact with that address."""
    with setup.db.read() as conn:
        return contacts.find(conn, email)


def link(setup: ReaderSetup, number: int = 1, email: str = WISH.email) -> Token:
    """Return the token of the link in the letter that asks to confirm."""
    found = person(setup, email)
    assert found
    with setup.db.read() as conn:
        mailing = outbox.find(conn, f"optin_confirm:{number}")
        assert mailing
        filled = notices.fill(conn, mailing, [found.id], TOKENS)[found.id]
    url = str(filled.values["contact"]["confirm"])
    assert url.startswith("https://mail.vng.example/confirm/")
    return TOKENS.read(url.rpartition("/")[2].partition("?")[0], Purpose.CONFIRM, NOW)


def confirm(setup: ReaderSetup, token: Token, now: datetime = NOW) -> SignUp:
    """Confirm a sign-up."""
    with setup.db.write() as conn:
        return signup.confirm(conn, token, now)
