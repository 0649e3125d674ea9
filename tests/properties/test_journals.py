"""Two copies of a journal put together: nothing is lost, nothing changes places, and a second time changes nothing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from campaigns.ops.restore.journals import united

LINES = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=12)


@given(LINES, st.integers(0, 12), st.integers(0, 12))
def test_two_copies_of_one_journal_give_that_journal(whole: list[bytes], one: int, other: int) -> None:
    """Expected: a copy that ends earlier, or whose beginning was cut off, adds nothing and loses nothing."""
    early, late = sorted((one, other))
    assert united(whole[:late], whole[:early]) == united(whole[:early], whole[:late]) == whole[:late]
    assert united(whole, whole[early:late]) == united(whole[early:late], whole) == whole


@given(LINES, LINES)
def test_every_line_of_both_is_kept_in_its_order(one: list[bytes], other: list[bytes]) -> None:
    found = united(one, other)
    for part in (one, other):
        rest = iter(found)
        assert all(line in rest for line in part)
    assert len(found) <= len(one) + len(other)


@given(LINES, LINES)
def test_a_second_time_nothing_changes(one: list[bytes], other: list[bytes]) -> None:
    found = united(one, other)
    assert united(one, found) == united(found, one) == united(other, found) == united(found, other) == found


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_a_journal_that_was_cut_at_its_beginning_goes_on_where_the_older_copy_ends(
    numbers: list[int], first: int, second: int
) -> None:
    whole = [str(number).encode() for number in numbers]
    start, end = sorted((min(first, len(whole)), min(second, len(whole))))
    if start < end:
        assert united(whole[:end], whole[start:]) == united(whole[start:], whole[:end]) == whole
