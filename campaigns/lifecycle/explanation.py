"""The answer to *why did she not get it?*: for one campaign and one person, a sentence, advice, and the server's words.

Promises: :func:`explain` reads and changes nothing. There is one answer for each outcome of a delivery, and one for
each reason that a person was not in the audience. ``case`` names it. A person that was erased has no row any more, so
nobody can ask about them. *Accepted* is never called delivered: nobody knows that (RFC 1047). The caller says how a
moment is written, so that the answer has the days and hours of its reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.lifecycle import holds, report, segments
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.states import CampaignState
from campaigns.source import definition
from mailer import outbox
from mailer.messages import Message, joined, without_stop
from mailer.outbox import Delivery
from mailer.outcome import WORDS
from unsubscribe import contacts, verifying
from unsubscribe.contacts import Contact, Topic

Written = Callable[[datetime], str]
_JOINED, _LEFT = ("given", "confirmed", "undone"), ("withdrawn",)


@dataclass(frozen=True, slots=True)
class Explanation:
    """An answer. ``case``: its name; ``advice``: what can be done, "" for nothing; ``reply``: the server's words."""

    case: str
    sentence: str
    advice: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A campaign, a person, how a moment is written, and the language of the topic's name."""

    campaign: Campaign
    contact: Contact
    written: Written
    language: str = ""


def explain(conn: Connection, question: Question, now: datetime) -> Explanation:
    """Return why a person did not get a campaign, or that the mail server took it."""
    mailing = question.campaign.mailing_id
    if mailing is None:
        return _not_launched(question)
    found = outbox.delivery_to(conn, mailing, question.contact.id)
    if found is None:
        return _not_listed(conn, question)
    return _OF_STATE[found.state](conn, question, found, now)


def _not_launched(question: Question) -> Explanation:
    campaign = question.campaign
    if campaign.state is CampaignState.SCHEDULED and campaign.send_at:
        said = Message("Not yet: this campaign goes out on {when}.", when=question.written(campaign.send_at))
        return Explanation("planned", said)
    return Explanation("not_launched", Message("Nobody has got it: this campaign was not sent."))


def _not_listed(conn: Connection, question: Question) -> Explanation:
    """Return why a person is not in the audience, which was listed when the campaign started."""
    campaign, contact = question.campaign, question.contact
    start = campaign.launched_at or campaign.created_at
    began = question.written(start)
    if not outbox.get(conn, campaign.mailing_id or 0).audience_complete:
        return Explanation("listing", Message("Not yet: the list of people for this campaign is still being made."))
    if contact.created_at > start:
        said = Message("This person was added on {when}, after the campaign had started on {began}.")
        return Explanation("joined_after", said.format(when=question.written(contact.created_at), began=began))
    topic = contacts.find_topic(conn, campaign.topic)
    name = topic.name_in(question.language) if topic else campaign.topic
    row = contacts.subscription(conn, contact.id, topic.id) if topic else None
    if row is None:
        said = Message("This person is not subscribed to {topic}.")
        return Explanation("not_subscribed", said.format(topic=name), _JOIN)
    state, since, _statement = row
    when = question.written(since)
    if state == "pending":
        said = Message("This person asked for {topic} on {when}, and has not confirmed that yet.")
        advice = Message("The mail with the link to confirm may be in the junk folder.")
        return Explanation("not_confirmed", said.format(topic=name, when=when), advice)
    if state == "opted_out":
        return Explanation(
            "opted_out", Message("This person opted out of {topic} on {when}.", topic=name, when=when), _SELF
        )
    return _subscribed_now(conn, question, topic, since) or Explanation(
        "unknown", Message("This person was not on the list when the campaign started on {began}.", began=began)
    )


def _subscribed_now(conn: Connection, question: Question, topic: Topic | None, since: datetime) -> Explanation | None:
    """Return why a person that is subscribed now was not in the audience; None where nothing tells."""
    campaign, contact = question.campaign, question.contact
    start = campaign.launched_at or campaign.created_at
    name, began = topic.name_in(question.language) if topic else campaign.topic, question.written(start)
    if since > start:
        told = [event for event in verifying.chain(conn, contact.id).entries if event.topic == campaign.topic]
        before = [event for event in told if event.at <= start and event.kind in (*_JOINED, *_LEFT)]
        if before and before[-1].kind in _LEFT:
            said = Message("This person opted out of {topic} on {left}, and came back on {when}, after the start.")
            times = {"left": question.written(before[-1].at), "when": question.written(since)}
            return Explanation("came_back", said.format(topic=name, **times))
        said = Message("This person subscribed to {topic} on {when}, after the campaign had started on {began}.")
        return Explanation("subscribed_after", said.format(topic=name, when=question.written(since), began=began))
    segment = definition.read(campaign.source, campaign.file_name)[0].segment
    if segment and not segments.keep(segment, campaign.language)(contact):
        said = Message("This person is subscribed to {topic}, but not in the group that this campaign was for.")
        return Explanation("other_group", said.format(topic=name), Message("The group: {segment}", segment=segment))
    return None


