"""What became of a campaign: numbers for machines, to the letter of the contract, and words for people.

Promises: :func:`status` has exactly the fields of contract.md, ``campaign``, ``state``, ``reason`` and integers that
add up to ``recipients``; what is added later stands below ``details``, which holds no address. Reads only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from campaigns import records
from campaigns.moments import Say, as_is, local_text
from campaigns.records import Campaign
from campaigns.states import State
from mailer import outbox
from mailer.outbox import Counts

N_ = as_is
STATES = {
    "draft": N_("Draft"),
    "in_review": N_("Waiting for approval"),
    "approved": N_("Approved"),
    "scheduled": N_("Planned"),
    "sending": N_("Being sent"),
    "paused": N_("Paused"),
    "held": N_("Held"),
    "finished": N_("Sent"),
    "cancelled": N_("Stopped"),
}
DELIVERIES = {
    "waiting": N_("In the queue"),
    "sending": N_("Being offered"),
    "accepted": N_("Accepted"),
    "retry": N_("Will be tried again"),
    "refused": N_("Refused"),
    "skipped": N_("Left out"),
    "in_doubt": N_("In doubt"),
    "bounced": N_("Came back"),
    "complained": N_("Reported as spam"),
}
SKIPPED = {
    "suppressed:opt_out": N_("opted out"),
    "suppressed:undeliverable": N_("undeliverable"),
    "suppressed:complaint": N_("reported as spam before"),
    "suppressed:pause": N_("paused by the reader"),
    "suppressed:less_often": N_("asked for less mail"),
    "suppressed:erased": N_("erased"),
    "suppressed:manual": N_("held back by hand"),
    "cancelled": N_("the campaign was stopped"),
    "expired": N_("too late: send_before had passed"),
    "erased": N_("erased"),
}
OURS = {  # what we write ourselves into any other state
    "time_is_up": N_("the time for trying again was up"),
    "unsendable": N_("no letter can be made for this address"),
    "sender_gone": N_("the sender was gone before the answer came"),
    "send_again": N_("somebody chose to send it again"),
    "treat_as_sent": N_("somebody chose to treat it as sent"),
    "proved": N_("proof came later that it had arrived"),
    "complaint": N_("said by the reader"),
}
HELD = {
    "missed": N_("its hour passed while nothing was serving"),
    "restored": N_("a backup was put back, and letters may have left since; compare with the log of your mail server"),
    "letter_broken": N_("the letter cannot be made; the log of the sender says why"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A state with its reason and the number of people, in words."""

    state: str
    reason: str
    people: int
    words: str


def status(conn: Connection, slug: str, _: Say = as_is) -> dict[str, Any]:
    """The status of a campaign as ``status SLUG --json`` prints it."""
    return of_campaign(conn, records.get(conn, slug), _)


def all_statuses(conn: Connection) -> list[dict[str, Any]]:
    """The same for every campaign, the newest first."""
    return [of_campaign(conn, campaign, brief=True) for campaign in records.all_campaigns(conn)]


def of_campaign(conn: Connection, campaign: Campaign, _: Say = as_is, *, brief: bool = False) -> dict[str, Any]:
    """The fields of the contract; with ``details``, their words in a language, unless ``brief``."""
    counts, state, reason = Counts(), campaign.state.value, campaign.reason
    if campaign.mailing_id is not None:
        mailing = outbox.get(conn, campaign.mailing_id)
        counts = mailing.counts
        if campaign.state is State.SENDING and mailing.state == "held":  # a rule held it this very moment
            state, reason = State.HELD.value, mailing.reason
    found = {"campaign": campaign.slug, "state": state, "reason": reason} | asdict(counts)
    return found if brief else found | {"details": _details(conn, campaign, _)}


def outcomes(conn: Connection, campaign: Campaign, _: Say = as_is) -> list[Outcome]:
    """Who got it, who not and why, largest first."""
    if campaign.mailing_id is None:
        return []
    return [
        Outcome(state, reason, people, words_of(state, reason, _))
        for state, reason, people in outbox.outcomes(conn, campaign.mailing_id)
    ]


def why_nothing(conn: Connection, campaign: Campaign, now: datetime, _: Say = as_is) -> list[str]:
    """Why no letter of this campaign leaves at this moment, in sentences; empty when letters leave, or all is done."""
    zone = campaign.timezone or "UTC"
    if campaign.mailing_id is None:
        when = local_text(campaign.send_at, zone) if campaign.send_at and campaign.state is State.SCHEDULED else ""
        return [_("It goes out on {when}.").format(when=when)] if when else []
    sentences = {
        "no_sender": _("No sender runs: start 'postiljon serve' or 'postiljon worker', or send the file again."),
        "relay_away": _("The mail server has not answered since {when} ({words}). We keep trying."),
        "rate": _("waiting: {minutes} minutes of rate limit left"),
        "rest": _("{words} takes no mail from us for now: {number} letters wait, the next is tried at {when}."),
        "audience": _("The audience is still being taken down: {number} people so far."),
    }
    found = []
    for why in outbox.why_nothing(conn, campaign.mailing_id, now):
        when = local_text(why.at.replace(microsecond=0), zone) if why.at else ""
        if why.key in sentences:
            minutes = max(1, round(why.number / 60))
            found.append(sentences[why.key].format(when=when, words=why.words, minutes=minutes, number=why.number))
    return found


def reason_words(reason: str, _: Say = as_is) -> str:
    """Why a campaign is held or paused: a key of ours in words, or what a person or relay said."""
    from mailer.outcome import WORDS

    if reason in HELD:
        return _(HELD[reason])
    known = WORDS.get(reason)
    return f"{_(known.title)}. {_(known.advice)}".rstrip(".") if known else reason


def words_of(state: str, reason: str, _: Say = as_is) -> str:
    """A state with its reason, as people say it."""
    from mailer.outcome import WORDS

    known = SKIPPED if state == "skipped" else OURS | {key: words.title for key, words in WORDS.items()}
    if reason in ("", state):
        return _(DELIVERIES[state])
    why = _(known[reason]) if reason in known else reason
    return f"{_(DELIVERIES[state])}: {why}"


def _details(conn: Connection, campaign: Campaign, _: Say) -> dict[str, Any]:
    later = outbox.next_retry(conn, campaign.mailing_id) if campaign.mailing_id is not None else None
    return {
        "subject": campaign.subject,
        "topic": campaign.topic,
        "timezone": campaign.timezone,
        "send_at": _iso(campaign.send_at),
        "launched_at": _iso(campaign.launched_at),
        "finished_at": _iso(campaign.finished_at),
        "next_retry_at": _iso(later),
        "outcomes": [asdict(outcome) for outcome in outcomes(conn, campaign, _)],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
