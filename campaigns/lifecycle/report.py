"""The outcome of a campaign: numbers for machines, exactly as in the contract, and words for people.

Promises: :func:`status` has exactly the fields that docs/commands.md names: ``campaign``, ``state``, ``reason`` and
integers that add up to ``recipients``. Fields added later are below ``details``, which holds no address. Reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from campaigns.lifecycle import audience, records
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState, missed_its_hour
from campaigns.source.local_time import local_text
from mailer import outbox
from mailer.errors import InputError
from mailer.messages import Advice, Message, joined, recalled, without_stop
from mailer.outbox import Counts, Delivery, Hold, service
from mailer.transport import hints

if TYPE_CHECKING:
    from mailer.worker import RelayReport

STATES = {
    "draft": Message("Draft"),
    "in_review": Message("Waiting for approval"),
    "approved": Message("Approved"),
    "scheduled": Message("Planned"),
    "sending": Message("Being sent"),
    "paused": Message("Paused"),
    "held": Message("Held"),
    "finished": Message("Sent"),
    "cancelled": Message("Stopped"),
}
DELIVERIES = {
    "waiting": Message("In the queue"),
    "sending": Message("Being offered"),
    "accepted": Message("Accepted"),
    "retry": Message("Will be tried again"),
    "refused": Message("Refused"),
    "skipped": Message("Left out"),
    "in_doubt": Message("In doubt"),
    "bounced": Message("Came back"),
    "complained": Message("Reported as spam"),
}
SKIPPED = {
    "suppressed:opt_out": Message("opted out"),
    "suppressed:undeliverable": Message("undeliverable"),
    "suppressed:complaint": Message("reported as spam before"),
    "suppressed:pause": Message("paused by the reader"),
    "suppressed:less_often": Message("asked for less mail"),
    "suppressed:erased": Message("erased"),
    "suppressed:manual": Message("held back by hand"),
    "cancelled": Message("the campaign was stopped"),
    "expired": Message("too late: send_before had passed"),
    "erased": Message("erased"),
}
OURS = {  # reasons that we write ourselves into any other state
    "time_is_up": Message("the time for trying again was up"),
    "unsendable": Message("no letter can be made for this address"),
    "sender_gone": Message("the sender was gone before the answer came"),
    "send_again": Message("somebody chose to send it again"),
    "treat_as_sent": Message("somebody chose to treat it as sent"),
    "proved": Message("proof came later that it had arrived"),
    "complaint": Message("said by the reader"),
}
HELD = {
    "missed": Message("its hour passed while nothing was serving"),
    "restored": Message(
        "a backup was put back, and letters may have left since; compare with the log of your mail server"
    ),
    "links_stay_here": Message(
        "its links, which cannot change any more, work on this machine only; cancel it, and send the file under "
        "another slug"
    ),
    "planned_for_here": Message(
        "it was planned while its links led to this machine only; {plan_again}", plan_again=Advice("plan_again")
    ),
    "letter_broken": Message("the letter cannot be made; the log of the sender says why"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A state with its reason and the number of people, in words."""

    state: str
    reason: str
    people: int
    words: str


def status(conn: Connection, slug: str) -> dict[str, Any]:
    """Return the status of a campaign as ``status SLUG --json`` prints it."""
    return of_campaign(conn, records.get(conn, slug))


def all_statuses(conn: Connection) -> list[dict[str, Any]]:
    """Return the same for every campaign, the newest first."""
    return [of_campaign(conn, campaign, brief=True) for campaign in records.all_campaigns(conn)]


def of_campaign(conn: Connection, campaign: Campaign, *, brief: bool = False) -> dict[str, Any]:
    """Return the fields of the contract; with ``details``, their words in a language, unless ``brief``."""
    counts, state, reason = Counts(), campaign.state.value, campaign.reason
    if campaign.mailing_id is not None:
        mailing = outbox.get(conn, campaign.mailing_id)
        counts = mailing.counts
        if campaign.state is CampaignState.SENDING and mailing.state == "held":  # a rule has just held it
            state, reason = CampaignState.HELD.value, mailing.reason
    found = {"campaign": campaign.slug, "state": state, "reason": reason} | asdict(counts)
    return found if brief else found | {"details": _details(conn, campaign)}


