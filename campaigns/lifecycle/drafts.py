"""Drafts of the console: campaigns whose text is kept as versions in the database.

Promises: a save states the hash of the version that it was made from. If another one was saved meanwhile, nothing is
overwritten: :class:`DraftConflict` has the present version. A draft may be incomplete: faults are found by
:func:`campaigns.lifecycle.preparation.examine`, and stop the plan, not the save. A campaign that is planned, or was
launched, is not saved. A campaign of origin *file* becomes one of the console by :func:`take_over`. Nothing that was
launched can be put away. Raises ``InputError`` and ``StateError``.
"""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from campaigns.lifecycle import records, versions
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignEvent, CampaignState, changed_meanwhile
from campaigns.lifecycle.versions import Kind, Version
from campaigns.source.campaign_source import CampaignSource, from_texts
from campaigns.source.definition import Definition, read
from campaigns.source.writing import new_file, values_of, with_values
from mailer import archive
from mailer.errors import InputError, StateError, StateHeld
from mailer.letter.compiled import Image
from mailer.letter.picture import picture
from mailer.messages import Message

MOST_TEXT = 2_000_000  # bytes of a campaign file, as for one in a folder
MOST_IMAGE, MOST_IMAGES = 20_000_000, 200
LONGEST_SLUG, LONGEST_NAME = 64, 150
RESERVED = frozenset({"new"})  # slugs that would be the addresses of other pages
_KEPT_FROM_LAST = ("from", "reply_to", "language", "timezone", "layout")
_OPEN = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED)


class DraftConflict(StateHeld):
    """Another version was saved since the one that this change was made from; ``present`` is that version."""

    def __init__(self, present: Version) -> None:
        super().__init__(Message("somebody else saved this campaign meanwhile; nothing was overwritten"))
        self.present = present


@dataclass(frozen=True, slots=True)
class Draft:
    """A campaign with its present version."""

    campaign: Campaign
    version: Version

    @property
    def definition(self) -> Definition:
        """The head and text of the version, with stand-ins for values that are wrong or missing."""
        return read(self.version.source, self.campaign.file_name)[0]

    @property
    def is_editable(self) -> bool:
        """Return whether its text can be changed now."""
        return self.campaign.origin == "console" and is_open(self.campaign) and self.campaign.put_away_at is None


def is_open(campaign: Campaign) -> bool:
    """Return whether a campaign is a draft: not launched, not planned."""
    return not campaign.is_launched and campaign.state in _OPEN


