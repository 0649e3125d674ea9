"""Letters that were compiled before: which are found again, and which leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from campaigns.lifecycle.compile_cache import CompileCache, key_of
from mailer.errors import Fault, FaultsError
from mailer.letter.brand import builtin_brand
from mailer.letter.compiled import Compiled, Image, Letter
from mailer.letter.source import LetterSource

BRAND = builtin_brand("House")
SOURCE = LetterSource(
    file="a.md",
    slug="a",
    subject="Subject",
    preheader="",
    from_name="House",
    from_address="info@example.org",
    language="en",
    date=date(2026, 1, 2),
    body="Words.",
    brand=BRAND,
    public_url="https://example.org",
    images={"a.png": b"one"},
)


class Counted:
    """A compile that counts, and makes letters of a given size."""

    def __init__(self, image: int = 0) -> None:
        self.sources: list[LetterSource] = []
        self.image = image

    def __call__(self, source: LetterSource) -> Compiled:
        """Compile."""
        self.sources.append(source)
        letter = Letter(source.language, "", source.from_address, "", (source.subject,), ("h",), ("t",))
        image = Image("0" * 64, "image/png", b"x" * self.image)
        return Compiled(letter, "h", "t", (image,) if self.image else ())


def test_an_equal_source_is_compiled_once() -> None:
    counted = Counted()
    cached = CompileCache(counted)
    again = replace(SOURCE, images={"a.png": bytes([111, 110, 101])})
    assert cached(SOURCE) is cached(again)
    assert len(counted.sources) == 1


@pytest.mark.parametrize(
    "changed",
    [
        lambda: replace(SOURCE, body="Other words."),
        lambda: replace(SOURCE, subject="Other"),
        lambda: replace(SOURCE, images={"a.png": b"two"}),
        lambda: replace(SOURCE, images={"b.png": b"one"}),
        lambda: replace(SOURCE, date=date(2026, 1, 3)),
        lambda: replace(SOURCE, brand=replace(BRAND, logo=b"logo")),
        lambda: replace(SOURCE, public_url="https://other.example"),
        lambda: replace(SOURCE, online_url="https://example.org/o/1"),
    ],
)
def test_any_other_value_is_another_letter(changed: Callable[[], LetterSource]) -> None:
    assert key_of(changed()) != key_of(SOURCE)


def test_those_not_used_for_longest_leave_when_there_is_no_room() -> None:
    counted = Counted(image=1_000)
    cached = CompileCache(counted, most=3_500)
    first, second, third = (replace(SOURCE, subject=f"Letter {number}") for number in range(3))
    cached(first)
    cached(second)
    cached(first)
    cached(third)
    assert cached.size <= 3_500
    cached(first)
    assert len(counted.sources) == 3
    cached(second)
    assert len(counted.sources) == 4


def test_a_letter_larger_than_all_room_is_given_and_not_kept() -> None:
    cached = CompileCache(Counted(image=10_000), most=3_000)
    assert cached(SOURCE).images[0].data == b"x" * 10_000
    assert cached.size == 0


def test_an_error_is_found_again_each_time() -> None:
    seen = []

    def faulty(source: LetterSource) -> Compiled:
        seen.append(source)
        raise FaultsError([Fault("a.md", 1, "body", "nothing", "text")])

    cached = CompileCache(faulty)
    for _ in range(2):
        with pytest.raises(FaultsError):
            cached(SOURCE)
    assert len(seen) == 2


def test_two_that_ask_at_once_get_the_same_letter() -> None:
    counted, begun = Counted(), threading.Event()
    go = threading.Event()

    def slow(source: LetterSource) -> Compiled:
        begun.set()
        go.wait(10)
        return counted(source)

    cached, found = CompileCache(slow), []
    threads = [threading.Thread(target=lambda: found.append(cached(SOURCE))) for _ in range(2)]
    threads[0].start()
    begun.wait(10)
    threads[1].start()
    go.set()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]
    assert len(counted.sources) == 1