def outcomes(conn: Connection, campaign: Campaign) -> list[Outcome]:
    """Return how many people got it, and how many did not and why, largest first."""
    if campaign.mailing_id is None:
        return []
    return [
        Outcome(state, reason, people, words_of(state, reason))
        for state, reason, people in outbox.outcomes(conn, campaign.mailing_id)
    ]


def why_nothing(conn: Connection, campaign: Campaign, now: datetime) -> list[str]:
    """Return why no letter of this campaign leaves now, in sentences; empty when letters leave, or all is done."""
    zone = campaign.timezone or "UTC"
    if campaign.mailing_id is None:
        when = (
            local_text(campaign.send_at, zone) if campaign.send_at and campaign.state is CampaignState.SCHEDULED else ""
        )
        return [Message("It goes out on {when}.", when=when)] if when else []
    sentences = {
        "no_sender": Message("No sender runs: {start}.", start=Advice("start_sender")),
        "relay_away": Message("The mail server has not answered since {when} ({words}). We keep trying."),
        "relay_waits": Message("The mail server has taken nothing since {when}; it says: {words}. We keep trying."),
        "rate": Message("The rate limit of this campaign keeps letters back for another {minutes} min."),
        "rest": Message(
            "{words} takes no mail from us for now. Letters that wait: {number}. The next is tried at {when}."
        ),
        "audience": Message("The audience is still being listed; people so far: {number}."),
    }
    found: list[str] = []
    for why in outbox.why_nothing(conn, campaign.mailing_id, now):
        when = local_text(why.at.replace(microsecond=0), zone) if why.at else ""
        key = "relay_waits" if why.key == "relay_away" and _answers(why.words) else why.key
        if key in sentences:
            minutes, words = max(1, round(why.number / 60)), relay_words(why.words)
            found.append(sentences[key].format(when=when, words=words, minutes=minutes, number=why.number))
    return found


def why_not(conn: Connection, campaign: Campaign) -> str:
    """Return why a paused, held or cancelled campaign does not go on, and the next step."""
    if campaign.state is CampaignState.CANCELLED:
        return Message("{slug} was cancelled; nobody more gets it", slug=campaign.slug)
    if campaign.reason == "missed":
        return missed_its_hour(campaign.slug)
    state = Message("paused") if campaign.state is CampaignState.PAUSED else Message("held")
    reason = reason_words(campaign.reason) or Message("no reason was given")
    text = Message("{slug} is {state}: {reason}. {resume}")
    said: str = text.format(slug=campaign.slug, state=state, reason=reason, resume=Advice("resume", slug=campaign.slug))
    hold = Hold("") if campaign.mailing_id is None else outbox.get(conn, campaign.mailing_id).hold
    more = held_words(hold.words, hold.until, campaign.timezone)
    return joined(" ", [Message("{message}.", message=said), *more]) if more else said


def held_words(words: str, until: datetime | None, zone: str) -> list[str]:
    """Return the words of the mail server when a rule held a campaign, and until when it is held; sentences."""
    found: list[str] = [Message('The mail server said: "{words}".', words=words)] if words else []
    if until:
        when = local_text(until.replace(microsecond=0), zone or "UTC")
        found.append(Message("It goes on by itself on {when}, {where}.", when=when, where=Advice("serving")))
    return found


def people(conn: Connection, campaign: Campaign, chosen: str = "") -> Iterator[Delivery]:
    """Deliveries of a campaign, each with the server's words: those in a state or with a reason; default: not accepted.

    Raises ``InputError`` for a text that is neither, with the states and reasons that there are.
    """
    if campaign.mailing_id is None:
        return iter(())
    there = outbox.outcomes(conn, campaign.mailing_id)
    known = {state for state, _reason, _number in there} | {reason for _state, reason, _number in there} - {""}
    if chosen and chosen not in known and chosen not in DELIVERIES:
        said = Message("nobody is {chosen}; there are: {known}")
        raise InputError(said.format(chosen=chosen, known=", ".join(sorted(known)) or "-"))
    found = outbox.deliveries(conn, campaign.mailing_id)
    if not chosen:
        return (item for item in found if item.state != "accepted")
    return (item for item in found if chosen in (item.state, item.reason))


@dataclass(frozen=True, slots=True)
class ServiceLine:
    """A sentence about service mail. ``is_fine``: it needs no action."""

    words: str
    is_fine: bool = False


