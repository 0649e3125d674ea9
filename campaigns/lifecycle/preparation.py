"""From the source of a campaign to a prepared one: read, compiled, every fault found, and nothing stored.

Promises: a letter is compiled once, and the :class:`PreparedCampaign` is what is shown, confirmed and launched.
:func:`examine` gives every fault and warning of file, brand and text at once; :func:`prepare` raises them. The same
source again is found launched; one that differs from the launched one is refused with the difference (:func:`find`).
Reads the database, changes nothing. Raises ``FaultsError`` and ``InputError``.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection

from campaigns.lifecycle import records, versions
from campaigns.lifecycle.compiling import Compile, compile_here
from campaigns.lifecycle.reachability import LinkTarget
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import CampaignSource, differences
from campaigns.source.definition import Definition
from campaigns.source.front_matter import did_you_mean
from campaigns.source.local_time import instant, local_text
from campaigns.staff import users
from mailer.errors import Fault, FaultsError, InputError, UsageError
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.messages import Advice, Message, joined
from mailer.settings import InDoubt
from mailer.storage import Database
from templates.words import primary
from unsubscribe import contacts
from unsubscribe.contacts import Topic


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
    relay: str = "127.0.0.1"
    url_is_set: bool = True
    compile: Compile = compile_here

    @property
    def link_target(self) -> LinkTarget:
        """Where links lead, and through which relay letters leave."""
        return LinkTarget(self.public_url, self.relay, self.url_is_set)


@dataclass(frozen=True, slots=True)
class PreparedCampaign:
    """A source with the letter that was compiled from it, ready to be stored."""

    source: CampaignSource
    compiled: Compiled
    online_code: str
    send_at: datetime | None

    @property
    def definition(self) -> Definition:
        """The definition: short for ``source.definition``."""
        return self.source.definition


def find(config: LaunchConfig, source: CampaignSource) -> Campaign | None:
    """Return the campaign of this source, if there is one.

    Raises ``InputError`` if another text was launched, and if its text is kept elsewhere: in the console, or in a file.
    """
    with config.db.read() as conn:
        known = records.find(conn, source.definition.slug)
        if known and known.origin != source.origin:
            _refuse_other_origin(conn, known)
    if known is None or not known.is_launched:
        return known
    changed = differences(source, known.source, known.parts)
    if changed:
        text = Message("{path} differs from what was launched as {slug}; give it another slug, or undo the change:")
        raise InputError(joined("\n", [text.format(path=source.name, slug=known.slug), changed]))
    return known


def _refuse_other_origin(conn: Connection, known: Campaign) -> None:
    """Raise ``InputError``: a file is not to overwrite a text that staff keep in the console, nor the other way."""
    if known.origin == "file":
        raise InputError(Message("{slug} is kept in a file: take it over first", slug=known.slug))
    last = versions.latest(conn, known.id)
    text = Message("{slug} is kept in the console, where {who} changed it last, on {when}; {next_step}")
    who = _name_of(conn, last.made_by) if last else "?"
    when = local_text((last.made_at if last else known.changed_at).replace(microsecond=0), known.timezone or "UTC")
    raise InputError(text.format(slug=known.slug, who=who, when=when, next_step=Advice("take", slug=known.slug)))


def _name_of(conn: Connection, actor: str) -> str:
    kind, _, number = actor.partition(":")
    return users.names(conn).get(int(number), actor) if kind == "user" and number.isdecimal() else actor


def prepare(
    config: LaunchConfig, source: CampaignSource, now: datetime, code: str = "", send_at: datetime | None = None
) -> PreparedCampaign:
    """Compile; raises ``FaultsError`` with every fault of file, brand and text at once.

    ``code``: the campaign's code for *read online* (default: a new one). ``send_at``: its hour, shown in the letter.
    """
    prepared, faults = examine(config, source, now, code=code, send_at=send_at)
    if prepared is None or any(fault.field == "topic" for fault in faults):
        raise FaultsError([replace(fault, severity="error") for fault in faults if _stops(fault)])
    return prepared


def prepare_sample(config: LaunchConfig, source: CampaignSource, now: datetime) -> PreparedCampaign:
    """Return the same for a preview: the topic need not exist yet."""
    prepared, faults = examine(config, source, now)
    if prepared is None:
        raise FaultsError([fault for fault in faults if fault.severity == "error"])
    return prepared


def examine(
    config: LaunchConfig, source: CampaignSource, now: datetime, *, code: str = "", send_at: datetime | None = None
) -> tuple[PreparedCampaign | None, list[Fault]]:
    """Compile; return every fault and warning, and None on an error. An unknown topic is a warning."""
    definition = source.definition
    with config.db.read() as conn:
        topic = contacts.find_topic(conn, definition.topic)
    faults = list(source.faults)
    if topic is None and "topic" in definition.lines and not any(fault.field == "topic" for fault in faults):
        faults.append(unknown_topic(config, definition))
    code = code or secrets.token_urlsafe(12)
    compiled = None
    try:
        compiled = config.compile(letter_source(config, source, topic, code, now, send_at))
        faults += [definition.at_line(fault) for fault in compiled.warnings]
    except FaultsError as error:
        faults += [definition.at_line(fault) for fault in error.faults]
    faults = sorted(dict.fromkeys(faults), key=lambda fault: (fault.file != source.name, fault.line))
    if compiled is None or any(fault.severity == "error" for fault in faults):
        return None, faults
    return PreparedCampaign(source, compiled, code, send_at), faults


def _stops(fault: Fault) -> bool:
    return fault.severity == "error" or fault.field == "topic"


def letter_source(
    config: LaunchConfig,
    source: CampaignSource,
    topic: Topic | None,
    code: str,
    now: datetime,
    send_at: datetime | None = None,
) -> LetterSource:
    """Return the source of a letter, for compile."""
    definition = replace(source.definition, send_at=send_at or source.definition.send_at)
    domain = definition.from_address.rpartition("@")[2]
    return LetterSource(
        file=source.name,
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
        brand=source.brand,
        images=source.images,
        public_url=config.public_url,
        online=definition.online != "none",
        online_url=records.online_url(config.public_url, definition.online, code),
        canonical_url=records.canonical_url(config.public_url, definition.online, code, definition.slug),
        subscribe_url=_subscribe_url(config, topic, definition.language),
        topic_name=topic.name_in(definition.language) if topic else definition.topic,
        list_id=f"{definition.topic}.{domain}",
        headers=(("Feedback-ID", feedback_id(definition.slug, definition.topic, domain)),),
        lines=definition.lines,
    )


def _subscribe_url(config: LaunchConfig, topic: Topic | None, language: str) -> str:
    """Return where the reader of a forwarded letter may sign up; empty when strangers may not."""
    if topic is None or not topic.is_open:
        return ""
    return f"{config.public_url}/subscribe?topic={topic.slug}&lang={primary(language)}"


def feedback_id(slug: str, topic: str, domain: str) -> str:
    """Return ``Feedback-ID`` (B18): campaign, topic, kind, and a constant sender of 5 to 15 characters; none twice."""
    sender = re.sub(r"[^a-z0-9]", "", domain.lower())[-15:].rjust(5, "0")
    return f"c-{slug}:t-{topic}:campaign:{sender}"


def unknown_topic(config: LaunchConfig, definition: Definition) -> Fault:
    """Return the fault for an unknown topic: a warning of ``check``, an error of ``send`` and ``schedule``."""
    with config.db.read() as conn:
        known = [topic.slug for topic in contacts.topics(conn)]
    line = definition.lines.get("topic", 0)
    hint = did_you_mean(definition.topic, known) or Advice("import")
    return Fault(
        definition.file, line, "topic", repr(definition.topic), Message("a topic that exists"), hint, "warning"
    )


def hour_of(definition: Definition, now: datetime, at: str = "") -> datetime:
    """Return when to send: ``send_at`` of the file, or ``at``; in the future, and given in a time zone.

    Raises ``FaultsError`` for an hour that is missing or past, ``UsageError`` for an ``at`` that cannot be read.
    """

    line, found = definition.lines.get("send_at", 0), definition.send_at
    if at:
        try:
            found = instant(at, definition.zone)
        except ValueError as error:
            raise UsageError(joined(": ", [f"--at {at}", str(error)])) from None
        if not definition.timezone and not re.search(r"(Z|UTC|[+-]\d\d:?\d\d)\s*$", at):
            example = "timezone: Europe/Amsterdam"
            raise FaultsError([_missing(definition, 0, "timezone", Message("a time zone"), example)])
    if found is None:
        hint = "send_at: 2027-01-20 09:00, timezone: Europe/Amsterdam"
        raise FaultsError([_missing(definition, line, "send_at", Message("the hour of sending"), hint)])
    if found <= now:
        shown = local_text(found, definition.timezone or "UTC")
        expected = Message("an hour in the future")
        hint = Advice("send_now", file=definition.file)
        raise FaultsError([Fault(definition.file, line, "--at" if at else "send_at", shown, expected, hint)])
    return found


def _missing(definition: Definition, line: int, field: str, expected: Message, hint: str) -> Fault:
    return Fault(definition.file, line, field, Message("nothing"), expected, hint)
