"""One letter for one person, before and after launch: the exact bytes, and a marked test mail.

Promises: after launch :func:`message` gives the bytes that the contact gets or got: the snapshot with the contact's
present values. Its Date is that of the first claim, if there was one. Before launch the Date, the Message-ID and the
token are samples, and the sample token does nothing (it verifies under no key). A test mail says so in its subject, has
a Message-ID of its own and links to pages that say the same (:mod:`unsubscribe.endpoint.trial_pages`). It is no
delivery: nothing is counted, nobody is suppressed. Raises ``InputError`` for an address that no contact has.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.lifecycle import records
from campaigns.lifecycle.preparation import LaunchConfig, PreparedCampaign, prepare_sample
from campaigns.lifecycle.records import Campaign
from campaigns.source.campaign_source import CampaignSource, differences
from mailer import archive, outbox
from mailer.address import Address, parse
from mailer.errors import InputError
from mailer.letter.compiled import Letter, MessageMeta
from mailer.letter.compose import Composer
from mailer.letter.dkim import Signer
from mailer.messages import Message
from mailer.outbox import Claimed
from mailer.outbox.lookup import first_claim
from mailer.outcome.session import stops_all
from mailer.settings import MailerSettings
from mailer.signing import Purpose
from mailer.transport.base import NotWritten, OutgoingMessage, RelayEvent, RelayObserver, Result, Transport, unheard
from mailer.worker import Filled, WorkerDeps
from mailer.worker.message_builder import MessageBuilder
from unsubscribe import contacts
from unsubscribe.contacts import Contact
from unsubscribe.tokens import Tokens

DEAD_TOKEN = "A" * 36  # version 0: no key ever made it
MARK = "[test] "
LONG_ENOUGH = 60.0
NO_ANSWER = Message("the mail server gave no answer within {number} seconds")


@dataclass(frozen=True, slots=True)
class TrialOptions:
    """How test mails are sent. ``notice`` is called when the relay is silent or asks us to wait.

    ``seconds``: for all mails together; None: until the relay takes nothing for a minute. ``person``: a contact whose
    values fill every mail; None: those of the contact with the address of the mail.
    """

    notice: RelayObserver = unheard
    seconds: float | None = None
    person: Contact | None = None


def message(config: LaunchConfig, worker: WorkerDeps, source: CampaignSource, email: str) -> bytes:
    """Return the bytes of the letter for the contact with that address ("": for no particular contact)."""
    prepared = prepare_sample(config, source, worker.clock())
    with config.db.read() as conn:
        campaign = records.find(conn, prepared.definition.slug)
        person = contacts.find(conn, email) if email else None
    if email and person is None:
        raise InputError(Message("nobody is known under {email}", email=email))
    if person is not None and campaign is not None and _same(prepared, campaign):
        return _launched(worker, campaign, person)
    address = parse(email or "reader@example.org")
    return _sample(config, worker, prepared, address, person)


def _same(prepared: PreparedCampaign, campaign: Campaign) -> bool:
    return campaign.is_launched and not differences(prepared.source, campaign.source, campaign.parts)


def _launched(worker: WorkerDeps, campaign: Campaign, person: Contact) -> bytes:
    """Return the letter as a sender makes it."""
    builder = MessageBuilder(worker)
    with worker.db.read() as conn:
        mailing = outbox.get(conn, campaign.mailing_id or 0)
        first = first_claim(conn, mailing.id, person.id) or worker.clock().replace(microsecond=0)
        address = str(parse(person.email))
        claim = Claimed(0, mailing.id, person.id, address, person.address_hash, person.domain, 1, 0, first)
        made = builder.make(conn, mailing, [claim])
    builder.close()
    if not made.ready:
        raise InputError(Message("this person was erased"))
    return made.ready[0][1]().content


def _sample(
    config: LaunchConfig, worker: WorkerDeps, prepared: PreparedCampaign, address: Address, person: Contact | None
) -> bytes:
    """Return the letter with a sample Date, Message-ID and a token that verifies under no key."""
    filled = sample_links(config.public_url, prepared, address, person)
    at = prepared.definition.send_at or worker.clock().replace(microsecond=0)
    return _written(worker, prepared.compiled.letter, (address, filled), at, "sample")


def _written(worker: WorkerDeps, letter: Letter, to: tuple[Address, Filled], at: datetime, name: str) -> bytes:
    """Return a letter that is no delivery; ``name``: the left side of its Message-ID."""
    address, filled = to
    stamp = MessageMeta(
        address=str(address),
        date=at,
        message_id=f"{name}@{letter.from_address.rpartition('@')[2]}",
        name=filled.name,
        unsubscribe_url=filled.unsubscribe_url,
    )
    return _signed(worker.settings, Composer(letter).message(filled.values, stamp), at)


def sample_links(public_url: str, prepared: PreparedCampaign, address: Address, person: Contact | None) -> Filled:
    """Return a person's values, and links that do nothing."""
    online = records.online_url(public_url, prepared.definition.online, prepared.online_code)
    optout, details = f"{public_url}/u/{DEAD_TOKEN}", f"{public_url}/d/{DEAD_TOKEN}"
    return _filled((online, details, optout), address, person)


