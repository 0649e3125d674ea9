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


def after(state: str, event: Event, slug: str = "the campaign") -> State:
    """The state after ``event``; raises ``StateError`` that names both when the table has no such pair."""
    moved = MOVES.get((State(state), event))
    if moved is None:
        raise StateError(f"{slug} is {state}; {event.value.replace('_', ' ')} cannot be done now")
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
