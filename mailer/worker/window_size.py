"""How many rows a sender has claimed at a time: its window, or fewer while the relay is slow. Pure but for its state.

Promises: a row that waited too long between claim and socket halves the depth at once. Without such a row the depth
grows by a quarter each half second, up to the window. So no row waits for a second.
"""

from __future__ import annotations

GROW_EVERY = 0.5


class WindowSize:
    """See the module. ``now`` is monotonic time in seconds."""

    def __init__(self, window: int) -> None:
        self._window = self._depth = window
        self._late = 0
        self._grown = 0.0

    def at(self, now: float, late: int, on_their_way: int) -> int:
        """Return the depth at ``now``.

        ``late``: rows that waited too long, ever; ``on_their_way``: claimed, not answered.
        """
        if late != self._late:
            self._late, self._grown = late, now
            self._depth = max(1, min(self._depth, on_their_way or 1) // 2)
        elif self._depth < self._window and now - self._grown > GROW_EVERY:
            self._grown = now
            self._depth = min(self._window, self._depth + max(1, self._depth // 4))
        return self._depth