def service_mail(conn: Connection, now: datetime, zone: str) -> list[ServiceLine]:
    """Return sentences on the service mail that waits: how much, since when and why; empty when none does."""
    waits = Message("{number} waiting since {when}: {why}")
    reasons = {"no_sender": Message("no sender runs"), "relay_away": Message("the mail server does not answer")}
    found = []
    for item in service.waiting(conn):
        if not item.reason:
            found.append(ServiceLine(Message("{number} under way", number=item.number), is_fine=True))
            continue
        why = reasons.get(item.reason) or reason_words(item.reason)
        said = joined("", [why, " (", relay_words(item.words), ")"]) if item.words else without_stop(why)
        when = local_text(item.since.replace(microsecond=0), zone)
        line = Message("{message}.", message=waits.format(number=item.number, when=when, why=said))
        again = "" if item.reason in reasons else Message("We try again by ourselves.")
        found.append(ServiceLine(joined(" ", [line, again])))
    if gone := service.expired(conn, now):
        text = Message("{number} not sent in the last {days} days: the time for sending was over.")
        found.append(ServiceLine(text.format(number=gone, days=service.REMEMBERED.days)))
    return found


def relay_words(words: str) -> str:
    """Return the words of a relay as they are; or our own words about it, which the database keeps in English."""
    return words.rstrip(". ") if _answers(words) else recalled(words, hints.KNOWN)


def relay_news(news: RelayReport, name: str) -> str:
    """Return a report about the relay while letters are sent, as a sentence."""
    answers = _answers(news.words)
    if news.kind == "well":
        text = Message("The mail server {name} takes mail again.")
    elif news.kind == "still":
        text = Message("The mail server {name} has taken nothing since {when}: {words}. We keep trying.")
    elif answers:
        text = Message("The mail server {name} takes no mail now, it says: {words}.")
    else:
        text = Message("No mail can go to the mail server {name} now: {words}.")
    return text.format(name=name, words=relay_words(news.words), when=f"{news.since:%Y-%m-%d %H:%M:%S} UTC")


def relay_away(words: str, name: str) -> str:
    """Return why a command ends before all is sent: the relay took no letter for a minute."""
    if _answers(words):
        text = Message(
            "The relay {name} takes no mail now; it says: {why}. Nobody is lost; run the same command again."
        )
    else:
        text = Message("The relay {name} cannot be reached ({why}). Nobody is lost; run the same command again.")
    return text.format(name=name, why=relay_words(words))


def _answers(words: str) -> bool:
    """Return whether these are a relay's own words, which begin with a reply code."""
    return words[:3].isdigit()


def reason_words(reason: str) -> str:
    """Return why a campaign is held or paused: our own key in words, or the words of a person or relay."""
    from mailer.outcome import WORDS

    if reason in HELD:
        return HELD[reason]
    known = WORDS.get(reason)
    return joined(". ", [known.title, without_stop(known.advice)]) if known else reason


def words_of(state: str, reason: str) -> str:
    """Return a state with its reason, in words for people."""
    if reason in ("", state):
        return DELIVERIES[state]
    return joined(": ", [DELIVERIES[state], reason_of(state, reason)])


def reason_of(state: str, reason: str) -> str:
    """Return the reason of a state alone, in words for people."""
    from mailer.outcome import WORDS

    known = SKIPPED if state == "skipped" else OURS | {key: words.title for key, words in WORDS.items()}
    return known.get(reason, reason) or DELIVERIES[state]


def _details(conn: Connection, campaign: Campaign) -> dict[str, Any]:
    later, hold = None, Hold("")
    if campaign.mailing_id is not None:
        later, hold = outbox.next_retry(conn, campaign.mailing_id), outbox.get(conn, campaign.mailing_id).hold
    return {
        "subject": campaign.subject,
        "topic": campaign.topic,
        "timezone": campaign.timezone,
        "send_at": _iso(campaign.send_at),
        "launched_at": _iso(campaign.launched_at),
        "finished_at": _iso(campaign.finished_at),
        "next_retry_at": _iso(later),
        "held_words": hold.words,
        "held_until": _iso(hold.until),
        "outcomes": [asdict(outcome) for outcome in outcomes(conn, campaign)],
        "people_now": audience.count_planned(conn, campaign) if campaign.mailing_id is None else None,
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
