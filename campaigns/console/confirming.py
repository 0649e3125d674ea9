"""Check answers and confirm: what will be sent, to whom and when, before it is planned or sent.

Promises: the page says the fact in one sentence, and so does its button. Faults stop it, each with a link to its place.
The form carries what was shown: if anything was changed since, nothing is done and the page comes again with the
difference marked. Its key belongs to one state of the campaign, so that a second click changes nothing. After an act
comes the page of the planned campaign, which says how it stands.

*Send now* plans for now and ``POSTILJON_UNDO``, so that it can be taken back; without that span it begins at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console.faults import field_name
from campaigns.console.follow_words import capital
from campaigns.console.following import noted
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.when import zone_of
from campaigns.lifecycle import drafts, launch, preparation, reachability
from campaigns.lifecycle.audience import Tally
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.launch import Order
from campaigns.lifecycle.report import reason_of
from campaigns.lifecycle.states import CampaignState
from campaigns.source.campaign_source import CampaignSource
from campaigns.staff.audit import Verb
from campaigns.staff.rights import Right
from mailer.errors import FOUND, Fault, FaultsError, PostiljonError
from mailer.messages import joined
from unsubscribe import contacts

How = Literal["plan", "now"]
OPEN = (CampaignState.DRAFT, CampaignState.IN_REVIEW, CampaignState.APPROVED)
NOTICEABLE, AT_LEAST = 0.01, 10  # of the people: what a difference in their number must be to be asked again


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is confirmed. ``at``: the hour, None for *send now*; ``faults``: those that stop it."""

    draft: Draft
    how: How
    at: datetime | None
    zone: str
    topic: str
    tally: Tally
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]

    @property
    def key(self) -> str:
        """The key of this state of the campaign: an order with another one is not carried out."""
        campaign = self.draft.campaign
        read = (campaign.id, campaign.changed_at.isoformat(), campaign.state.value, self.draft.version.hash)
        return hashlib.sha256(repr(read).encode()).hexdigest()[:32]

    def is_past(self, now: datetime) -> bool:
        """Return whether its hour is over."""
        return self.at is not None and self.at <= now

    def shown(self) -> dict[str, str]:
        """Return what the page shows, as the form carries it back."""
        definition = self.draft.definition
        found = {
            "subject": definition.subject,
            "sender": f"{definition.from_name} <{definition.from_address}>",
            "topic": f"{definition.topic} {definition.segment}",
            "at": self.at.isoformat() if self.at else "",
            "version": self.draft.version.hash[:12],
            "people": str(self.tally.mailed),
        }
        return {name: " ".join(value.split()) for name, value in found.items()}


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns/{slug}/plan", show=show, act=confirm, right=Right.SEND, is_slow=True)]


def show(visit: Visit) -> Response:
    """Show the page; without an hour the page on which one is chosen."""
    how: How = "now" if visit.query("how") == "now" else "plan"
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        if draft.campaign.state not in OPEN:
            return visit.go(f"/campaigns/{draft.campaign.slug}/planned")
        if how == "plan" and draft.definition.send_at is None:
            return visit.go(f"/campaigns/{draft.campaign.slug}/when", back="plan")
        facts, _source = gathered(visit, conn, draft, how)
    return _page(visit, facts)


def confirm(visit: Visit) -> Response:
    """Plan it, or send it, if everything is as it was shown."""
    how: How = "now" if visit.form.one("how") == "now" else "plan"
    slug = visit.path["slug"]
    with visit.read() as conn:
        draft = drafts.current(conn, slug)
        if draft.campaign.state not in OPEN:  # a second click, or a colleague was faster: the page says how it stands
            return visit.go(f"/campaigns/{slug}/planned")
        facts, source = gathered(visit, conn, draft, how)
    seen = {name: visit.form.one(f"seen-{name}") for name in facts.shown()}
    changed = differences(facts, seen, visit.form.one("key"))
    if facts.faults or facts.is_past(visit.now) or not facts.tally.mailed:
        return _page(visit, facts, 422)
    if changed:
        return _page(visit, facts, 409, changed, seen)
    undo = visit.console.app.campaign.undo
    at = facts.at if how == "plan" else visit.now + undo if undo else None
    verb = Verb.PLAN if how == "plan" else Verb.SEND
    order = Order(draft.campaign, at, visit.origin.actor, noted(visit, verb))
    try:
        launch.carry_out(visit.console.launch_config, source, order, visit.now)
    except FaultsError as error:
        return visit.problem(error, 422, f"/campaigns/{slug}/plan")
    except PostiljonError as error:
        with visit.read() as conn:
            is_done = drafts.current(conn, slug).campaign.state not in OPEN
        if is_done:  # two clicks at the same moment
            return visit.go(f"/campaigns/{slug}/planned")
        return visit.problem(error, 409, f"/campaigns/{slug}/plan")
    return visit.go(f"/campaigns/{slug}/planned", "planned" if at else "sending")


