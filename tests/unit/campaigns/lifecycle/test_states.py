"""The state table of a campaign."""

from __future__ import annotations

import pytest

from campaigns.lifecycle.states import TRANSITIONS, CampaignEvent, CampaignState, after, mermaid, sources
from mailer.errors import StateError

ALLOWED = {
    "draft": {"in_review", "scheduled", "sending"},
    "in_review": {"approved", "draft"},
    "approved": {"scheduled", "sending", "draft"},
    "scheduled": {"sending", "held", "cancelled", "draft"},
    "sending": {"held", "paused", "cancelled", "finished"},
    "held": {"sending", "scheduled", "cancelled", "draft"},
    "paused": {"sending", "cancelled"},
    "finished": {"sending"},
    "cancelled": set(),
}


def test_the_table_has_the_pairs_of_the_design_and_no_other() -> None:
    found: dict[str, set[str]] = {state.value: set() for state in CampaignState}
    for (state, _event), target in TRANSITIONS.items():
        found[state.value].add(target.value)
    assert found == ALLOWED


@pytest.mark.parametrize("state", list(CampaignState))
@pytest.mark.parametrize("event", list(CampaignEvent))
def test_a_pair_outside_the_table_is_refused_in_words(state: CampaignState, event: CampaignEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(StateError, match=r"^autumn .*; this cannot be done"):
            after(state, event, "autumn")


def test_a_person_pauses_and_only_what_is_being_sent() -> None:
    assert sources(CampaignEvent.PAUSE) == (CampaignState.SENDING,)


def test_every_state_can_be_reached() -> None:
    assert {*TRANSITIONS.values(), CampaignState.DRAFT} == set(CampaignState)


def test_the_diagram_has_an_arrow_for_every_transition() -> None:
    assert mermaid().count("-->") == len(TRANSITIONS) + 1