def _filled(to: tuple[str, str, str], address: Address, person: Contact | None) -> Filled:
    online, details, optout = to
    values = person.values() if person else {"email": str(address)}
    links = {"online": online, "details": details, "optout": optout}
    return Filled(person.name if person else "", {"contact": values, "links": links}, optout)


def _trial_links(
    config: LaunchConfig, tokens: Tokens, prepared: PreparedCampaign, topic: int, campaign: Campaign | None
) -> tuple[str, str, str]:
    """Return the links of a test mail: to pages that say so; *read online* to the letter itself if that was sent."""
    public_url, online = config.public_url, prepared.definition.online
    sent = campaign is not None and _same(prepared, campaign)
    code = campaign.online_code if campaign and sent else records.TRIAL_CODE
    return (
        records.online_url(public_url, online, code),
        tokens.trial_url(public_url, Purpose.DETAILS, topic),
        tokens.trial_url(public_url, Purpose.OPT_OUT, topic),
    )


def _signed(settings: MailerSettings, content: bytes, at: datetime) -> bytes:
    pem = settings.dkim_pem()
    return Signer(pem, settings.dkim_selector, settings.dkim_domain).sign(content, at) if pem else content


def send_tests(
    config: LaunchConfig,
    worker: WorkerDeps,
    source: CampaignSource,
    addresses: Sequence[str],
    options: TrialOptions | None = None,
) -> list[tuple[str, Result]]:
    """Send a marked test mail to each address; return the relay's answers. Raises ``TransportError``."""
    options = options or TrialOptions()
    parsed = [parse(address) for address in addresses]
    now = worker.clock().replace(microsecond=0)
    prepared = prepare_sample(config, source, now)
    letter = prepared.compiled.letter
    marked = replace(letter, subject=(MARK, *letter.subject))
    sender = worker.settings.return_path or letter.from_address
    with config.db.write() as conn:
        archive.keep_images(conn, prepared.compiled)
        people = [options.person or contacts.find(conn, str(address)) for address in parsed]
        topic = contacts.find_topic(conn, prepared.definition.topic)
        campaign = records.find(conn, prepared.definition.slug)
    links = _trial_links(config, Tokens(worker.keyring), prepared, topic.id if topic else 0, campaign)
    mails = []
    for number, (address, person) in enumerate(zip(parsed, people, strict=True)):
        filled = _filled(links, address, person)
        to = address, Filled("", filled.values, filled.unsubscribe_url) if options.person else filled
        content = _written(worker, marked, to, now, f"test-{secrets.token_hex(12)}")
        mails.append(OutgoingMessage(number, sender, str(address), content, address.needs_smtputf8))
    results = asyncio.run(_hand_over(worker.transport, mails, options))
    return [(str(address), results[number]) for number, address in enumerate(parsed)]


async def _hand_over(transport: Transport, mails: list[OutgoingMessage], options: TrialOptions) -> dict[int, Result]:
    """Hand mails to a transport until each is answered, the relay takes nothing any more, or the time is over."""
    stop = asyncio.Event()
    test_messages = _TestMessages(list(mails), stop, options.notice)
    try:
        async with asyncio.timeout(options.seconds):
            await transport.check(options.notice)
            await transport.run(test_messages, stop)
    except TimeoutError:
        test_messages.trouble = NO_ANSWER.format(number=f"{options.seconds:g}")
    return {
        mail.delivery: test_messages.results.get(mail.delivery, NotWritten(test_messages.trouble)) for mail in mails
    }


@dataclass
class _TestMessages:
    """A few test mails, each once; a mail that is handed back is given again, three times at most."""

    waiting: list[OutgoingMessage]
    stop: asyncio.Event
    notice: RelayObserver
    trouble: str = ""
    since: float | None = None
    results: dict[int, Result] = field(default_factory=dict)
    given: dict[int, list[OutgoingMessage]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wanted = len(self.waiting)

    def take(self) -> OutgoingMessage | None:
        """Return the next mail."""
        if not self.waiting:
            return None
        mail = self.waiting.pop(0)
        self.given.setdefault(mail.delivery, []).append(mail)
        return mail

    async def wait(self) -> None:
        """Wait until there is a mail again, or all is done."""
        while not self.waiting and not self.stop.is_set():  # noqa: ASYNC110 - a few mails, a few looks
            await asyncio.sleep(0.05)

    def still_wanted(self, delivery: int) -> bool:
        """Return whether the mail was given out: always so, and no test mail is held back."""
        return delivery in self.given

    def report(self, delivery: int, result: Result) -> None:
        """Keep the result of a mail."""
        attempts = self.given[delivery]
        if isinstance(result, NotWritten) and len(attempts) < 3 and not self.stop.is_set():
            self.waiting.append(attempts[-1])
            return
        self.results[delivery] = result
        if len(self.results) == self.wanted:
            self.stop.set()

    def relay(self, event: RelayEvent) -> None:
        """End the test when the relay refuses us, or takes nothing for a minute."""
        if event.kind == "open":
            self.since = None
        elif stops_all(event):
            now, first = time.monotonic(), self.since is None
            self.since, self.trouble = self.since or now, f"{event.code or ''} {event.text}".strip()
            if event.kind == "refused" or (event.kind != "silent" and now - self.since > LONG_ENOUGH):
                self.stop.set()
            elif first or event.kind == "silent":
                self.notice(event)
