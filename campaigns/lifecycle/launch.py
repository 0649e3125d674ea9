"""From a campaign file to a mailing that senders take from: compile, keep, plan or start, freeze the audience.

Promises: a letter is compiled once and kept by its hash, before its hour. The start is one transaction (state, mailing,
snapshot) that one of several processes wins. The audience is frozen in chunks afterwards, also by another process after
a crash, while senders run. The same file again sends nothing twice; a file that differs from the launched one is
refused with the difference. Raises ``FaultsError`` and ``InputError`` for the file, and for links that only this
machine reaches (:mod:`campaigns.lifecycle.reachability`). Raises ``StateError`` for a campaign that is paused, held or
cancelled. Success of :func:`start` does not mean that anybody got it yet.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from campaigns.lifecycle import audience, reachability, records, segments
from campaigns.lifecycle.compiling import Compile, compile_here
from campaigns.lifecycle.reachability import Way
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import MISSED_ITS_HOUR, CampaignEvent, CampaignState
from campaigns.source.campaign_source import CampaignSource, differences, load
from campaigns.source.definition import Definition, read
from campaigns.source.local_time import Say, as_is, local_text
from mailer import archive, journal, outbox
from mailer.errors import Fault, FaultsError, InputError, StateError, StateHeld, UsageError
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.outbox import Identity, Mailing, MailingSpec
from mailer.settings import InDoubt
from mailer.storage import Database
from templates.words import primary
from unsubscribe import contacts
from unsubscribe.contacts import Topic

N_ = str  # marks a text for the catalogue (domain cli)
MISSED = "missed"
PLANNED_FOR_HERE = N_(
    "{slug} was planned while its links led to this machine only: plan it again with its file ('postiljon schedule')"
)
LONGEST_BREATH = 0.05  # seconds: as long as the lock was held, or as it may be
_EDITABLE = (CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)


@dataclass(frozen=True, slots=True)
class LaunchConfig:
    """The values that launches use and freeze: made by the composition root from the settings."""

    db: Database
    public_url: str
    return_path: str
    key_id: int
    dkim_selector: str = ""
    dkim_domain: str = ""
    in_doubt: InDoubt = "hold"
    late: timedelta = timedelta(hours=1)
    brand: Path | None = None
    say: Say = as_is
    relay: str = "127.0.0.1"
    url_is_set: bool = True
    compile: Compile = compile_here

    @property
    def way(self) -> Way:
        """Where links lead, and through which relay letters leave."""
        return Way(self.public_url, self.relay, self.url_is_set)


@dataclass(frozen=True, slots=True)
class PreparedCampaign:
    """A campaign file that was compiled, ready to be stored."""

    material: CampaignSource
    compiled: Compiled
    online_code: str
    send_at: datetime | None

    @property
    def definition(self) -> Definition:
        """The definition: short for ``material.definition``."""
        return self.material.definition


def start(site: LaunchConfig, path: Path, now: datetime) -> Campaign:
    """Launch the campaign of a file now, or find it launched by the same file; return the campaign as it is then."""
    reachability.refuse(site.way, site.say)
    known = _known(site, path)
    if known and known.is_launched:
        return known
    if known and known.state is CampaignState.HELD:
        raise StateHeld(site.say(MISSED_ITS_HOUR).format(slug=known.slug))
    prepared = prepare(site, path, known.online_code if known else "", now)
    try:
        with site.db.write() as conn:
            campaign = _store(conn, prepared, now)
            _open(conn, site, campaign, CampaignEvent.START, now)
            return records.get(conn, campaign.slug)
    except StateError:
        known = _known(site, path)
        if known and known.is_launched:  # another process has just launched the same file: carry on with its campaign
            return known
        raise


def is_launched(site: LaunchConfig, path: Path) -> bool:
    """Whether the campaign of a file was launched already, with the same or another text."""
    with site.db.read() as conn:
        known = records.find(conn, load(path, site.brand, site.say).definition.slug)
    return known is not None and known.is_launched


def plan(site: LaunchConfig, path: Path, now: datetime, at: str = "") -> Campaign:
    """Let the clock launch the campaign of a file: at its ``send_at``, or at ``at`` (in its own time zone)."""
    reachability.refuse(site.way, site.say)
    known = _known(site, path)
    if known and known.is_launched:
        _ = site.say
        raise StateError(_("{slug} was launched already; it is {state}").format(slug=known.slug, state=known.state))
    material, code = load(path, site.brand, site.say), known.online_code if known else ""
    right = not any(fault.severity == "error" for fault in material.faults)  # else prepare reports all faults
    send_at = _hour(material.definition, at, now, site.say) if right else None
    prepared = prepare(site, path, code, now, send_at)
    with site.db.write() as conn:
        campaign = _store(conn, prepared, now)
        if not records.move(conn, campaign, CampaignEvent.SCHEDULE, now, send_at=send_at):
            raise StateHeld(_faster(campaign, site.say))
        return records.get(conn, campaign.slug)


def launch_due(site: LaunchConfig, now: datetime) -> list[Campaign]:
    """Start every campaign whose hour has come, each by a conditional update; hold campaigns that are too late."""
    with site.db.read() as conn:
        due = records.due(conn, now)
    launched = []
    for campaign in due:
        with site.db.write() as conn:
            if campaign.send_at and now - campaign.send_at > site.late:
                records.move(conn, campaign, CampaignEvent.HOLD, now, reason=MISSED)
            elif reachability.was_planned_for_here(conn, site.way, campaign.snapshot):
                records.move(conn, campaign, CampaignEvent.HOLD, now, reason=reachability.PLANNED)
            elif _open(conn, site, campaign, CampaignEvent.START, now, strict=False):
                launched.append(campaign)
    return launched


def resume_missed(site: LaunchConfig, campaign: Campaign, now: datetime) -> None:
    """Start a campaign that was held before it was launched: its hour had been missed."""
    with site.db.write() as conn:
        if reachability.was_planned_for_here(conn, site.way, campaign.snapshot):
            raise StateError(site.say(PLANNED_FOR_HERE).format(slug=campaign.slug))
        _open(conn, site, campaign, CampaignEvent.RESUME, now)


def freeze_page(site: LaunchConfig, campaign: Campaign, now: datetime) -> bool:
    """Freeze one more page of the audience of a launched campaign; return whether it is whole now."""
    if campaign.mailing_id is None:
        return True
    keep = segments.keep(_again(campaign).segment, campaign.language)
    with site.db.write() as conn:
        mailing = outbox.get(conn, campaign.mailing_id)
        if mailing.audience_complete or mailing.state == "closed":
            return True
        return audience.freeze_page(conn, mailing, keep, now)


def freeze(site: LaunchConfig, campaign: Campaign, clock: Callable[[], datetime], wanted: Callable[[], bool]) -> bool:
    """Freeze page after page, while ``wanted``; between two pages the lock is free for others."""
    while wanted():
        begun = time.monotonic()
        if freeze_page(site, campaign, clock()):
            return True
        time.sleep(min(time.monotonic() - begun, LONGEST_BREATH))
    return False


def prepare(
    site: LaunchConfig, path: Path, code: str, now: datetime, send_at: datetime | None = None
) -> PreparedCampaign:
    """Read and compile; raises ``FaultsError`` with every fault of file, brand and text at once."""
    prepared, faults = examine(site, path, now, code=code, send_at=send_at)
    if prepared is None or any(fault.field == "topic" for fault in faults):
        raise FaultsError([replace(fault, severity="error") for fault in faults if _stops(fault)])
    return prepared


def prepare_sample(site: LaunchConfig, path: Path, now: datetime) -> PreparedCampaign:
    """Return the same for a preview: the topic need not exist yet."""
    prepared, faults = examine(site, path, now)
    if prepared is None:
        raise FaultsError([fault for fault in faults if fault.severity == "error"])
    return prepared


def examine(
    site: LaunchConfig, path: Path, now: datetime, *, code: str = "", send_at: datetime | None = None
) -> tuple[PreparedCampaign | None, list[Fault]]:
    """Read and compile; return every fault and warning, and None on an error. An unknown topic is a warning."""
    material = load(path, site.brand, site.say)
    with site.db.read() as conn:
        topic = contacts.find_topic(conn, material.definition.topic)
    faults = list(material.faults)
    if topic is None and "topic" in material.definition.lines and not any(fault.field == "topic" for fault in faults):
        faults.append(unknown_topic(site, material.definition))
    code = code or secrets.token_urlsafe(12)
    compiled = None
    try:
        compiled = site.compile(letter_source(site, material, topic, code, now, send_at))
        faults += [material.definition.at_line(fault) for fault in compiled.warnings]
    except FaultsError as error:
        faults += [material.definition.at_line(fault) for fault in error.faults]
    faults = sorted(dict.fromkeys(faults), key=lambda fault: (fault.file != str(path), fault.line))
    if compiled is None or any(fault.severity == "error" for fault in faults):
        return None, faults
    return PreparedCampaign(material, compiled, code, send_at), faults


def _stops(fault: Fault) -> bool:
    return fault.severity == "error" or fault.field == "topic"


def letter_source(
    site: LaunchConfig,
    material: CampaignSource,
    topic: Topic | None,
    code: str,
    now: datetime,
    send_at: datetime | None = None,
) -> LetterSource:
    """Return the source of a letter, for compile."""
    definition = replace(material.definition, send_at=send_at or material.definition.send_at)
    domain = definition.from_address.rpartition("@")[2]
    return LetterSource(
        file=str(material.path),
        slug=definition.slug,
        subject=definition.subject,
        preheader=definition.preheader,
        from_name=definition.from_name,
        from_address=definition.from_address,
        reply_to=definition.reply_to,
        language=definition.language,
        layout=definition.layout,  # type: ignore[arg-type]
        date=definition.day(now),
        body=definition.body,
        body_line=definition.body_line,
        brand=material.brand,
        images=material.images,
        public_url=site.public_url,
        online=definition.online != "none",
        online_url=records.online_url(site.public_url, definition.online, code),
        canonical_url=records.canonical_url(site.public_url, definition.online, code, definition.slug),
        subscribe_url=_subscribe_url(site, topic, definition.language),
        topic_name=topic.name_in(definition.language) if topic else definition.topic,
        list_id=f"{definition.topic}.{domain}",
        headers=(("Feedback-ID", feedback_id(definition.slug, definition.topic, domain)),),
        lines=definition.lines,
    )


def _subscribe_url(site: LaunchConfig, topic: Topic | None, language: str) -> str:
    """Return where the reader of a forwarded letter may sign up; empty when strangers may not."""
    return f"{site.public_url}/subscribe?topic={topic.slug}&lang={primary(language)}" if topic and topic.is_open else ""


def feedback_id(slug: str, topic: str, domain: str) -> str:
    """Return ``Feedback-ID`` (B18): campaign, topic, kind, and a constant sender of 5 to 15 characters; none twice."""
    sender = re.sub(r"[^a-z0-9]", "", domain.lower())[-15:].rjust(5, "0")
    return f"c-{slug}:t-{topic}:campaign:{sender}"


def unknown_topic(site: LaunchConfig, definition: Definition) -> Fault:
    """Return the fault for an unknown topic: a warning of ``check``, an error of ``send`` and ``schedule``."""
    from campaigns.source.front_matter import did_you_mean

    with site.db.read() as conn:
        known = [topic.slug for topic in contacts.topics(conn)]
    _, line = site.say, definition.lines.get("topic", 0)
    hint = did_you_mean(definition.topic, known, _) or _("'postiljon contacts import' makes it.")
    return Fault(definition.file, line, "topic", repr(definition.topic), _("a topic that exists"), hint, "warning")


def _known(site: LaunchConfig, path: Path) -> Campaign | None:
    """Return the campaign of this file, if there is one; refuses a file that differs from the launched one."""
    material = load(path, site.brand, site.say)
    with site.db.read() as conn:
        known = records.find(conn, material.definition.slug)
    if known is None or not known.is_launched:
        return known
    changed = differences(material, known.source, known.parts, site.say)
    if changed:
        _ = site.say
        text = _("{path} differs from what was launched as {slug}; give it another slug, or undo the change:")
        raise InputError(f"{text.format(path=path, slug=known.slug)}\n{changed}")
    return known


def _store(conn: Connection, prepared: PreparedCampaign, now: datetime) -> Campaign:
    """Return the campaign of a prepared file, as a draft or where it was, with its letter kept."""
    from mailer.letter.personalise import render_public

    definition = prepared.definition
    values: dict[str, Any] = {
        "slug": definition.slug,
        "source": definition.source,
        "file_name": str(prepared.material.path),
        "parts": prepared.material.parts({image.sha256 for image in prepared.compiled.images}),
        "snapshot": archive.keep(conn, prepared.compiled, now),
        "subject": render_public(prepared.compiled.letter.subject, definition.language),
        "from_address": definition.from_address,
        "topic": definition.topic,
        "language": definition.language,
        "timezone": definition.timezone,
        "send_at": prepared.send_at,
        "online": definition.online,
        "online_code": prepared.online_code,
    }
    known = records.find(conn, definition.slug)
    if known is None and records.add(conn, values, now):
        return records.get(conn, definition.slug)
    known = known or records.get(conn, definition.slug)
    if known.is_launched:
        raise StateHeld(_faster(known, as_is))
    if known.state in _EDITABLE:
        records.move(conn, known, CampaignEvent.EDIT, now)
    records.store(conn, known.id, values, now)
    return records.get(conn, definition.slug)


def _open(
    conn: Connection, site: LaunchConfig, campaign: Campaign, event: CampaignEvent, now: datetime, strict: bool = True
) -> Mailing | None:
    """Return the start: state, then mailing, in the caller's transaction.

    ``strict``: if another process was faster, that is a ``StateError``.
    """
    if not records.move(conn, campaign, event, now, launched_at=now):
        if strict:
            raise StateHeld(_faster(campaign, site.say))
        return None
    definition = _again(campaign)
    identity = Identity(site.public_url, site.return_path, site.key_id, site.dkim_selector, site.dkim_domain)
    spec = MailingSpec(
        key=f"campaign:{campaign.id}",
        kind="campaign",
        scope=campaign.topic,
        snapshot=campaign.snapshot,
        identity=identity,
        rate=definition.rate,
        in_doubt=definition.in_doubt or site.in_doubt,  # type: ignore[arg-type]
        send_before=definition.send_before,
    )
    mailing = outbox.open_mailing(conn, spec, now)
    records.attach(conn, campaign.id, mailing.id)
    journal.note(
        conn, {"launched": campaign.slug, "topic": campaign.topic, "at": now.isoformat(), "mailing": mailing.id}
    )
    return mailing


def _hour(definition: Definition, at: str, now: datetime, _: Say) -> datetime:
    """Return when to send: in the future, and given in a time zone."""
    from campaigns.source.local_time import instant

    line, found = definition.lines.get("send_at", 0), definition.send_at
    if at:
        try:
            found = instant(at, definition.zone, _)
        except ValueError as error:
            raise UsageError(f"--at {at}: {error}") from None
        if not definition.timezone and not re.search(r"(Z|UTC|[+-]\d\d:?\d\d)\s*$", at):
            missing = Fault(
                definition.file, 0, "timezone", _("nothing"), _("a time zone"), "timezone: Europe/Amsterdam"
            )
            raise FaultsError([missing])
    if found is None:
        hint = "send_at: 2027-01-20 09:00, timezone: Europe/Amsterdam"
        raise FaultsError([Fault(definition.file, line, "send_at", _("nothing"), _("the hour of sending"), hint)])
    if found <= now:
        shown = local_text(found, definition.timezone or "UTC")
        expected = _("an hour in the future")
        hint = _("To send it now: postiljon send {file} --yes").format(file=definition.file)
        raise FaultsError([Fault(definition.file, line, "--at" if at else "send_at", shown, expected, hint)])
    return found


def _again(campaign: Campaign) -> Definition:
    """Return the definition as it was stored; it was valid then."""
    return read(campaign.source, campaign.file_name)[0]


def _faster(campaign: Campaign, _: Say) -> str:
    return _("{slug} was changed by somebody else at this moment; look with 'postiljon status'").format(
        slug=campaign.slug
    )
