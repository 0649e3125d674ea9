"""A draft as files, and files as a draft: the way from the console to a folder and back.

Promises: the text is moved byte for byte, a byte order mark too. Images keep their names; they lose the place where
they were taken and their comments, as in each letter. A file whose campaign was launched, or is planned, is refused.
A brand file is not moved: a campaign of the console has the brand of the installation, and :class:`Taken` names the
file. Raises ``InputError``, ``FaultsError`` for a head that cannot be read, and ``StateError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from sqlalchemy import Connection

from campaigns.lifecycle import drafts, records
from campaigns.lifecycle.drafts import MOST_IMAGES, Draft
from campaigns.source.campaign_source import CampaignSource, exact_text, from_folder
from mailer import archive
from mailer.errors import FaultsError, InputError
from mailer.messages import Message

_HEAD = ("---", "slug", "file")  # faults of these fields say that the file is no campaign, or of which one


@dataclass(frozen=True, slots=True)
class ExportedCampaign:
    """The files of a campaign: its text, and its images by name. ``brand``: the brand file that the text names."""

    slug: str
    text: str = field(repr=False)
    images: Mapping[str, bytes] = field(repr=False)
    brand: str

    @property
    def files(self) -> dict[str, bytes]:
        """The content of each file, by its name within the folder."""
        return {f"{self.slug}.md": self.text.encode(), **self.images}


@dataclass(frozen=True, slots=True)
class CampaignFile:
    """A campaign file that was read, with its images."""

    source: CampaignSource
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """The draft that a file became. ``is_new``: there was none. ``left_out``: images that are no pictures."""

    draft: Draft
    is_new: bool
    left_out: tuple[str, ...]
    brand: str


def exported(conn: Connection, slug: str) -> ExportedCampaign:
    """Return the files of a campaign, of its latest version. Raises ``InputError`` for an unknown slug."""
    draft = drafts.current(conn, slug)
    stored = drafts.images_of(conn, draft)
    images = {name: archive.image_data(conn, digest) for name, digest in stored.items() if _is_inside(name)}
    return ExportedCampaign(slug, draft.version.source, images, draft.definition.brand)


def read_file(path: Path) -> CampaignFile:
    """Read a campaign file and the names of its images. Raises ``InputError`` and ``FaultsError``."""
    source, text = from_folder(path), exact_text(path)
    wrong = [fault for fault in source.faults if fault.field in _HEAD and fault.severity == "error"]
    if wrong:
        raise FaultsError(wrong)
    if text.removeprefix("\ufeff") != source.definition.source:
        raise InputError(Message("{path} was changed while it was read; run it again", path=path))
    return CampaignFile(source, text)


def take(conn: Connection, file: CampaignFile, by: str, now: datetime) -> Taken:
    """Bring a file into the console: a new draft, or a new version of the one with its slug."""
    definition = file.source.definition
    images, left_out = _images(conn, file)
    content = file.text, images
    if records.find(conn, definition.slug) is None:
        return Taken(drafts.add(conn, definition.slug, content, by, now), True, left_out, definition.brand)
    campaign = records.locked(conn, definition.slug)
    drafts.refuse_fixed(campaign)
    if campaign.origin == "file":
        drafts.take_over(conn, campaign.slug, by, now)
    saved = drafts.save(conn, drafts.current(conn, campaign.slug), content, "saved", by, now)
    return Taken(saved, False, left_out, definition.brand)


def _images(conn: Connection, file: CampaignFile) -> tuple[dict[str, str], tuple[str, ...]]:
    """Keep the images that the text names; return their hashes by name, and the names of those that are none."""
    kept: dict[str, str] = {}
    left_out = []
    for name in [name for name in file.source.images if name in file.text]:
        try:
            kept[name] = drafts.keep_image(conn, file.source.images[name]).sha256
        except InputError:
            left_out.append(name)
    if len(kept) > MOST_IMAGES:
        raise InputError(Message("a campaign has {number} images at most", number=MOST_IMAGES))
    return kept, tuple(left_out)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name