def gathered(visit: Visit, conn: Connection, draft: Draft, how: How) -> tuple[Facts, CampaignSource]:
    """Return all facts about a draft, with its source. Compiles the letter."""
    config, definition = visit.console.launch_config, draft.definition
    source = source_of(visit, conn, draft)
    at = definition.send_at if how == "plan" else None
    _prepared, faults = preparation.examine(
        config, source, visit.now, code=draft.campaign.online_code, send_at=at or visit.now
    )
    topic = contacts.find_topic(conn, definition.topic)
    stops = [fault for fault in faults if fault.severity == "error" or fault.field == "topic"]
    if not any(fault.field == "public_url" for fault in stops):
        stops += [fault for fault in [reachability.refusal(config.link_target)] if fault]
    tally = visit.console.tallies.of(conn, definition.topic, definition.segment, draft.campaign.language, visit.now)
    name = topic.name_in(visit.words.language) if topic else definition.topic
    others = tuple(fault for fault in faults if fault not in stops)
    facts = Facts(draft, how, at, zone_of(visit, draft), name, tally, tuple(stops), others)
    return facts, source


def source_of(visit: Visit, conn: Connection, draft: Draft) -> CampaignSource:
    """Return the source of a draft; that of a campaign that is kept in a file stays one of a file."""
    found = drafts.source_of(conn, draft, visit.console.app.campaign.brand)
    return replace(found, origin=draft.campaign.origin)


def differences(facts: Facts, seen: Mapping[str, str], key: str) -> set[str]:
    """Return what is another now than the form says was shown; ``campaign`` for anything that no field names."""
    now = facts.shown()
    found = {name for name in now if name != "people" and now[name] != seen.get(name)}
    before = seen.get("people", "")
    if not before.isdecimal() or abs(int(before) - facts.tally.mailed) > max(AT_LEAST, NOTICEABLE * facts.tally.mailed):
        found.add("people")
    return found or (set() if key == facts.key else {"campaign"})


def plain(visit: Visit, fault: Fault) -> str:
    """Return a fault as a sentence, without the name of a file that nobody of the console has."""
    said = FOUND.format(found=fault.found, expected=fault.expected)
    about = field_name(visit.words, fault.field)
    whole = visit.words.said(joined(". ", [said, fault.hint]))
    return f"{capital(about)}: {whole}" if about else capital(whole)


def place_of(facts: Facts, fault: Fault) -> str:
    """Return the page on which a fault is mended."""
    slug = facts.draft.campaign.slug
    if fault.file != facts.draft.campaign.file_name or fault.field == "brand":
        return ""
    return f"/campaigns/{slug}/when" if fault.field in ("send_at", "timezone") else f"/campaigns/{slug}/text"


def _page(
    visit: Visit,
    facts: Facts,
    status: int = 200,
    changed: set[str] | None = None,
    seen: Mapping[str, str] | None = None,
) -> Response:
    words, undo = visit.words, visit.console.app.campaign.undo
    _, stops = words.gettext, [(plain(visit, fault), place_of(facts, fault)) for fault in facts.faults]
    if facts.is_past(visit.now):
        stops.append(
            (_("Its hour is past. Choose one that is still to come."), f"/campaigns/{facts.draft.campaign.slug}/when")
        )
    if not facts.tally.mailed:
        stops.append((_("Nobody would get this: the topic has no people that may be mailed."), ""))
    return visit.page(
        "plan.html",
        status,
        facts=facts,
        campaign=facts.draft.campaign,
        definition=facts.draft.definition,
        stops=stops,
        warnings=[(plain(visit, fault), place_of(facts, fault)) for fault in facts.warnings],
        left_out=[(words.said(reason), number) for reason, number in _left_out(facts.tally)],
        changed=changed or set(),
        seen=seen or {},
        shown=facts.shown(),
        undo=undo,
    )


def _left_out(tally: Tally) -> list[tuple[str, int]]:
    found = [(reason_of("skipped", f"suppressed:{reason}"), number) for reason, number in tally.left_out.items()]
    return sorted(found, key=lambda item: -item[1])
