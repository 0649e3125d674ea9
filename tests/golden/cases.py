"""The messages whose bytes are kept in ``*.eml``; ``python -m tests.golden.cases`` writes them.

A change of these bytes is a change of what leaves the house: look at the difference before you commit it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mailer.letter.compose import Composer
from mailer.letter.compiled import Branch, Letter, Loop, EscapeContext, Slot, MessageMeta

FOLDER = Path(__file__).parent
SALUTATION = 'contact.salutation | default("heer, mevrouw")'
ONLINE, DETAILS, OPTOUT = "links.online", "links.details", "links.optout"
NEWSLETTER = Letter(
    language="nl",
    from_name="VNG",
    from_address="info@vng.example",
    reply_to="",
    subject=("Denkt u mee over regionale samenwerking, ", Slot('contact.name | default("lid")', EscapeContext.HEADER), "?"),
    html=(
        (
            '<!DOCTYPE html>\n<html lang="nl" dir="ltr">\n<head>\n  <meta charset="utf-8">\n'
            "  <title>Denkt u mee over regionale samenwerking?</title>\n</head>\n<body>\n"
            '<!--[if mso]><table role="presentation"><tr><td><![endif]-->\n<p><a href="'
        ),
        Slot(ONLINE, EscapeContext.URL),
        '">Lees online</a> | <a href="',
        Slot(DETAILS, EscapeContext.URL),
        '">Gegevens wijzigen</a></p>\n<p>Geachte ',
        Slot(SALUTATION, EscapeContext.HTML),
        ",</p>\n",
        Branch(
            (
                ('contact.role == "raadslid"', ("<p>Als raadslid beslist u mee.</p>\n",)),
                ("contact.role", ("<p>Als ", Slot("contact.role | lower", EscapeContext.HTML), " denkt u mee.</p>\n")),
            ),
            ("<p>Ook u kunt meedenken.</p>\n",),
        ),
        "<ul>\n",
        Loop("dag", "contact.dagen", ("<li>", Slot('dag | date("EEEE d MMMM")', EscapeContext.HTML), "</li>\n")),
        '</ul>\n<p><img src="https://nieuws.vng.example/m/abc.png" alt="Voor ',
        Slot('contact.name | default("u")', EscapeContext.ATTRIBUTE),
        '"> <a href="https://nieuws.vng.example/agenda?q=',
        Slot('contact.city | default("")', EscapeContext.URL),
        '&amp;taal=nl">Agenda</a> <a href="',
        Slot('contact.site | default("https://vng.example/")', EscapeContext.URL),
        (
            '">Uw gemeente</a></p>\n<p>De bijdrage is € 1.250 – één keer per jaar.</p>\n'
            "<!--[if mso]></td></tr></table><![endif]-->\n"
            '<p><a href="'
        ),
        Slot(OPTOUT, EscapeContext.URL),
        '">Afmelden</a></p>\n</body>\n</html>\n',
    ),
    text=(
        "Lees online: ",
        Slot(ONLINE, EscapeContext.PLAIN),
        "\n\nGeachte ",
        Slot(SALUTATION, EscapeContext.PLAIN),
        ",\n\n",
        Branch((("contact.role", ("Als ", Slot("contact.role", EscapeContext.PLAIN), " denkt u mee.\n")),), ()),
        "De bijdrage is € 1.250 – één keer per jaar.\n\n-- \nFrom de VNG\n.\n\nAfmelden: ",
        Slot(OPTOUT, EscapeContext.PLAIN),
        "\n",
    ),
    headers=(
        ("List-Id", "Verenigingsnieuws <verenigingsnieuws.vng.example>"),
        ("Feedback-ID", "denkt-u-mee:verenigingsnieuws:vng"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    ),
)
SERVICE = Letter(
    language="en",
    from_name="Vereniging Ñandú & Zn.",
    from_address="info@münchen.example",
    reply_to="antwoord@vng.example",
    subject=("Your details were changed",),
    html=(),
    text=("Dear ", Slot('contact.name | default("reader")', EscapeContext.PLAIN), ",\n\nYour details were changed."),
    headers=(("Auto-Submitted", "auto-generated"),),
    list_unsubscribe=False,
)
TOKEN = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"
STAMP = MessageMeta(
    address="eva@lezer.example",
    date=datetime(2024, 9, 18, 7, 0, tzinfo=UTC),
    message_id=f"{TOKEN}@vng.example",
    name="Eva de Vries",
    unsubscribe_url=f"https://nieuws.vng.example/u/{TOKEN}",
    unsubscribe_mailto="afmelden+abcdefghijklmnopqrstuvwxyz234567abcdefghijkl@vng.example",
)
LINKS = {
    "online": "https://nieuws.vng.example/o/Zomer2024",
    "details": f"https://nieuws.vng.example/d/{TOKEN}",
    "optout": f"https://nieuws.vng.example/u/{TOKEN}",
}
HOSTILE = 'Robert"); <b>\r\nBcc: x@evil.example\r\n.\r\n\0\u202e\ud800 =?utf-8?q?=0A?= 👨‍👩‍👧 שלום e\u0301'


def _newsletter(stamp: MessageMeta = STAMP, **contact: Any) -> bytes:
    return Composer(NEWSLETTER).message({"contact": contact, "links": LINKS}, stamp)


def cases() -> Mapping[str, bytes]:
    """Name of the file and its bytes."""
    long = "Jonkheer Maximiliaan van Oranje-Nassau tot Amsberg, burgemeester van Súdwest-Fryslân " * 3
    return {
        "personal": _newsletter(
            name="Eva de Vries",
            salutation="mevrouw De Vries",
            role="raadslid",
            dagen=["2024-10-01", "2024-10-02"],
            city="Súdwest-Fryslân",
            site="https://gemeente.example/?a=1&b=2",
        ),
        "fallbacks": _newsletter(STAMP._replace(name="")),
        "hostile": _newsletter(
            STAMP._replace(name=HOSTILE),
            **dict.fromkeys(("name", "salutation", "role", "city"), HOSTILE),
            dagen=[HOSTILE, ""],
            site="javascript:alert(1)",
        ),
        "long": _newsletter(STAMP._replace(name=long), name=long, salutation=long),
        "smtputf8": _newsletter(STAMP._replace(address="zoë@münchen.example", name="Zoë"), name="Zoë"),
        "service": Composer(SERVICE).message({"contact": {"name": "Zoë"}, "links": {}}, STAMP),
    }


if __name__ == "__main__":
    for name, message in cases().items():
        (FOLDER / f"{name}.eml").write_bytes(message)
