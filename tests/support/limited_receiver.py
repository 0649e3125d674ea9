"""Somebody who takes a number of letters a second and refuses the others: a relay, or a domain. In any time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Taker:
    """``number`` letters each ``window`` seconds; smoothly (with ``depth`` in store at most) or at once."""

    number: float
    window: float = 1.0
    smooth: bool = True
    depth: float = 1.0
    begun: float = 0.0
    stock: float = 0.0
    at: float = 0.0

    def __post_init__(self) -> None:
        self.stock = self.depth if self.smooth else self.number
        self.at = self.begun

    def takes(self, now: float) -> bool:
        if self.smooth:
            self.stock = min(max(1.0, self.depth), self.stock + max(0.0, now - self.at) * self.number / self.window)
            self.at = max(self.at, now)
        else:
            while now >= self.at + self.window:
                self.at += self.window
                self.stock = self.number
        if self.stock >= 1 - 1e-9:
            self.stock -= 1
            return True
        return False

    def becomes(self, number: float) -> None:
        self.depth *= number / self.number
        self.number = number
        self.stock = min(self.stock, self.depth if self.smooth else number)
