"""Trust in a relay's PIPELINING: the findings of one session, and the decision of the next."""

from __future__ import annotations

from mailer.transport.pipelining_trust import AGAIN, PipeliningTrust


def test_a_relay_that_never_did_groups_is_not_trusted_after_the_first_doubt_which_is_said_once() -> None:
    trust = PipeliningTrust()
    assert trust.holds(5)
    assert trust.doubted(5, "why")
    assert not trust.holds(6)
    assert not trust.doubted(7, "why")


def test_groups_are_tried_again_after_a_while_and_the_next_doubt_is_no_news() -> None:
    trust = PipeliningTrust()
    trust.doubted(5, "why")
    assert trust.holds(5 + AGAIN)
    assert not trust.doubted(5 + AGAIN, "why")
    assert not trust.holds(6 + AGAIN)


def test_a_relay_that_did_groups_may_be_slow_twice_in_a_row_and_not_three_times() -> None:
    trust = PipeliningTrust()
    trust.proven()
    trust.doubted(1, "why")
    trust.doubted(2, "why")
    assert trust.holds(2)
    trust.proven()
    trust.doubted(3, "why")
    trust.doubted(4, "why")
    assert trust.holds(4)
    assert trust.doubted(5, "why")
    assert not trust.holds(5)
