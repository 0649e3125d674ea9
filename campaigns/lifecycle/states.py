"""The states of a campaign: one table; nothing else changes a state (rule 5, I13). The docs draw it.

::

    draft → in_review → approved → scheduled → sending → finished
                        (an edit before launch goes back to draft)

A person *pauses*, a rule *holds*. Deliveries in doubt do not keep a campaign open. :func:`after` raises ``StateError``
with a sentence for the user. SQL changes a state only through :func:`sources`, in a conditional update.
"""

from __future__ import annotations

from enum import StrEnum

from mailer.errors import StateError
from mailer.messages import Advice, Message


class CampaignState(StrEnum):
    """The state of a campaign."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    HELD = "held"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class CampaignEvent(StrEnum):
    """A cause of a change: a rule for *hold* and *finish*, a person for all others; *start* also the clock."""

    SUBMIT = "submit"
    APPROVE = "approve"
    EDIT = "edit"
    TAKE_BACK = "take_back"
    SCHEDULE = "schedule"
    START = "start"
    PAUSE = "pause"
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    SEND_AGAIN = "send_again"


TRANSITIONS: dict[tuple[CampaignState, CampaignEvent], CampaignState] = {
    (CampaignState.DRAFT, CampaignEvent.SUBMIT): CampaignState.IN_REVIEW,
    (CampaignState.DRAFT, CampaignEvent.SCHEDULE): CampaignState.SCHEDULED,
    (CampaignState.DRAFT, CampaignEvent.START): CampaignState.SENDING,
    (CampaignState.IN_REVIEW, CampaignEvent.APPROVE): CampaignState.APPROVED,
    (CampaignState.IN_REVIEW, CampaignEvent.EDIT): CampaignState.DRAFT,
    (CampaignState.APPROVED, CampaignEvent.SCHEDULE): CampaignState.SCHEDULED,
    (CampaignState.APPROVED, CampaignEvent.START): CampaignState.SENDING,
    (CampaignState.APPROVED, CampaignEvent.EDIT): CampaignState.DRAFT,
    (CampaignState.SCHEDULED, CampaignEvent.START): CampaignState.SENDING,
    (CampaignState.SCHEDULED, CampaignEvent.HOLD): CampaignState.HELD,
    (CampaignState.SCHEDULED, CampaignEvent.CANCEL): CampaignState.CANCELLED,
    (CampaignState.SCHEDULED, CampaignEvent.EDIT): CampaignState.DRAFT,
    (CampaignState.SCHEDULED, CampaignEvent.TAKE_BACK): CampaignState.DRAFT,
    (CampaignState.HELD, CampaignEvent.TAKE_BACK): CampaignState.DRAFT,
    (CampaignState.SENDING, CampaignEvent.PAUSE): CampaignState.PAUSED,
    (CampaignState.SENDING, CampaignEvent.HOLD): CampaignState.HELD,
    (CampaignState.SENDING, CampaignEvent.CANCEL): CampaignState.CANCELLED,
    (CampaignState.SENDING, CampaignEvent.FINISH): CampaignState.FINISHED,
    (CampaignState.PAUSED, CampaignEvent.RESUME): CampaignState.SENDING,
    (CampaignState.PAUSED, CampaignEvent.CANCEL): CampaignState.CANCELLED,
    (CampaignState.HELD, CampaignEvent.RESUME): CampaignState.SENDING,
    (CampaignState.HELD, CampaignEvent.SCHEDULE): CampaignState.SCHEDULED,
    (CampaignState.HELD, CampaignEvent.CANCEL): CampaignState.CANCELLED,
    (CampaignState.FINISHED, CampaignEvent.SEND_AGAIN): CampaignState.SENDING,
}


REFUSALS = {
    CampaignState.DRAFT: Message("{slug} is a draft; this cannot be done yet"),
    CampaignState.IN_REVIEW: Message("{slug} waits for approval; this cannot be done yet"),
    CampaignState.APPROVED: Message("{slug} is approved and not planned; this cannot be done yet"),
    CampaignState.SCHEDULED: Message("{slug} is planned; this cannot be done before it is sent"),
    CampaignState.SENDING: Message("{slug} is being sent; this cannot be done now"),
    CampaignState.PAUSED: Message("{slug} is paused; this cannot be done now"),
    CampaignState.HELD: Message("{slug} is held; this cannot be done now"),
    CampaignState.FINISHED: Message("{slug} was sent already; this cannot be done any more"),
    CampaignState.CANCELLED: Message("{slug} was cancelled; this cannot be done any more"),
}


def missed_its_hour(slug: str) -> Message:
    """Return why a campaign that was planned is held: it was never launched."""
    said = Message("{slug} is held: its hour passed while nothing was serving. {next_step}")
    return said.format(slug=slug, next_step=Advice("send_or_plan"))


def changed_meanwhile(slug: str) -> Message:
    """Return why a change of state was not made: another process was faster."""
    return Message("{slug} was changed by somebody else at this moment; {look}", slug=slug, look=Advice("status"))


def after(state: str, event: CampaignEvent, slug: str = "the campaign") -> CampaignState:
    """Return the state after ``event``; raises ``StateError`` with the present one when the table has no such pair."""
    target = TRANSITIONS.get((CampaignState(state), event))
    if target is None:
        raise StateError(REFUSALS[CampaignState(state)].format(slug=slug))
    return target


def sources(event: CampaignEvent, target: CampaignState | None = None) -> tuple[CampaignState, ...]:
    """Return the states from which ``event`` leads (to ``target``, if given): for the WHERE of a conditional update."""
    return tuple(
        state
        for (state, caused_by), to in TRANSITIONS.items()
        if caused_by is event and (target is None or to is target)
    )


def mermaid() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    lines += [f"    {state.value} --> {to.value}: {event.value}" for (state, event), to in TRANSITIONS.items()]
    return "\n".join(lines) + "\n"
