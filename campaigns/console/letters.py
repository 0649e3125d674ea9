"""A campaign's letter as pages of the console show it: which version, made of what, seen as whom.

Promises: a letter is always that of a saved version, named by its hash; a campaign that is planned or was launched
shows the letter that was kept. It is compiled in a helper process. A user without access to contacts sees five sample
people at most, with masked values, and nobody else's. Raises ``InputError`` for an unknown campaign, version or
contact, and ``WorkStopped``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import Connection

from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts, preparation, versions
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.preparation import PreparedCampaign
from campaigns.lifecycle.records import Campaign
from campaigns.review import shown_letter
from campaigns.review.shown_letter import ShownLetter, is_kept
from campaigns.source.campaign_source import CampaignSource
from campaigns.staff.rights import Right
from mailer.errors import Fault, InputError
from unsubscribe import contacts
from unsubscribe.contacts import Contact

SHORT = 8  # characters of a hash, as staff see it
FOUND = 10


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """A version of a campaign with what came of it; ``prepared`` is None where faults stop it, and for a kept one."""

    draft: Draft
    source: CampaignSource = field(repr=False)
    prepared: PreparedCampaign | None = field(repr=False)
    faults: tuple[Fault, ...] = ()
    is_latest: bool = True

    @property
    def campaign(self) -> Campaign:
        """The campaign."""
        return self.draft.campaign

    @property
    def is_kept(self) -> bool:
        """Return whether it is the letter that was planned or sent."""
        return is_kept(self.campaign)

    @property
    def can_be_shown(self) -> bool:
        """Return whether there is a letter."""
        return self.is_kept or self.prepared is not None

    @property
    def short_hash(self) -> str:
        """The hash of the version, in short."""
        return self.draft.version.hash[:SHORT]


@dataclass(frozen=True, slots=True)
class Readers:
    """The people as whom a user may see a letter, and the chosen one (None: nobody in particular)."""

    people: tuple[Contact, ...]
    chosen: Contact | None
    is_masked: bool
    words: str = ""


def opened(visit: Visit, wanted: str = "", *, whole: bool = True) -> OpenedLetter:
    """Return the letter of the campaign in the path; ``wanted``: the hash of a version, "" for the present one.

    ``whole``: compile it too.
    """
    with visit.read() as conn:
        present = drafts.current(conn, visit.path["slug"])
        draft = _with_hash(visit, conn, present, wanted)
        source = drafts.source_of(conn, draft, visit.console.launch_config.brand)
    latest = draft.version.hash == present.version.hash
    if is_kept(draft.campaign) or not whole:
        return OpenedLetter(draft, source, None, is_latest=latest)
    campaign = draft.campaign
    prepared, faults = preparation.examine(
        visit.console.launch_config, source, visit.now, code=campaign.online_code, send_at=campaign.send_at
    )
    return OpenedLetter(draft, source, prepared, tuple(faults), latest)


def _with_hash(visit: Visit, conn: Connection, present: Draft, wanted: str) -> Draft:
    if not wanted or wanted == present.version.hash:
        return present
    version = versions.with_hash(conn, present.campaign.id, wanted)
    if version is None:
        raise InputError(visit.words.gettext("This version is not kept any more."))
    return Draft(present.campaign, version)


def readers(visit: Visit, topic: str, chosen: str, words: str = "") -> Readers:
    """Return the people to choose from. ``chosen``: the number of a contact; ``words``: of a name or address."""
    with visit.read() as conn:
        some = shown_letter.sample(conn, topic)
        if not visit.may(Right.CONTACTS):
            people = tuple(shown_letter.masked(person) for person in some)
            return Readers(people, _among(visit, people, chosen), is_masked=True)
        near = [one.id for one in contacts.starting_with(conn, words, FOUND)] if words else []
        known = contacts.get_many(conn, near)
        found = tuple(known[number] for number in near if number in known) if words else tuple(some)
        person = contacts.get(conn, int(chosen)) if chosen.isascii() and chosen.isdigit() and len(chosen) < 19 else None
    if chosen and person is None:
        raise _unknown(visit)
    return Readers(found, person, is_masked=False, words=words)


def _among(visit: Visit, people: tuple[Contact, ...], chosen: str) -> Contact | None:
    person = next((each for each in people if str(each.id) == chosen), None)
    if chosen and person is None:
        raise _unknown(visit)
    return person


def _unknown(visit: Visit) -> InputError:
    return InputError(visit.words.gettext("There is no such contact."))


def shown(visit: Visit, letter: OpenedLetter, person: Contact | None) -> ShownLetter | None:
    """Return the letter for a person; None where it cannot be made yet."""
    public_url = visit.console.launch_config.public_url
    if letter.is_kept:
        with visit.read() as conn:
            return shown_letter.of_kept(conn, public_url, letter.campaign, person)
    return shown_letter.of_draft(public_url, letter.prepared, person) if letter.prepared else None