def slug_for(name: str) -> str:
    """Return the slug that a name suggests; empty when it has no letter or digit of ASCII."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:LONGEST_SLUG].strip("-")


def defaults(conn: Connection) -> dict[str, str]:
    """Return the values of the head that a new campaign takes over from the newest one; {} where there is none."""
    last = records.newest(conn)
    values = values_of(last.source) if last else {}
    return {key: values[key] for key in _KEPT_FROM_LAST if values.get(key)}


def another_name(conn: Connection, name: str) -> str:
    """Return the name if it is free, else the same with the next number."""
    name = " ".join(name.split())
    for number in range(1, 10_000):
        found = name if number == 1 else f"{name[: LONGEST_NAME - 6].rstrip()} {number}"
        slug = slug_for(found)
        is_whole = 0 < len(slug) < LONGEST_SLUG  # one that was cut is alike for other names
        if not records.has_name(conn, found) and not (is_whole and records.find(conn, slug)):
            return found
    raise InputError(Message("there is a campaign {slug} already", slug=name))


def create(conn: Connection, name: str, values: Mapping[str, str], body: str, by: str, now: datetime) -> Draft:
    """Add a draft with a new slug made from its name; ``values``: further keys of the head. Raises ``InputError``."""
    name = _checked_name(name)
    slug = _free_slug(conn, slug_for(name))
    source = new_file({"slug": slug, "name": name} | dict(values), body)
    return add(conn, slug, (source, {}), by, now)


def copy(conn: Connection, draft: Draft, name: str, topic: str, by: str, now: datetime) -> Draft:
    """Add a draft with the text and images of another campaign; ``topic`` "": that one's. Raises ``InputError``.

    Its hour is left out, and so is a brand file: a campaign of the console has the brand of the installation.
    """
    name = _checked_name(name)
    slug = _free_slug(conn, slug_for(name) or draft.campaign.slug)
    fresh = {"slug": slug, "name": name, "send_at": "", "date": "", "send_before": "", "brand": ""}
    fresh |= {"topic": topic} if topic else {}
    return add(conn, slug, (with_values(draft.version.source, fresh), images_of(conn, draft)), by, now)


def current(conn: Connection, slug: str) -> Draft:
    """Return a campaign with its present version. Raises ``InputError`` for an unknown slug."""
    campaign = records.get(conn, slug)
    version = versions.latest(conn, campaign.id)
    if version is None:  # stored by a command since the migration: its row is the version
        digest = versions.hash_of(campaign.source, {})
        version = Version(campaign.id, 1, campaign.source, {}, digest, "saved", "", campaign.changed_at)
    return Draft(campaign, version)


def save(
    conn: Connection, draft: Draft, content: tuple[str, Mapping[str, str]], kind: Kind, by: str, now: datetime
) -> Draft:
    """Save a changed text and images; ``draft`` is what the change was made from. Return the draft afterwards.

    The same content again makes no version. Raises :class:`DraftConflict`, ``StateError`` and ``InputError``.
    """
    source, images = with_values(content[0], {"slug": draft.campaign.slug}), content[1]
    if len(source.encode()) > MOST_TEXT:
        raise InputError(Message("more than {number} bytes", number=MOST_TEXT))
    campaign = records.locked(conn, draft.campaign.slug)
    present = current(conn, campaign.slug)
    refuse_closed(present)
    if versions.hash_of(source, images) == present.version.hash:
        if kind == "saved" and present.version.kind == "autosave":
            versions.keep(conn, present.version, "saved")
        return current(conn, campaign.slug)
    if present.version.hash != draft.version.hash:
        raise DraftConflict(present.version)
    version = versions.add(conn, campaign.id, (source, images), kind, by, now)
    _follow(conn, campaign, version, now)
    versions.thin(conn, campaign.id, now)
    return current(conn, campaign.slug)


def add_image(conn: Connection, name: str, data: bytes, there: Mapping[str, str]) -> tuple[str, str]:
    """Keep an image; return its name, made safe and unlike those of other images, and the hash of its blob.

    ``there``: the images that the draft has. Raises ``InputError`` for a file that is too large, or no picture.
    """
    image = keep_image(conn, data)
    stem, end = slug_for(Path(name).stem) or "image", image.file_name.rpartition(".")[2]
    names = (f"{stem}.{end}", *(f"{stem}-{number}.{end}" for number in range(2, MOST_IMAGES + 2)))
    found = next(free for free in names if there.get(free, image.sha256) == image.sha256)
    if found not in there and len(there) >= MOST_IMAGES:
        raise InputError(Message("a campaign has {number} images at most", number=MOST_IMAGES))
    return found, image.sha256


def change_images(
    conn: Connection, slug: str, added: Sequence[tuple[str, bytes]], removed: Container[str], by: str, now: datetime
) -> tuple[Draft, list[InputError]]:
    """Add images (name and file) to the present version, and remove others; its text stays as it is.

    Return the draft afterwards, and an error for each file that is no picture or too large. Raises ``StateError``.
    """
    records.locked(conn, slug)
    draft = current(conn, slug)
    images = {name: digest for name, digest in draft.version.images.items() if name not in removed}
    wrong = []
    for name, data in added:
        try:
            kept, digest = add_image(conn, name, data, images)
            images[kept] = digest
        except InputError as error:
            wrong.append(error)
    return save(conn, draft, (draft.version.source, images), "saved", by, now), wrong


def keep_image(conn: Connection, data: bytes) -> Image:
    """Keep the image in a file, without the place where it was taken. Raises ``InputError``."""
    if len(data) > MOST_IMAGE:
        raise InputError(Message("more than {number} bytes", number=MOST_IMAGE))
    try:
        image = picture(data).image
    except ValueError as error:
        raise InputError(error.args[0]) from None
    archive.keep_image(conn, image)
    return image


def images_of(conn: Connection, draft: Draft) -> Mapping[str, str]:
    """Return the images of a draft, name → hash; those of a campaign from before there were versions, where kept."""
    if draft.version.images:
        return draft.version.images
    parts = draft.campaign.parts.items()
    named = {name.removeprefix("image "): digest for name, digest in parts if name.startswith("image ")}
    return {name: digest for name, digest in named.items() if archive.has_image(conn, digest)}


def source_of(conn: Connection, draft: Draft, house_brand: Path | None = None) -> CampaignSource:
    """Return the source of a draft, for compile and launch. Raises ``InputError`` for a brand that cannot be read."""
    images = {name: archive.image_data(conn, digest) for name, digest in images_of(conn, draft).items()}
    return from_texts(draft.campaign.file_name, draft.version.source, images, house_brand)


def put_away(conn: Connection, slug: str, now: datetime) -> Campaign:
    """Put a draft away: it leaves the list, and can be brought back. Raises ``StateError`` for any other state."""
    campaign = records.locked(conn, slug)
    if not is_open(campaign):
        raise StateError(Message("{slug} is no draft: only a draft can be put away", slug=slug))
    records.store(conn, campaign.id, {"put_away_at": now}, now)
    return records.get(conn, slug)


def bring_back(conn: Connection, slug: str, now: datetime) -> Campaign:
    """Bring a draft back that was put away; one that was not stays as it is."""
    campaign = records.locked(conn, slug)
    if campaign.put_away_at is not None:
        records.store(conn, campaign.id, {"put_away_at": None}, now)
    return records.get(conn, slug)


def take_over(conn: Connection, slug: str, by: str, now: datetime) -> Draft:
    """Make a campaign of a file one of the console; its file is refused from then on. Raises ``StateError``."""
    records.locked(conn, slug)
    draft = current(conn, slug)
    refuse_fixed(draft.campaign)
    images = images_of(conn, draft)
    if versions.latest(conn, draft.campaign.id) is None or images != draft.version.images:
        versions.add(conn, draft.campaign.id, (draft.version.source, images), "saved", by, now)
    version = current(conn, slug).version.number
    records.store(conn, draft.campaign.id, {"origin": "console", "version": version}, now)
    return current(conn, slug)


def add(conn: Connection, slug: str, content: tuple[str, Mapping[str, str]], by: str, now: datetime) -> Draft:
    """Add a draft with this slug, text and images, as they are. Raises ``InputError`` for a slug that is taken."""
    values = _columns(slug, content[0]) | {"origin": "console", "version": 1, "online_code": secrets.token_urlsafe(12)}
    if not records.add(conn, values, now):
        raise InputError(Message("there is a campaign {slug} already", slug=slug))
    versions.add(conn, records.get(conn, slug).id, content, "saved", by, now)
    return current(conn, slug)


def refuse_fixed(campaign: Campaign) -> None:
    """Raise ``StateError`` if the text of a campaign cannot change: it was launched, or is planned."""
    if campaign.is_launched:
        raise StateError(Message("{slug} was launched already; its text cannot change any more", slug=campaign.slug))
    if campaign.state not in _OPEN:
        raise StateError(Message("{slug} is planned; take it back first", slug=campaign.slug))


def refuse_closed(draft: Draft) -> None:
    """Raise ``StateError`` with the reason if the text of a campaign cannot be changed in the console now."""
    campaign = draft.campaign
    if campaign.origin != "console":
        raise StateError(Message("{slug} is kept in a file: take it over first", slug=campaign.slug))
    refuse_fixed(campaign)
    if campaign.put_away_at is not None:
        raise StateError(Message("{slug} was put away: bring it back first", slug=campaign.slug))


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise InputError(Message("a name is needed"))
    if len(name) > LONGEST_NAME:
        raise InputError(Message("a name has {number} characters at most", number=LONGEST_NAME))
    return name


def _follow(conn: Connection, campaign: Campaign, version: Version, now: datetime) -> None:
    """Let the row of a campaign follow its new version; an approval ends with the text that was approved."""
    if campaign.state in (CampaignState.IN_REVIEW, CampaignState.APPROVED) and not records.change_state(
        conn, campaign, CampaignEvent.EDIT, now
    ):
        raise StateHeld(changed_meanwhile(campaign.slug))
    changed = _columns(campaign.slug, version.source) | {"version": version.number}
    records.store(conn, campaign.id, changed, now)


def _columns(slug: str, source: str) -> dict[str, object]:
    """Return the columns of a campaign that follow from its text; a value that is missing or wrong is left empty."""
    file_name = f"{slug}.md"
    definition, faults = read(source, file_name)
    wrong = {fault.field for fault in faults if fault.severity == "error"}
    there = definition.lines.keys() - wrong
    return {
        "slug": slug,
        "source": source,
        "file_name": file_name,
        "parts": {},
        "snapshot": "",
        "name": definition.name,
        "subject": definition.subject if "subject" in there else "",
        "from_address": definition.from_address if "from" in there else "",
        "topic": definition.topic if "topic" in there else "",
        "language": definition.language,
        "timezone": definition.timezone,
        "send_at": None,
        "online": definition.online,
    }


def _free_slug(conn: Connection, wanted: str) -> str:
    """Return ``wanted``, or the same with the next number."""
    stem = wanted or "campaign"
    if stem not in RESERVED and records.find(conn, stem) is None:
        return stem
    for number in range(2, 10_000):
        end = f"-{number}"
        found = stem[: LONGEST_SLUG - len(end)].strip("-") + end
        if records.find(conn, found) is None:
            return found
    raise InputError(Message("there is a campaign {slug} already", slug=stem))
