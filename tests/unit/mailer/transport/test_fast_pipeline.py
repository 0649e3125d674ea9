"""The usual group of replies is one step, and the next envelope is still looked at; the rest is in the property."""

from __future__ import annotations

import pytest

from mailer.transport.base import NotWritten, OutgoingMessage, Replied
from mailer.transport.fast_pipeline import FastPipeline
from mailer.transport.limits import Limits, Offers
from mailer.transport.link import PipeliningHealth
from tests.support.feeds import LETTER, ListFeed, parcel
from tests.support.pipeline_driver import OFFERS, OK3, Line, group

QUEUED = b"250 2.0.0 queued\r\n"


class Watched(FastPipeline):
    """Counts the replies that were answered one by one."""

    one_by_one = 0

    def _answered(self, *answer: object) -> None:
        self.one_by_one += 1
        super()._answered(*answer)  # type: ignore[arg-type]


def ready(number: int, **changed: object) -> OutgoingMessage:
    return parcel(number)._replace(**{"ready": True, **changed})  # type: ignore[arg-type]


def proven(*parcels: OutgoingMessage, offers: Offers = OFFERS) -> tuple[Watched, ListFeed, Line]:
    """A session on which a whole group was answered: parcels 1 and 2 are on their way, those given are next."""
    feed, line = ListFeed([ready(1), ready(2), *parcels]), Line()
    pipeline = Watched(feed, line, offers, Limits(), PipeliningHealth())
    pipeline.begin(0.0)
    pipeline.received(OK3, 0.0)
    pipeline.received(QUEUED + OK3, 0.0)
    pipeline.one_by_one = 0
    return pipeline, feed, line


def test_the_usual_group_is_one_step_on_a_proven_session_and_not_before() -> None:
    pipeline, feed, line = proven(ready(3), ready(4))
    pipeline.received(QUEUED + OK3, 0.0)
    assert pipeline.one_by_one == 0
    assert line.written[-1] == LETTER + b".\r\n" + group(4)
    assert feed.last(2) == Replied("dot", 250, "2.0.0 queued")
    unproven = Watched(ListFeed([ready(1), ready(2)]), Line(), OFFERS, Limits(), PipeliningHealth())
    unproven.begin(0.0)
    unproven.received(OK3, 0.0)
    unproven.received(QUEUED + OK3, 0.0)
    assert unproven.one_by_one == 7


@pytest.mark.parametrize(
    ("replies", "step_by_step"),
    [
        (b"250 two  blanks\r\n" + OK3, 4),
        (QUEUED + b"250 ok\r\n250 ok\r\n450 4.3.0 later\r\n", 4),
        (QUEUED + b"250 ok\r\n251 ok\r\n354 go\r\n", 4),
        (QUEUED, 1),
        (b"250-2.0.0\r\n" + QUEUED + OK3, 4),
    ],
)
def test_anything_else_is_answered_one_by_one(replies: bytes, step_by_step: int) -> None:
    pipeline, feed, _ = proven(ready(3))
    pipeline.received(replies, 0.0)
    assert pipeline.one_by_one == step_by_step
    assert 2 in feed.accepted


def test_a_dot_that_has_not_left_is_not_settled_in_one_step_either() -> None:
    pipeline, feed, line = proven(ready(3))
    line.rest = 5_000
    pipeline.received(QUEUED + OK3, 0.0)
    assert line.how is not None
    assert isinstance(feed.last(2), NotWritten)


def test_a_letter_that_is_not_wanted_any_more_gets_no_content_in_the_one_step() -> None:
    pipeline, feed, line = proven(ready(3))
    feed.unwanted.add(3)
    pipeline.received(QUEUED + OK3, 0.0)
    assert pipeline.one_by_one == 0
    assert isinstance(feed.last(3), NotWritten)
    assert line.how is not None


def refused(changed: dict[str, object], offers: Offers) -> str:
    """How the parcel was refused that came next in the one step; the parcel behind it is offered instead."""
    pipeline, feed, line = proven(ready(3), ready(4, **changed), ready(5), offers=offers)
    pipeline.received(QUEUED + OK3, 0.0)
    assert pipeline.one_by_one == 0
    assert b"RCPT TO:<r5@example.nl>" in line.written[-1]
    assert b"RCPT TO:<r4" not in line.written[-1]
    result = feed.last(4)
    assert isinstance(result, Replied)
    assert result.stage == "local"
    return result.text


def test_an_address_that_needs_smtputf8_is_refused_where_it_is_not_offered() -> None:
    changed: dict[str, object] = {"recipient": "ré@example.nl", "smtputf8": True}
    assert refused(changed, Offers(pipelining=True)).startswith("5.6.7")


def test_a_letter_of_eight_bits_is_refused_where_8bitmime_is_not_offered() -> None:
    changed: dict[str, object] = {"content": "één\r\n".encode(), "ready": False}
    assert refused(changed, Offers(pipelining=True)).startswith("5.6.3")


def test_a_letter_beyond_the_size_that_is_offered_is_refused() -> None:
    changed: dict[str, object] = {"content": LETTER * 9}
    assert refused(changed, Offers(pipelining=True, sized=True, size=len(LETTER) * 8)).startswith("5.3.4")


def test_an_address_with_a_control_character_is_refused() -> None:
    assert refused({"recipient": "r@example.nl>\r\nDATA"}, OFFERS).startswith("5.1.3")


def written(changed: dict[str, object], offers: Offers) -> bytes:
    """MAIL of the parcel that came next in the one step."""
    pipeline, _, line = proven(ready(3), ready(4, **changed), offers=offers)
    pipeline.received(QUEUED + OK3, 0.0)
    return line.written[-1].removeprefix(LETTER + b".\r\n").partition(b"\r\n")[0]


def test_mail_says_the_size_where_it_is_offered() -> None:
    sized = Offers(pipelining=True, sized=True)
    assert written({}, sized) == b"MAIL FROM:<s4@vng.example> SIZE=%d" % len(LETTER)
    assert written({}, Offers(pipelining=True)) == b"MAIL FROM:<s4@vng.example>"


def test_mail_says_8bitmime_and_smtputf8_for_what_needs_them() -> None:
    assert written({"content": "één\r\n".encode(), "ready": False}, OFFERS).endswith(b" BODY=8BITMIME")
    assert written({"recipient": "ré@example.nl", "smtputf8": True}, OFFERS).endswith(b" SMTPUTF8")
