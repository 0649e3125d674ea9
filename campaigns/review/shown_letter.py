"""A letter as a person would get it, in parts that a page can show: subject, first words, HTML, plain text, weight.

Promises: the parts are read from the bytes of a finished message, which is composed as a sender composes it
(:mod:`mailer.letter.compose`). Its links do nothing: their token verifies under no key. Before launch the letter is
that of a :class:`~campaigns.lifecycle.preparation.PreparedCampaign`; afterwards, and for a campaign of a file, the one
that was kept (:func:`is_kept`), with the present values of the contact. :func:`masked` gives a contact whose values a
user without access to contacts may see. Reads the database, changes nothing. Raises ``InputError`` for a letter that
is too large with the values of a contact.
"""

from __future__ import annotations

import email
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import policy
from html.parser import HTMLParser

from sqlalchemy import Connection

from campaigns.lifecycle import records
from campaigns.lifecycle.preparation import PreparedCampaign
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from campaigns.review.preview import DEAD_TOKEN
from mailer import archive
from mailer.address import mask
from mailer.letter.compiled import Image, Letter, MessageMeta
from mailer.letter.compose import Composer
from unsubscribe import contacts
from unsubscribe.contacts import Contact

SAMPLE, SEEN = 5, 140
CLIPPED = 102_000  # bytes of HTML at which Gmail cuts a letter
_OPEN = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED)
_UNSEEN = re.compile("[\\s\u034f\u00ad\u200b-\u200f\u2060\ufeff]+")
_PICTURE = re.compile(r"https?://[^\s\"'<>]+/m/([0-9a-f]{64}\.(?:png|jpg|gif|webp))")
_HIDDEN = ("head", "style", "script", "title")


@dataclass(frozen=True, slots=True)
class ShownLetter:
    """The parts of one letter. ``snippet``: the first words, as a list of mails shows them; ``images``: by address."""

    subject: str
    sender: str
    snippet: str
    html: str = field(repr=False)
    text: str = field(repr=False)
    images: Mapping[str, Image] = field(repr=False)

    @property
    def html_bytes(self) -> int:
        """The weight of the HTML, which Gmail looks at."""
        return len(self.html.encode())

    @property
    def image_bytes(self) -> int:
        """The weight of the pictures."""
        return sum(len(image.data) for image in self.images.values())

    @property
    def is_cut(self) -> bool:
        """Return whether Gmail cuts it."""
        return self.html_bytes > CLIPPED


def is_kept(campaign: Campaign) -> bool:
    """Return whether the letter of a campaign is the kept one, not one to be compiled from the present text."""
    return bool(campaign.snapshot) and (campaign.origin == "file" or campaign.state not in _OPEN)


def of_draft(public_url: str, prepared: PreparedCampaign, person: Contact | None) -> ShownLetter:
    """Return the letter for a contact (None: for nobody in particular)."""
    online = records.online_url(public_url, prepared.definition.online, prepared.online_code)
    at = prepared.definition.send_at or datetime.now(UTC)
    images = {image.file_name: image for image in prepared.compiled.images}
    return _shown(prepared.compiled.letter, (public_url, online), person, at, images)


def of_kept(conn: Connection, public_url: str, campaign: Campaign, person: Contact | None) -> ShownLetter:
    """Return the same for a kept letter."""
    online = records.online_url(public_url, campaign.online, campaign.online_code)
    letter = archive.letter(conn, campaign.snapshot)
    at = campaign.launched_at or campaign.send_at or datetime.now(UTC)
    found = _shown(letter, (public_url, online), person, at, {})
    mine = set(archive.images(conn, campaign.snapshot))
    names = {name for name in _PICTURE.findall(found.html) if name.partition(".")[0] in mine}
    images = {name: image for name in sorted(names) if (image := archive.image(conn, name)) is not None}
    return replace(found, images=_by_address(found.html, images))


def sample(conn: Connection, topic: str, most: int = SAMPLE) -> list[Contact]:
    """Return some people who get a letter on a topic; none for an unknown topic."""
    return contacts.audience_page(conn, topic, 0, most) if contacts.find_topic(conn, topic) else []


def masked(person: Contact) -> Contact:
    """Return a contact with each value cut to its first character; missing values stay missing."""
    values = {
        name: tuple(_cut(each) for each in value) if isinstance(value, tuple) else _cut(value)
        for name, value in person.attributes.items()
    }
    return replace(person, email=mask(person.email), name=_cut(person.name), attributes=values)


def _cut(value: str) -> str:
    return f"{value.strip()[:1]}•••" if value.strip() else value


def _shown(
    letter: Letter, links: tuple[str, str], person: Contact | None, at: datetime, images: Mapping[str, Image]
) -> ShownLetter:
    public_url, online = links
    optout, details = f"{public_url}/u/{DEAD_TOKEN}", f"{public_url}/d/{DEAD_TOKEN}"
    values = {
        "contact": person.values() if person else {"email": "reader@example.org"},
        "links": {"online": online, "details": details, "optout": optout},
    }
    stamp = MessageMeta("reader@example.org", at.replace(microsecond=0), "preview@example.org", "", optout)
    message = email.message_from_bytes(Composer(letter).message(values, stamp), policy=policy.default)
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    page = str(html.get_content()) if html else ""
    plain = str(text.get_content()) if text else ""
    return ShownLetter(
        subject=str(message["Subject"] or ""),
        sender=str(message["From"] or ""),
        snippet=_snippet(page) if page else " ".join(plain.split())[:SEEN],
        html=page,
        text=plain,
        images=_by_address(page, images),
    )


def _by_address(html: str, images: Mapping[str, Image]) -> dict[str, Image]:
    """Return the pictures that a letter shows, by their addresses in it."""
    found = {match[0]: match[1] for match in _PICTURE.finditer(html)}
    return {address: images[name] for address, name in found.items() if name in images}


class _FirstWords(HTMLParser):
    """Collects the first text of a body, also text that only a list of mails shows."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self._within = "", ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - their signature
        """Skip the text of a head or style sheet."""
        if tag in _HIDDEN and not self._within:
            self._within = tag

    def handle_endtag(self, tag: str) -> None:
        """Take text again."""
        if tag == self._within:
            self._within = ""

    def handle_data(self, data: str) -> None:
        """Take a text."""
        if not self._within and len(self.words) < 4 * SEEN:
            self.words += f" {data}"


def _snippet(html: str) -> str:
    """Return the first words of a letter in HTML, without signs that fill room and cannot be seen."""
    parser = _FirstWords()
    parser.feed(html[:40_000])
    words = _UNSEEN.sub(" ", parser.words).strip()
    return words if len(words) <= SEEN else f"{words[:SEEN].rstrip()}…"
