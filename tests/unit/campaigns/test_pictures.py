"""One copy of a picture is in memory, however many readers are slow."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

from campaigns.online import Pictures, Sent
from mailer.letter.compiled import Image


class Stored:
    """The database: how often a picture was read."""

    def __init__(self) -> None:
        self.read_so_often = 0

    async def read(self, _work: Callable[..., Any]) -> Image | None:
        """The picture, after a moment."""
        await asyncio.sleep(0)
        self.read_so_often += 1
        return Image("ab" * 32, "image/png", bytes(1000))


async def test_a_picture_is_read_once_for_all_who_ask_while_it_is_read_or_sent_and_forgotten_after_that() -> None:
    stored = Stored()
    pictures = Pictures(stored)  # type: ignore[arg-type]
    found = await asyncio.gather(*(pictures.find("ab.png") for _ in range(20)))
    answers = [Sent(one) for one in found if one]
    assert len({id(answer.body) for answer in answers}) == 1
    assert await pictures.find("ab.png") is found[0]
    assert stored.read_so_often == 1
    del found, answers
    await asyncio.sleep(0)  # the loop lets go of who waited
    gc.collect()
    assert await pictures.find("ab.png")
    assert stored.read_so_often == 2


async def test_what_is_not_there_is_looked_for_again() -> None:
    class Empty(Stored):
        async def read(self, _work: Callable[..., Any]) -> Image | None:
            self.read_so_often += 1
            return None

    stored = Empty()
    pictures = Pictures(stored)  # type: ignore[arg-type]
    assert [await pictures.find("x.png") for _ in range(2)] == [None, None]
    assert stored.read_so_often == 2
