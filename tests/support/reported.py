"""Campaigns with an outcome: launched, claimed and settled as a sender does it, without a mail server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from campaigns.lifecycle import control, freezing, launch, records
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import from_folder
from mailer import outbox
from mailer.outbox import Claimed, Settlement
from tests.support.campaigning import PEPPER, TOPIC, CampaignSetup
from unsubscribe import contacts
from unsubscribe.contacts import Contact, Person

Answer = tuple[str, str, int, str]
"""State, reason, code and words, as a mail server's answer is settled."""
YES: Answer = ("accepted", "", 250, "2.0.0 Ok: queued as 4F2")
GONE: Answer = ("refused", "no_address", 550, "5.1.1 <lezer@example.org>: user unknown")


def add(setup: CampaignSetup, email: str, name: str = "", topic: str = TOPIC) -> Contact:
    """Add a subscriber; ``topic`` "": a contact that is subscribed to nothing."""
    with setup.db.write() as conn:
        contact = contacts.add(conn, Person(email, name), PEPPER, setup.clock())
        if topic:
            found = contacts.ensure_topic(conn, topic, "", setup.clock())
            contacts.subscribe(conn, contact.id, found.id, setup.clock())
    return contact


def launched(setup: CampaignSetup, slug: str = "denkt-u-mee", **more: str) -> Campaign:
    """Launch a campaign now, and list its audience."""
    campaign = launch.start(setup.config, from_folder(setup.write(slug, **more)), setup.clock())
    freezing.freeze(setup.db, campaign, setup.clock, lambda: True)
    return read(setup, slug)


def read(setup: CampaignSetup, slug: str = "denkt-u-mee") -> Campaign:
    """The campaign as it is stored now."""
    with setup.db.read() as conn:
        return records.get(conn, slug)


def answered(
    setup: CampaignSetup,
    campaign: Campaign,
    answer: Callable[[Claimed], Answer] | Answer = YES,
    most: int = 1_000,
    pace: timedelta = timedelta(),
) -> list[Claimed]:
    """Claim what waits and settle it; ``pace``: the clock goes on by so much with each page of claims."""
    mailing, everybody = campaign.mailing_id or 0, []
    sender = outbox.register(setup.db, setup.folder, "a sender", setup.clock())
    while True:
        with setup.db.write() as conn:
            claimed = outbox.claim(conn, sender.id, {mailing: most}, setup.clock())
            outbox.settle(conn, sender.id, [_settled(one, answer, setup.clock()) for one in claimed], setup.clock())
        if not claimed:
            break
        everybody += claimed
        setup.clock.now += pace
    sender.abandon()
    return everybody


def _settled(one: Claimed, answer: Callable[[Claimed], Answer] | Answer, now: datetime) -> Settlement:
    state, reason, code, words = answer(one) if callable(answer) else answer
    later = now + timedelta(minutes=15) if state == "retry" else None
    return Settlement(one.delivery, one.mailing, one.attempt, state, reason, code, words, later)  # type: ignore[arg-type]


def sent(
    setup: CampaignSetup, slug: str = "denkt-u-mee", answer: Callable[[Claimed], Answer] | Answer = YES, **more: str
) -> Campaign:
    """Launch a campaign, have all letters answered, and finish it."""
    campaign = launched(setup, slug, **more)
    answered(setup, campaign, answer)
    control.reconcile(setup.db, setup.clock())
    return read(setup, slug)


def by_address(answers: dict[str, Answer]) -> Callable[[Claimed], Answer]:
    """Answers for some addresses; all others are accepted."""
    return lambda one: answers.get(one.address, YES)


def deliveries(setup: CampaignSetup, campaign: Campaign) -> Sequence[outbox.Delivery]:
    """The rows of a campaign."""
    with setup.db.read() as conn:
        return list(outbox.deliveries(conn, campaign.mailing_id or 0))
