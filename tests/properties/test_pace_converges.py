"""Told to slow down, senders find what is taken: in simulated time, with late and interleaved answers (A3)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from tests.support.limited_receiver import Taker
from tests.support.paced import Nature, World
from tests.support.thorough import examples

USED, REFUSED, ANSWERS = 0.8, 0.05, 200
QUICKLY = (Phase.explicit, Phase.generate)  # an example takes a second: none is made smaller


@dataclass(frozen=True)
class Case:
    """A rate a second, refilled each second (``depth`` None) or smoothly with some seconds' worth in store."""

    number: float
    depth: float | None
    senders: int
    nature: Nature

    def world(self) -> World:
        smooth = self.depth is not None
        store = max(2.0, self.number * (self.depth or 1.0)) if self.number > 1 else 1.0
        taker = Taker(self.number, 1.0, smooth, store)
        return World(taker, self.nature, senders=self.senders, burst=max(40, int(self.number)))


def natures() -> st.SearchStrategy[Nature]:
    late = st.sampled_from([0.01, 0.05])
    return st.builds(Nature, there=st.sampled_from([0.001, 0.01]), back=late, seed=st.integers(0, 1000))


def cases(most: float) -> st.SearchStrategy[Case]:
    numbers = st.one_of(st.sampled_from([1.0, 2.0, 5.0, 14.0]), st.floats(10, most).map(round).map(float))
    depths = st.one_of(st.none(), st.floats(0.2, 1.0))
    return st.builds(Case, numbers, depths, st.sampled_from([1, 2]), natures())


def converged(world: World, since: float, seconds: float) -> float:
    """After a number of seconds and 200 answers enough is used and little refused; until when that was looked at."""
    until = since + seconds
    world.run(until)
    while (begin := world.settled(since, seconds, ANSWERS)) == float("inf"):
        until += 5
        world.run(until)
    number = world.taker.number
    end = begin + max(20.0, 600 / number)
    world.run(end)
    taken, refused = world.between(begin, end)
    assert taken >= USED * number * (end - begin), f"{taken / number / (end - begin):.2f} used"
    assert refused <= REFUSED * (taken + refused), f"{refused} of {taken + refused} refused"
    return end


def through_all(case: Case) -> None:
    """From nothing known; then it grows by ten; then it shrinks by ten."""
    world = case.world()
    end = converged(world, 0, 10)
    world.taker.becomes(10 * case.number)
    end = converged(world, end, 60)
    world.taker.becomes(case.number)
    converged(world, end, 10)


@settings(max_examples=examples(6, 2), deadline=None, derandomize=True, phases=QUICKLY)
@given(case=cases(30))
@example(Case(14.0, 1.0, 1, Nature()))
@example(Case(14.0, None, 2, Nature()))
def test_it_converges_to_what_is_taken_and_follows_when_that_changes_by_ten(case: Case) -> None:
    through_all(case)


@pytest.mark.slow
@settings(max_examples=examples(30, 2), deadline=None, derandomize=True, phases=QUICKLY)
@given(case=cases(300))
def test_it_converges_for_many_capacities_and_natures(case: Case) -> None:
    through_all(case)


@pytest.mark.slow
@pytest.mark.parametrize("number", [1000.0, 10_000.0])
@pytest.mark.parametrize("depth", [None, 0.1, 1.0])
def test_it_converges_where_thousands_a_second_are_taken(number: float, depth: float | None) -> None:
    converged(Case(number, depth, 1, Nature()).world(), 0, 10)


def windows(number: int, seconds: float, senders: int, seed: int) -> list[tuple[int, int]]:
    """Taken and refused in each of eight windows; the first had begun before us."""
    turn = (0.03, 0.06) if seconds <= 60 else (0.1, 0.3)
    taker = Taker(number, seconds, smooth=False)
    world = World(taker, Nature(turn=turn, seed=seed), senders=senders, burst=40, window=40)
    begin = world.taker.begun - world.begun
    world.run(begin + 8 * seconds)
    return [world.between(begin + place * seconds, begin + (place + 1) * seconds) for place in range(8)]


@settings(max_examples=examples(6, 2), deadline=None, derandomize=True, phases=QUICKLY)
@given(number=st.integers(10, 600), senders=st.sampled_from([1, 2]), seed=st.integers(0, 1000))
def test_of_a_limit_each_minute_most_is_used_and_few_are_refused(number: int, senders: int, seed: int) -> None:
    for taken, refused in windows(number, 60.0, senders, seed)[3:]:
        assert taken >= USED * number
        assert refused <= 10, "no more than there are connections"


@pytest.mark.slow
@pytest.mark.parametrize(("number", "senders"), [(100, 1), (1000, 2), (3000, 1)])
def test_of_a_limit_each_hour_most_is_used_and_few_are_refused(number: int, senders: int) -> None:
    for taken, refused in windows(number, 3600.0, senders, 5)[3:]:
        assert taken >= USED * number
        assert refused <= 10


@settings(max_examples=examples(6, 2), deadline=None, derandomize=True, phases=QUICKLY)
@given(minute=st.integers(6, 50), senders=st.sampled_from([1, 2]), seed=st.integers(0, 1000))
def test_of_less_than_one_a_second_most_is_used_and_few_are_refused(minute: int, senders: int, seed: int) -> None:
    world = World(Taker(minute, 60.0), Nature(seed=seed), senders=senders, burst=40, window=40)
    begin = max(180.0, 60 * 100 / minute)
    world.run(begin + 1200)
    taken, refused = world.between(begin, begin + 1200)
    assert taken >= USED * 20 * minute
    assert refused <= 20 * 10, "a minute no more than there are connections"
