from __future__ import annotations

import pytest

from mailer.outbox import states

DESIGN = {
    "waiting": {"sending", "skipped", "refused"},
    "sending": {"accepted", "retry", "refused", "in_doubt", "waiting"},
    "retry": {"sending", "skipped", "refused"},
    "refused": {"waiting"},
    "in_doubt": {"waiting", "accepted", "refused", "retry", "skipped"},
    "accepted": {"bounced", "complained"},
    "bounced": {"complained"},
}


def test_the_table_has_exactly_the_pairs_of_the_design() -> None:
    assert states.pairs() == {(source, target) for source, targets in DESIGN.items() for target in targets}


def test_every_pair_is_between_states_that_there_are() -> None:
    assert {state for pair in states.pairs() for state in pair} <= set(states.DELIVERY_STATES)
    assert {state for arrow in states.MAILING_TRANSITIONS for state in (arrow.source, arrow.target)} <= set(
        states.MAILING_STATES
    )


def test_a_transition_that_is_not_in_the_table_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError):
        states.sources("claim", "accepted")
    with pytest.raises(KeyError):
        states.mailing_sources("explode")


def test_the_diagram_draws_each_pair_once() -> None:
    lines = states.diagram().splitlines()
    arrows = [line.split(":")[0].strip() for line in lines if "-->" in line]
    assert lines[0] == "stateDiagram-v2"
    assert len(arrows) == len(set(arrows)) == len(states.pairs()) + 1
