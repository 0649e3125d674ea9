"""The acts of one contact as a history: which act set an item last, and the item's value before an act.

Promises: an act that was undone does not count, in whatever order acts are undone. :meth:`History.before` skips the
acts that led to a value and were undone since. Items are ``name``, ``language``, ``fields.NAME``, ``days`` and
``until``; the rows of topics are found by number and time. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unsubscribe.changes import Change

Row = Mapping[str, Any]
"""A subscription as stored in an act: topic (number), state, since (ISO 8601) and statement."""
_SETS = ("details", "less_often", "pause")
_ITEMS = ("name", "language", "days", "until")


class History:
    """The acts of a contact, oldest first, seen from ``change``, which is one of them."""

    def __init__(self, acts: Sequence[Change], change: Change) -> None:
        self._acts = acts
        self._change = change

    def is_newest(self, item: str) -> bool:
        """Return whether no later act that still counts set this item."""
        later = (act for act in self._acts if act.id > self._change.id and not act.undone_at)
        return not any(item in _items(act.after) for act in later if act.kind in _SETS)

    def before(self, item: str) -> Any:
        """Return the value before the act; where an undone act had set that value, the value before that undone act."""
        return _items(self._origin(item).before).get(item)

    def was_own(self, item: str) -> bool:
        """Return whether the contact had set this column or field themselves, at the time of :meth:`before`."""
        return item.removeprefix("fields.") in self._origin(item).before.get("own", ())

    def _origin(self, item: str) -> Change:
        """Return the act, this one or an earlier one, whose *before* holds the value that an undo restores."""
        origin = self._change
        for act in reversed(self._acts):
            if act.id < origin.id and act.kind in _SETS and item in _items(act.after):
                if not act.undone_at or _items(act.after)[item] != _items(origin.before).get(item):
                    break
                origin = act
        return origin

    def row_before(self, row: Row | None) -> Row | None:
        """Return the row before an act; where an undone act had made that row, the row before that undone act.

        None: there was none.
        """
        for act in reversed(self._acts):
            if row is not None and act.undone_at and act.id < self._change.id:
                found = _rows(act)
                if act.at.isoformat() == row["since"] and row["topic"] in found:
                    row = found[row["topic"]]
        return row


def standing_in(acts: Sequence[Change], change: Change) -> Change | None:
    """Return the latest opt-out in force about the same mail after one that was undone on a page, if there is one.

    A letter about the first opt-out lets its mailbox undo it. The holder of a forwarded letter may have undone that
    act, and left again once the day's letters were used up.
    """
    scope = change.after.get("scope")
    return next((act for act in reversed(acts) if act.id > change.id and act.after.get("scope") == scope), None)


def _items(side: Mapping[str, Any]) -> dict[str, Any]:
    """Return one side of an act as a flat mapping."""
    own = {f"fields.{name}": value for name, value in side.get("fields", {}).items()}
    return {name: side[name] for name in _ITEMS if name in side} | own


def _rows(act: Change) -> dict[int, Row]:
    """Return the rows from before an act, by the number of the topic."""
    rows = act.before.get("standings", ()) if act.kind == "opt_out" else act.before.get("topics", {}).values()
    return {row["topic"]: row for row in rows if row}
