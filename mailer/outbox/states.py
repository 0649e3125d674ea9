"""The states of a delivery and of a mailing, as tables. No other code decides which state may follow another.

Every statement of this package that changes a state takes its sources from :func:`sources` and its target from here.
So a pair that is not in ``TRANSITIONS`` cannot happen (I13). :func:`diagram` makes the diagram in ``docs/states.md``
from the same tables.

An *event* is an operation on a row: ``claim``, ``settle``, ``skip`` … Several events may lead to the same target. An
event may be refused for a row although the pair of states is in the table, if that pair belongs to another event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DeliveryState = Literal[
    "waiting", "sending", "accepted", "retry", "refused", "skipped", "in_doubt", "bounced", "complained"
]
MailingState = Literal["open", "held", "closed"]

DELIVERY_STATES: tuple[DeliveryState, ...] = (
    "waiting",
    "sending",
    "accepted",
    "retry",
    "refused",
    "skipped",
    "in_doubt",
    "bounced",
    "complained",
)
MAILING_STATES: tuple[MailingState, ...] = ("open", "held", "closed")


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow; ``words`` is its description in the docs."""

    event: str
    source: str
    target: str
    words: str


TRANSITIONS: tuple[Transition, ...] = (
    Transition("claim", "waiting", "sending", "a sender takes it"),
    Transition("claim", "retry", "sending", "its time has come, a sender takes it"),
    Transition("skip", "waiting", "skipped", "suppressed, expired, erased or cancelled"),
    Transition("skip", "retry", "skipped", "suppressed, expired, erased or cancelled"),
    Transition("skip", "in_doubt", "skipped", "cancelled"),
    Transition("give_up", "retry", "refused", "time is up"),
    Transition("give_up", "waiting", "refused", "time is up, and it was put back only for the pace"),
    Transition("settle", "sending", "accepted", "the relay took it"),
    Transition("settle", "sending", "retry", "the relay asks to come back later"),
    Transition("settle", "sending", "refused", "the relay refused it"),
    Transition("settle", "sending", "in_doubt", "the final dot may have left, no reply came"),
    Transition("settle", "sending", "waiting", "handed back before the dot"),
    Transition("settle", "in_doubt", "accepted", "its own sender settles late"),
    Transition("settle", "in_doubt", "retry", "its own sender settles late"),
    Transition("settle", "in_doubt", "refused", "its own sender settles late"),
    Transition("put_back", "refused", "waiting", "several were refused in the same words, or a person sends it again"),
    Transition("lose", "sending", "in_doubt", "its sender is gone"),
    Transition("decide", "in_doubt", "waiting", "send again"),
    Transition("decide", "in_doubt", "accepted", "treat as sent"),
    Transition("prove", "in_doubt", "accepted", "proof came later: a bounce, or an opt-out through its link"),
    Transition("bounce", "accepted", "bounced", "a report says that it did not arrive"),
    Transition("complain", "accepted", "complained", "the reader reported it as unwanted"),
    Transition("complain", "bounced", "complained", "the reader reported it as unwanted"),
)

MAILING_TRANSITIONS: tuple[Transition, ...] = (
    Transition("hold", "open", "held", "a person pauses it, or a rule holds it"),
    Transition("release", "held", "open", "a person resumes it; service mail by itself"),
    Transition("close", "open", "closed", "nothing is left to do, or it is cancelled"),
    Transition("close", "held", "closed", "cancelled"),
    Transition("reopen", "closed", "open", "send again"),
)


def sources(event: str, target: str) -> tuple[str, ...]:
    """Return the delivery states from which ``event`` may lead to ``target``. Raises ``KeyError`` if there are none."""
    found = tuple(item.source for item in TRANSITIONS if (item.event, item.target) == (event, target))
    if not found:
        raise KeyError(f"no delivery becomes {target} by {event}")
    return found


def mailing_sources(event: str) -> tuple[str, ...]:
    """Return the mailing states from which ``event`` is allowed. Raises ``KeyError`` when there is no such event."""
    found = tuple(item.source for item in MAILING_TRANSITIONS if item.event == event)
    if not found:
        raise KeyError(f"a mailing has no event {event}")
    return found


def pairs() -> frozenset[tuple[str, str]]:
    """Return every (from, to) that is possible for a delivery."""
    return frozenset((item.source, item.target) for item in TRANSITIONS)


def diagram(transitions: tuple[Transition, ...] = TRANSITIONS, first: str = "waiting") -> str:
    """Return the table as a Mermaid state diagram."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for item in transitions:
        words = arrows.setdefault((item.source, item.target), [])
        if item.words not in words:
            words.append(item.words)
    lines = [f"    {source} --> {target}: {'; '.join(words)}" for (source, target), words in arrows.items()]
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *lines]) + "\n"
