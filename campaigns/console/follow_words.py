"""The sentences about a campaign that is being sent: its state, what a number means, what a screen reader is told.

Promises: a state is said with the same words everywhere; each number has a meaning in words. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from campaigns.console.progress import Progress, Reason
from campaigns.console.words import Words
from campaigns.lifecycle import report
from mailer.outbox import Counts

SOON, LATE = timedelta(hours=1), timedelta(seconds=30)
ALWAYS = ("waiting", "accepted")
STATES = tuple(field.name for field in fields(Counts))[1:]
TAGS = {"accepted": "ok", "retry": "warn", "in_doubt": "warn", "refused": "error", "bounced": "error"}


@dataclass(frozen=True, slots=True)
class FollowRow:
    """A line of the table: a state, its number, what it means, and the reasons below it."""

    state: str
    title: str
    number: int
    meaning: str
    reasons: tuple[Reason, ...] = ()


def headline(words: Words, progress: Progress) -> str:
    """Return where a campaign stands, in a sentence or two."""
    _, counts, zone = words.gettext, progress.counts, progress.campaign.timezone
    waiting = words.people(counts.unfinished)
    if progress.state == "scheduled" and progress.campaign.send_at:
        at = progress.campaign.send_at
        if progress.at - at > LATE:
            said = _(
                "It should have begun at {hour}. It begins once a sender runs: if this lasts, tell your administrator."
            )
            return said.format(hour=words.hour(at, zone))
        if at - progress.at < SOON:
            return _("Sending starts in {span}. Nothing has left yet.").format(span=words.span(at - progress.at))
        said = _("It goes out on {day} at {hour}, {zone}. Nothing has left yet.")
        return said.format(day=words.day(at, zone), hour=words.hour(at, zone), zone=words.zone_in_words(at, zone))
    if progress.state == "sending":
        if not progress.whole:
            return _("The people are being listed; the first emails leave already.")
        return _("{done} of {people} done.").format(
            done=words.number(progress.done), people=words.people(counts.recipients)
        )
    if progress.state == "paused":
        return words.ngettext("{people} is still waiting.", "{people} are still waiting.", counts.unfinished).format(
            people=waiting
        )
    if progress.state == "held":
        return _held(words, progress)
    if progress.state == "finished":
        return _("{done} of {people} accepted.").format(
            done=words.number(counts.accepted), people=words.people(counts.recipients)
        )
    if progress.state == "cancelled":
        return words.ngettext(
            "{people} does not get this mail.", "{people} do not get this mail.", counts.skipped
        ).format(people=words.people(counts.skipped))
    return _("This campaign is not planned.")


def _late(words: Words, at: datetime, zone: str) -> str:
    """Return that the hour of a plan has passed and nothing began."""
    said = words.gettext(
        "It should have begun at {hour}. It begins once a sender runs: if this lasts, tell your administrator."
    )
    return said.format(hour=words.hour(at, zone))


def _held(words: Words, progress: Progress) -> str:
    """Return what a hold means; before the launch nobody is listed yet."""
    if not progress.campaign.is_launched:
        return words.gettext("Nothing has left, and nothing leaves until you decide.")
    unfinished = progress.counts.unfinished
    said = words.ngettext(
        "{people} is waiting; nothing leaves until you decide.",
        "{people} are waiting; nothing leaves until you decide.",
        unfinished,
    )
    return said.format(people=words.people(unfinished))


def capital(text: str) -> str:
    """Return a text that begins with a capital."""
    return text[:1].upper() + text[1:]


def heard(words: Words, progress: Progress) -> str:
    """Return what a screen reader is told: at each change of state, and at each quarter."""
    _ = words.gettext
    if progress.state != "sending":
        return words.state(progress.state)
    quarters = (
        _("Being sent."),
        _("A quarter has been sent."),
        _("Half has been sent."),
        _("Three quarters have been sent."),
        _("Nearly all has been sent."),
    )
    return quarters[progress.quarter]


def why_held(words: Words, progress: Progress) -> list[str]:
    """Return why it does not go on, in sentences: who paused it, or the rule that held it."""
    _ = words.gettext
    if progress.state == "paused" and progress.reason:
        return [_("Paused by {who}.").format(who=progress.reason)]
    if progress.state != "held":
        return []
    reason = report.reason_words(progress.reason)
    said = [words.said(reason)] if reason else []
    said += [
        words.said(sentence)
        for sentence in report.held_words(progress.hold.words, progress.hold.until, progress.campaign.timezone)
    ]
    return [f"{capital(each).rstrip('.')}." for each in said]


def relay_words(words: str) -> str:
    """Return the words of a mail server, or ours about it."""
    return report.relay_words(words)


def why_in_doubt(reason: str) -> str:
    """Return what the log knows about a delivery in doubt."""
    return report.reason_of("in_doubt", reason)


def rows(words: Words, progress: Progress) -> list[FollowRow]:
    """Return the numbers by state, with their meaning; those that are nought are left out, but for the first two."""
    found = []
    for state in STATES:
        number: int = getattr(progress.counts, state)
        if not number and (state not in ALWAYS or (state == "waiting" and progress.is_over)):
            continue
        reasons = tuple(reason for reason in progress.reasons if reason.state == state)
        title = words.said(report.DELIVERIES[state])
        found.append(FollowRow(state, title, number, _meaning(words, progress, state), reasons))
    return found


def _meaning(words: Words, progress: Progress, state: str) -> str:
    _ = words.gettext
    if state == "retry" and progress.next_retry:
        hour = words.hour(progress.next_retry.replace(second=0), progress.campaign.timezone)
        return _("Their mail server asked us to wait. The next try is at {hour}; you need do nothing.").format(
            hour=hour
        )
    return {
        "waiting": _("They have not got it yet."),
        "sending": _("It is being offered to the mail server now."),
        "accepted": _("The mail server took it. Nobody knows yet who has read it."),
        "retry": _("Their mail server asked us to wait. You need do nothing."),
        "refused": _("The mail server does not take it for these people."),
        "skipped": _("They do not get it, for these reasons."),
        "in_doubt": _("Their mail was offered, and the answer never came. They may have it, or not."),
        "bounced": _("It came back after it was accepted."),
        "complained": _("They reported it as spam."),
    }[state]
