from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailer.worker.fair_share import Demand, share

needs = st.lists(
    st.builds(Demand, st.integers(1, 50), st.integers(0, 500), st.booleans(), st.integers(-2, 3)),
    max_size=12,
    unique_by=lambda need: need.mailing,
)


@given(needs, st.integers(0, 200), st.integers(0, 1000))
def test_nothing_is_given_twice_or_beyond_a_need_and_no_place_stays_empty(
    wanted: list[Demand], free: int, turn: int
) -> None:
    given_places = share(wanted, free, turn)
    by_mailing = {need.mailing: need.number for need in wanted}
    assert all(0 < number <= by_mailing[mailing] for mailing, number in given_places.items())
    assert sum(given_places.values()) == min(free, sum(by_mailing.values()))


def test_service_mail_goes_first() -> None:
    assert share([Demand(1, 1000), Demand(2, 3, service=True)], 4) == {2: 3, 1: 1}


def test_a_small_campaign_does_not_wait_behind_a_large_one() -> None:
    assert share([Demand(1, 100_000), Demand(2, 5)], 40) == {1: 35, 2: 5}
    assert share([Demand(1, 100_000), Demand(2, 500)], 40) == {1: 20, 2: 20}


def test_priority_doubles_the_part_at_each_step() -> None:
    assert share([Demand(1, 1000), Demand(2, 1000, priority=1)], 30) == {1: 10, 2: 20}


def test_with_more_campaigns_than_places_each_has_its_turn() -> None:
    wanted = [Demand(number, 10) for number in range(1, 8)]
    served = {mailing for turn in range(7) for mailing in share(wanted, 2, turn)}
    assert served == set(range(1, 8))
