"""The examples as letters that went out and are read online: what the archive of a town holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import update

from campaigns.lifecycle import records
from mailer import archive
from mailer.letter.compile import LetterSource, compile_letter
from mailer.letter.compiled import Compiled
from mailer.letter.personalise import render_public
from mailer.outbox.tables import MAILING
from tests.support.letters import example
from tests.support.site import Town

LETTERS = ("denkt-u-mee", "alle-blokken", "have-your-say")
CODE = "code-of-{slug}"


@cache
def online(slug: str, public_url: str) -> tuple[LetterSource, Compiled]:
    """An example as a public campaign, compiled once for an address."""
    source = example(
        slug,
        public_url=public_url,
        online_url=f"{public_url}/o/{CODE.format(slug=slug)}",
        canonical_url=f"{public_url}/archive/{slug}",
        subscribe_url=f"{public_url}/subscribe?topic=nieuws&lang=nl",
    )
    return source, compile_letter(source)


def put_online(town: Town, public_url: str) -> None:
    """Each example as a public campaign, a month apart. Again: nothing more."""
    for number, slug in enumerate(LETTERS):
        source, compiled = online(slug, public_url)
        with town.db.write() as conn:
            values = {
                "slug": slug,
                "source": "",
                "file_name": f"{slug}.md",
                "parts": {},
                "snapshot": archive.keep(conn, compiled, town.now),
                "subject": render_public(compiled.letter.subject, source.language),
                "from_address": source.from_address,
                "topic": "nieuws",
                "language": source.language,
                "timezone": "Europe/Amsterdam",
                "online": "public",
                "online_code": CODE.format(slug=slug),
            }
            if records.add(conn, values, town.now):
                mine = records.CAMPAIGN.c.slug == slug
                conn.execute(update(records.CAMPAIGN).where(mine).values(launched_at=_went(town.now, number)))


def keep_text(town: Town) -> None:
    """The text of the letter that is in everybody's mailbox."""
    with town.db.write() as conn:
        kept = archive.keep(conn, _text(), town.now)
        conn.execute(update(MAILING).where(MAILING.c.id == town.mailing).values(snapshot=kept))


@cache
def _text() -> Compiled:
    return compile_letter(example(LETTERS[0]))


def _went(now: datetime, number: int) -> datetime:
    return now - timedelta(days=30 * number)
