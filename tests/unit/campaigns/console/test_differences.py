"""Two texts beside each other, line by line."""

from __future__ import annotations

from campaigns.console import differences
from campaigns.console.differences import COMPARED, SHOWN, DiffLine


def test_texts_that_are_the_same_have_no_lines_to_show() -> None:
    assert differences.between("a\nb\n", "a\nb\n").lines == []


def test_lines_near_a_difference_are_shown_and_the_others_left_out() -> None:
    old = "\n".join(str(number) for number in range(30))
    found = differences.between(
        old, old.replace("\n5\n", "\nvijf\n").replace("\n25\n", "\n").replace("\n29", "\n29\n30")
    )
    shown = [line.text for line in found.lines if line.kind == "same"]
    assert [line.text for line in found.lines if line.kind == "removed"] == ["5", "25"]
    assert [line.text for line in found.lines if line.kind == "added"] == ["vijf", "30"]
    assert shown == ["3", "4", "6", "7", "23", "24", "26", "27", "28", "29"]
    assert found.lines.count(DiffLine("gap")) == 2
    assert not found.is_cut


def test_a_long_difference_is_cut_and_says_so() -> None:
    found = differences.between("", "nieuw\n" * (COMPARED + 1))
    assert (len(found.lines), found.is_cut) == (SHOWN, True)


def test_changes_at_different_places_go_together_and_at_the_same_place_stand_below_each_other() -> None:
    base = "een\ntwee\ndrie\n"
    assert differences.together(base, "EEN\ntwee\ndrie\n", "een\ntwee\nDRIE\n") == "EEN\ntwee\nDRIE\n"
    assert differences.together(base, "een\n2\ndrie\n", "een\nTWEE\ndrie\n") == "een\n2\nTWEE\ndrie\n"
    assert differences.together(base, "een\ndrie\n", "een\ntwee\ndrie\nvier\n") == "een\ndrie\nvier\n"
