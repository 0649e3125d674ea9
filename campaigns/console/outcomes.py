"""Outcomes of letters in the words of the console: titles, advice, tags, and what can be done about each.

Promises: the same words on the report, in lists, on a person's page and in downloads. Nothing is called delivered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from campaigns.console.words import Words
from campaigns.lifecycle import report
from mailer.messages import Message
from mailer.outbox import Counts
from mailer.outcome import WORDS

TAGS = {
    "accepted": "ok",
    "refused": "error",
    "bounced": "error",
    "complained": "error",
    "in_doubt": "warn",
    "retry": "warn",
}
_ADVICE: Mapping[str, str] = {
    "suppressed:opt_out": Message("Nothing to do: they chose this."),
    "suppressed:undeliverable": Message("Ask them for another address, on paper or by phone."),
    "suppressed:complaint": Message("Nothing to do: they do not want this mail."),
    "suppressed:pause": Message("Nothing to do: mail starts again by itself."),
    "suppressed:less_often": Message("Nothing to do: they get the next one."),
    "suppressed:erased": Message("Nothing to do: they chose this."),
    "suppressed:manual": Message("An administrator can say why."),
    "erased": Message("Nothing to do: they chose this."),
    "cancelled": Message("A copy of this campaign can go to them."),
    "expired": Message("A copy of this campaign can go to them."),
}
_STATE_ADVICE: Mapping[str, str] = {
    "in_doubt": Message("They may have it, or not. A sender decides that on the page of the campaign."),
    "retry": Message("We try again. You need do nothing."),
}
REASONS = {
    "too_many": Message("Too much mail"),
    "not_relevant": Message("Not relevant"),
    "never_asked": Message("Never asked for it"),
    "changed_job": Message("Changed job"),
    "other": Message("Another reason"),
}


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """An outcome on a page. ``title``: state and reason in words; ``name``: the state alone; ``why``: the reason."""

    state: str
    reason: str
    title: str
    name: str
    why: str
    advice: str
    people: int

    @property
    def tag(self) -> str:
        """The kind of its tag."""
        return TAGS.get(self.state, "")


def row(words: Words, state: str, reason: str, people: int) -> OutcomeRow:
    """Return an outcome in words."""
    known = WORDS.get(reason) if state != "skipped" else None
    ours = _STATE_ADVICE.get(state) or _ADVICE.get(reason)
    said = words.said(known.advice) if known and state != "accepted" else ""
    advice = words.gettext(ours) if ours else said
    name, why = state_name(words, state), reason_only(words, state, reason)
    return OutcomeRow(state, reason, title(words, state, reason), name, why, advice, people)


def state_row(words: Words, state: str, people: int) -> OutcomeRow:
    """Return a state with all its reasons together."""
    name = state_name(words, state)
    return OutcomeRow(state, "", name, name, "", "", people)


def title(words: Words, state: str, reason: str) -> str:
    """Return a state with its reason: ``Refused: Address does not exist``."""
    return words.said(report.words_of(state, reason))


def reason_only(words: Words, state: str, reason: str) -> str:
    """Return the reason alone, with a capital; the state where there is none."""
    if reason in ("", state):
        return words.said(report.DELIVERIES[state])
    known = report.SKIPPED if state == "skipped" else report.OURS | {key: one.title for key, one in WORDS.items()}
    said = words.said(known.get(reason, reason))
    return said[:1].upper() + said[1:]


def state_name(words: Words, state: str) -> str:
    """Return a state in words."""
    return words.said(report.DELIVERIES[state])


def lead(words: Words, counts: Counts, *, is_open: bool) -> str:
    """Return what came of a campaign in one sentence, for people who read no table."""
    _, number = words.gettext, words.number
    start = (
        _("So far mail servers accepted this letter for {accepted} of {people}")
        if is_open
        else _("Mail servers accepted this letter for {accepted} of {people}")
    )
    said = start.format(accepted=number(counts.accepted), people=words.people(counts.recipients))
    parts = [
        (counts.skipped, words.ngettext("{number} was left out", "{number} were left out", counts.skipped)),
        (counts.refused, words.ngettext("{number} was refused", "{number} were refused", counts.refused)),
        (counts.in_doubt, words.ngettext("of {number} we do not know", "of {number} we do not know", counts.in_doubt)),
        (counts.bounced, words.ngettext("{number} came back", "{number} came back", counts.bounced)),
        (
            counts.unfinished,
            words.ngettext("{number} is still to come", "{number} are still to come", counts.unfinished),
        ),
    ]
    told = [text.format(number=number(count)) for count, text in parts if count]
    return f"{said}; {', '.join(told)}." if told else f"{said}."
