"""How mailings share the free places of a window. Pure.

Promises: service mail goes first. Campaigns share the rest: each gets an equal part (twice as much for each step of
priority). Places that one does not need go to the others, so a small urgent one never waits behind a large one. No
campaign that needs places waits for more than some turns, since the odd places go round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_WEIGHT = 10


@dataclass(frozen=True, slots=True)
class Demand:
    """A mailing that could use up to ``number`` places."""

    mailing: int
    number: int
    service: bool = False
    priority: int = 0


def share(needs: Sequence[Demand], free: int, turn: int = 0) -> dict[int, int]:
    """Return mailing → places, service mail first; ``turn`` counts up, so that odd places go round."""
    given: dict[int, int] = {}
    for need in needs:
        if need.service and need.number > 0 and free > 0:
            given[need.mailing] = min(need.number, free)
            free -= given[need.mailing]
    campaigns = [need for need in needs if not need.service and need.number > 0]
    start = turn % len(campaigns) if campaigns else 0
    open_ones = campaigns[start:] + campaigns[:start]
    while free > 0 and open_ones:
        whole = sum(_weight(need) for need in open_ones)
        room, still = free, []
        for need in open_ones:
            had = given.get(need.mailing, 0)
            part = min(max(1, room * _weight(need) // whole), need.number - had, free)
            if part:
                given[need.mailing] = had + part
                free -= part
            if had + part < need.number:
                still.append(need)
        open_ones = still
    return given


def _weight(need: Demand) -> int:
    return 1 << min(max(need.priority, 0), _MOST_WEIGHT)