def _accepted(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    if found.reason == "proved":
        return Explanation("arrived", Message("It arrived: a link in this letter was used."))
    if found.reason == "treat_as_sent":
        said = Message("We do not know: the connection was lost, and a colleague chose to treat this letter as sent.")
        return Explanation("treated_as_sent", said, _JUNK)
    when = question.written(found.at) if found.at else ""
    said = Message("The mail server took this letter on {when}. Further than that we cannot see.", when=when)
    return Explanation("accepted", said, _JUNK, _reply(found))


def _refused(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    words = WORDS.get(found.reason)
    why = words.title if words else report.words_of("refused", found.reason)
    when = question.written(found.at) if found.at else ""
    said = Message("The mail server refused this letter on {when}: {why}.", when=when, why=without_stop(why))
    return Explanation("refused", said, words.advice if words else "", _reply(found))


def _retry(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    words = WORDS.get(found.reason)
    why = without_stop(words.title) if words else Message("the mail server did not take it")
    said = Message("Not yet: {why}. We try again on {when}.")
    when = question.written(found.retry_at) if found.retry_at else ""
    return Explanation("retry", said.format(why=why, when=when), "", _reply(found))


def _queued(conn: Connection, question: Question, found: Delivery, now: datetime) -> Explanation:
    campaign = question.campaign
    if campaign.state in (CampaignState.PAUSED, CampaignState.HELD):
        state = Message("paused") if campaign.state is CampaignState.PAUSED else Message("held")
        said = Message("Not yet: this letter is in the queue, and the campaign is {state}.", state=state)
        why = report.reason_words(campaign.reason) if campaign.reason in {*report.HELD, *WORDS} else ""
        return Explanation("stopped_for_now", said, Message("{message}.", message=without_stop(why)) if why else "")
    if found.state == "sending":
        return Explanation("being_offered", Message("Not yet: this letter is being offered to the mail server now."))
    why_not = report.why_nothing(conn, campaign, now)
    return Explanation("queued", Message("Not yet: this letter is in the queue."), joined(" ", why_not))


def _in_doubt(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    when = question.written(found.at) if found.at else ""
    said = Message("We do not know: the connection was lost after this letter was offered on {when}.", when=when)
    advice = Message("They may have it, or not. Senders can decide to send it again, or to treat it as sent.")
    return Explanation("in_doubt", said, advice)


def _came_back(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    when = question.written(found.at) if found.at else ""
    return Explanation("bounced", Message("This letter came back on {when}.", when=when), "", _reply(found))


def _complained(_conn: Connection, question: Question, found: Delivery, _now: datetime) -> Explanation:
    when = question.written(found.at) if found.at else ""
    said = Message("It arrived, and this person reported it as spam on {when}.", when=when)
    return Explanation("complained", said)


def _skipped(conn: Connection, question: Question, found: Delivery, now: datetime) -> Explanation:
    when = question.written(found.at) if found.at else ""
    if found.reason == "cancelled":
        said = Message("The campaign was stopped on {when}, before the turn of this person.", when=when)
        return Explanation("cancelled", said)
    if found.reason == "expired":
        said = Message("It was too late: the campaign was not to be sent any more on {when}.", when=when)
        return Explanation("expired", said)
    reason = found.reason.removeprefix("suppressed:")
    scopes = ("", question.campaign.topic)
    held = holds.of_contact(conn, question.contact, question.written, question.language, now)
    there = next((one for one in held if one.reason == reason and one.scope in scopes), None)
    if there:
        return Explanation(f"left_out:{reason}", Message("Left out: {why}", why=there.sentence), there.advice)
    why = without_stop(report.SKIPPED.get(found.reason, Message("held back")))
    return Explanation(f"left_out:{reason}", Message("Left out on {when}: {why}.", when=when, why=why))


def _reply(found: Delivery) -> str:
    return f"{found.code} {found.reply}".strip() if found.code else found.reply


_JUNK = Message(
    "Ask this person to look in the junk folder. If it is not there, the administrator of the mail server can find it "
    "in the log by the address and that time."
)
_JOIN = Message("Only a person's own sign-up, or a list with consent, adds them.")
_SELF = Message("Only this person can come back: with the link in an earlier letter, or by signing up again.")
_OF_STATE: dict[str, Callable[[Connection, Question, Delivery, datetime], Explanation]] = {
    "waiting": _queued,
    "sending": _queued,
    "accepted": _accepted,
    "retry": _retry,
    "refused": _refused,
    "skipped": _skipped,
    "in_doubt": _in_doubt,
    "bounced": _came_back,
    "complained": _complained,
}
