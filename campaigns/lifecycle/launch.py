"""The launch of a campaign: now, or planned for its hour; from then on senders take its letters.

Promises: the start is one transaction (state, mailing, snapshot) that one of several processes wins. What was prepared
and shown is what is launched, by the hash of its letter. The same source again sends nothing twice. A planned campaign
is launched with the letter that was compiled when it was planned. Raises ``FaultsError`` and ``InputError`` for the
source, and for links that only this machine reaches (:mod:`campaigns.lifecycle.reachability`). Raises ``StateError``
for a campaign that is paused, held or cancelled. Success of :func:`start` does not mean that anybody got it yet; its
audience is frozen afterwards (:mod:`campaigns.lifecycle.freezing`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from campaigns.lifecycle import reachability, records, versions
from campaigns.lifecycle.preparation import LaunchConfig, PreparedCampaign, find, hour_of, prepare
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignEvent, CampaignState, changed_meanwhile, missed_its_hour
from campaigns.lifecycle.versions import Kind
from campaigns.source.campaign_source import CampaignSource
from campaigns.source.definition import read
from mailer import archive, journal, outbox
from mailer.errors import StateError, StateHeld
from mailer.letter.personalise import render_public
from mailer.messages import Advice, Message
from mailer.outbox import Identity, Mailing, MailingSpec

MISSED = "missed"
PLANNED_FOR_HERE = Message("{slug} was planned while its links led to this machine only: {plan_again}")
_EDITABLE = (CampaignState.IN_REVIEW, CampaignState.APPROVED, CampaignState.SCHEDULED)
Confirm = Callable[[PreparedCampaign], None]
Noted = Callable[[Connection], None]


def unconfirmed(_prepared: PreparedCampaign) -> None:
    """Do nothing: the default, where nobody is asked."""


def unnoted(_conn: Connection) -> None:
    """Do nothing: the default, where an act is in no audit trail."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as its user confirmed it. ``campaign``: as it was shown; ``at``: its hour, None for at once.

    ``noted`` is called in the transaction of the act, to add it to the audit trail.
    """

    campaign: Campaign
    at: datetime | None
    by: str
    noted: Noted = unnoted


def carry_out(config: LaunchConfig, source: CampaignSource, order: Order, now: datetime) -> Campaign:
    """Plan a campaign, or launch it at once, exactly as it was shown; return it as it is then.

    Raises ``StateHeld``, and changes nothing, if anything about the campaign was changed since it was shown: an order
    is carried out once. Raises ``FaultsError`` for the source.
    """
    reachability.refuse(config.link_target)
    prepared = prepare(config, source, now, order.campaign.online_code, order.at or now)
    with config.db.write() as conn:
        shown = order.campaign
        now_there = records.locked(conn, shown.slug)
        if _as_read(now_there) != _as_read(shown):
            raise StateHeld(changed_meanwhile(shown.slug))
        campaign = _store_draft(conn, prepared, now, order.by, "planned" if order.at else "sent")
        if order.at is None:
            _open_mailing(conn, config, campaign, CampaignEvent.START, now)
        elif not records.change_state(conn, campaign, CampaignEvent.SCHEDULE, now, send_at=order.at):
            raise StateHeld(changed_meanwhile(shown.slug))
        order.noted(conn)
        return records.get(conn, shown.slug)


def start(
    config: LaunchConfig, source: CampaignSource, now: datetime, confirm: Confirm = unconfirmed, by: str = ""
) -> Campaign:
    """Launch a campaign now, or find it launched by the same source; return the campaign as it is then.

    ``confirm`` gets the prepared campaign before anything is stored; an error that it raises ends the launch.
    ``by``: the actor, as in the audit trail.
    """
    reachability.refuse(config.link_target)
    known = find(config, source)
    if known and known.is_launched:
        return known
    if known and known.state is CampaignState.HELD:
        raise StateHeld(missed_its_hour(known.slug))
    prepared = prepare(config, source, now, known.online_code if known else "")
    confirm(prepared)
    try:
        with config.db.write() as conn:
            campaign = _store_draft(conn, prepared, now, by, "sent")
            _open_mailing(conn, config, campaign, CampaignEvent.START, now)
            return records.get(conn, campaign.slug)
    except StateError:
        known = find(config, source)
        if known and known.is_launched:  # another process has just launched the same source: carry on with it
            return known
        raise


def schedule(
    config: LaunchConfig,
    source: CampaignSource,
    now: datetime,
    at: str = "",
    confirm: Confirm = unconfirmed,
    by: str = "",
) -> Campaign:
    """Let the clock launch a campaign: at its ``send_at``, or at ``at`` (in its own time zone).

    ``by``: the actor, as in the audit trail.
    """
    reachability.refuse(config.link_target)
    known = find(config, source)
    if known and known.is_launched:
        text = Message("{slug} was launched already; it is {state}")
        raise StateError(text.format(slug=known.slug, state=known.state))
    right = not any(fault.severity == "error" for fault in source.faults)  # else prepare reports all faults
    send_at = hour_of(source.definition, now, at) if right else None
    prepared = prepare(config, source, now, known.online_code if known else "", send_at)
    confirm(prepared)
    with config.db.write() as conn:
        campaign = _store_draft(conn, prepared, now, by, "planned")
        if not records.change_state(conn, campaign, CampaignEvent.SCHEDULE, now, send_at=send_at):
            raise StateHeld(changed_meanwhile(campaign.slug))
        return records.get(conn, campaign.slug)


def _as_read(campaign: Campaign) -> tuple[object, ...]:
    return campaign.changed_at, campaign.state, campaign.version, campaign.put_away_at


def launch_due(config: LaunchConfig, now: datetime) -> list[Campaign]:
    """Start every campaign whose hour has come, each by a conditional update; hold campaigns that are too late."""
    with config.db.read() as conn:
        due = records.due(conn, now)
    launched = []
    for campaign in due:
        with config.db.write() as conn:
            if campaign.send_at and now - campaign.send_at > config.late:
                records.change_state(conn, campaign, CampaignEvent.HOLD, now, reason=MISSED)
            elif reachability.was_planned_for_here(conn, config.link_target, campaign.snapshot):
                records.change_state(conn, campaign, CampaignEvent.HOLD, now, reason=reachability.PLANNED)
            elif _open_mailing(conn, config, campaign, CampaignEvent.START, now, strict=False):
                launched.append(campaign)
    return launched


def resume_missed(config: LaunchConfig, campaign: Campaign, now: datetime, noted: Noted = unnoted) -> None:
    """Start a campaign that was held before it was launched: its hour had been missed."""
    with config.db.write() as conn:
        if reachability.was_planned_for_here(conn, config.link_target, campaign.snapshot):
            raise StateError(PLANNED_FOR_HERE.format(slug=campaign.slug, plan_again=Advice("plan_again")))
        _open_mailing(conn, config, campaign, CampaignEvent.RESUME, now)
        noted(conn)


def _store_draft(conn: Connection, prepared: PreparedCampaign, now: datetime, by: str, kind: Kind) -> Campaign:
    """Return the campaign of a prepared source, as a draft or where it was, with its letter and its version kept."""
    definition = prepared.definition
    values: dict[str, Any] = {
        "slug": definition.slug,
        "source": definition.source,
        "file_name": prepared.source.name,
        "parts": prepared.source.parts({image.sha256 for image in prepared.compiled.images}),
        "snapshot": archive.keep(conn, prepared.compiled, now),
        "subject": render_public(prepared.compiled.letter.subject, definition.language),
        "from_address": definition.from_address,
        "topic": definition.topic,
        "language": definition.language,
        "timezone": definition.timezone,
        "send_at": prepared.send_at,
        "online": definition.online,
        "online_code": prepared.online_code,
        "name": definition.name,
    }
    known = records.find(conn, definition.slug)
    if known is None and records.add(conn, values, now):
        return _with_version(conn, prepared, now, by, kind)
    known = known or records.get(conn, definition.slug)
    if known.is_launched or known.origin != prepared.source.origin:
        raise StateHeld(changed_meanwhile(known.slug))
    if known.put_away_at is not None:
        raise StateError(Message("{slug} was put away: bring it back first", slug=known.slug))
    if known.state in _EDITABLE:
        records.change_state(conn, known, CampaignEvent.EDIT, now)
    records.store(conn, known.id, values, now)
    return _with_version(conn, prepared, now, by, kind)


def _with_version(conn: Connection, prepared: PreparedCampaign, now: datetime, by: str, kind: Kind) -> Campaign:
    """Keep the text as a version that stays; return the campaign. Raises ``StateHeld`` if a draft was saved since."""
    campaign = records.get(conn, prepared.definition.slug)
    present, source = versions.latest(conn, campaign.id), prepared.definition.source
    is_ours = campaign.origin == "console"
    images = prepared.source.pictures(None if is_ours else {image.sha256 for image in prepared.compiled.images})
    if present and present.hash == versions.hash_of(source, images):
        versions.keep(conn, present, kind)
        return campaign
    if is_ours:
        raise StateHeld(changed_meanwhile(campaign.slug))
    version = versions.add(conn, campaign.id, (source, images), kind, by, now)
    records.store(conn, campaign.id, {"version": version.number}, now)
    return records.get(conn, campaign.slug)


def _open_mailing(
    conn: Connection, config: LaunchConfig, campaign: Campaign, event: CampaignEvent, now: datetime, strict: bool = True
) -> Mailing | None:
    """Change the state and open the mailing, in the caller's transaction; return the mailing.

    If another process was faster: raises ``StateHeld`` if ``strict``, else returns None.
    """
    if not records.change_state(conn, campaign, event, now, launched_at=now):
        if strict:
            raise StateHeld(changed_meanwhile(campaign.slug))
        return None
    definition = read(campaign.source, campaign.file_name)[0]  # as it was stored; it was valid then
    identity = Identity(config.public_url, config.return_path, config.key_id, config.dkim_selector, config.dkim_domain)
    spec = MailingSpec(
        key=f"campaign:{campaign.id}",
        kind="campaign",
        scope=campaign.topic,
        snapshot=campaign.snapshot,
        identity=identity,
        rate=definition.rate,
        in_doubt=definition.in_doubt or config.in_doubt,  # type: ignore[arg-type]
        send_before=definition.send_before,
    )
    mailing = outbox.open_mailing(conn, spec, now)
    records.attach(conn, campaign.id, mailing.id)
    journal.add(
        conn, {"launched": campaign.slug, "topic": campaign.topic, "at": now.isoformat(), "mailing": mailing.id}
    )
    return mailing
