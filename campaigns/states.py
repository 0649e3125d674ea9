"""The states of a campaign: one table; nothing else moves a state (rule 5, I13). The docs draw it.

::

    draft → in_review → approved → scheduled → sending → finished
                        (an edit before launch goes back to draft)

A person *pauses*, a rule *holds*. In doubt does not keep a campaign open. :func:`after` raises ``StateError`` with a
sentence for the person who asked; SQL moves a state only through :func:`sources`, in a conditional update.
"""

from __future__ import annotations

from enum import StrEnum

from mailer.errors import StateError

N_ = str  # marks a text for the catalogue (domain cli)


class State(StrEnum):
    """Where a campaign is."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    HELD = "held"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What happens to it. *hold* and *finish* are done by rules, the rest by people (*start* also by the clock)."""

    SUBMIT = "submit"
    APPROVE = "approve"
    EDIT = "edit"
    SCHEDULE = "schedule"
    START = "start"
    PAUSE = "pause"
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"
    SEND_AGAIN = "send_again"


MOVES: dict[tuple[State, Event], State] = {
    (State.DRAFT, Event.SUBMIT): State.IN_REVIEW,
    (State.DRAFT, Event.SCHEDULE): State.SCHEDULED,
    (State.DRAFT, Event.START): State.SENDING,
    (State.IN_REVIEW, Event.APPROVE): State.APPROVED,
    (State.IN_REVIEW, Event.EDIT): State.DRAFT,
    (State.APPROVED, Event.SCHEDULE): State.SCHEDULED,
    (State.APPROVED, Event.START): State.SENDING,
    (State.APPROVED, Event.EDIT): State.DRAFT,
    (State.SCHEDULED, Event.START): State.SENDING,
    (State.SCHEDULED, Event.HOLD): State.HELD,
    (State.SCHEDULED, Event.CANCEL): State.CANCELLED,
    (State.SCHEDULED, Event.EDIT): State.DRAFT,
    (State.SENDING, Event.PAUSE): State.PAUSED,
    (State.SENDING, Event.HOLD): State.HELD,
    (State.SENDING, Event.CANCEL): State.CANCELLED,
    (State.SENDING, Event.FINISH): State.FINISHED,
    (State.PAUSED, Event.RESUME): State.SENDING,
    (State.PAUSED, Event.CANCEL): State.CANCELLED,
    (State.HELD, Event.RESUME): State.SENDING,
    (State.HELD, Event.SCHEDULE): State.SCHEDULED,
    (State.HELD, Event.CANCEL): State.CANCELLED,
    (State.FINISHED, Event.SEND_AGAIN): State.SENDING,
}


REFUSALS = {
    State.DRAFT: N_("{slug} is a draft; this cannot be done yet"),
    State.IN_REVIEW: N_("{slug} waits for approval; this cannot be done yet"),
    State.APPROVED: N_("{slug} is approved and not planned; this cannot be done yet"),
    State.SCHEDULED: N_("{slug} is planned; this cannot be done before it is sent"),
    State.SENDING: N_("{slug} is being sent; this cannot be done now"),
    State.PAUSED: N_("{slug} is paused; this cannot be done now"),
    State.HELD: N_("{slug} is held; this cannot be done now"),
    State.FINISHED: N_("{slug} was sent already; this cannot be done any more"),
    State.CANCELLED: N_("{slug} was cancelled; this cannot be done any more"),
}


MISSED_ITS_HOUR = N_(
    "{slug} is held: its hour passed while nothing was serving. Send it with 'resume', or plan it again"
)


def after(state: str, event: Event, slug: str = "the campaign") -> State:
    """The state after ``event``; raises ``StateError`` with the present one when the table has no such pair."""
    moved = MOVES.get((State(state), event))
    if moved is None:
        raise StateError(REFUSALS[State(state)].format(slug=slug))
    return moved


def sources(event: Event, target: State | None = None) -> tuple[State, ...]:
    """The states from which ``event`` moves (to ``target``, if given): for the WHERE of a conditional update."""
    return tuple(
        state for (state, moved_by), to in MOVES.items() if moved_by is event and (target is None or to is target)
    )


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> draft"]
    lines += [f"    {state.value} --> {to.value}: {event.value}" for (state, event), to in MOVES.items()]
    return "\n".join(lines) + "\n"
