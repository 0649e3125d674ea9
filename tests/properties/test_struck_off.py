"""I15: nobody is struck off but by a clear or repeated statement about the mailbox or its domain.

Campaigns one after the other, each reader answered by a real reply. The judge of what may follow is the table of the
two readers, not the rules: a reply counts as a statement only if they judged it one.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import outbox, suppression
from mailer.outcome import Replied, Stage
from mailer.settings import MailerSettings
from mailer.storage import Database
from mailer.worker.pending_writes import PendingWrites
from mailer.worker.reply_handler import ReplyHandler
from tests.support.replies import Reply, replies
from tests.support.sending_db import NOW, fill, hash_of, open_lite, person
from tests.support.tables import create_all
from tests.support.thorough import examples

PEOPLE = 8
AFTER_MAIL = [reply for reply in replies("known") if reply.stage in ("rcpt", "data", "dot")]
STATEMENTS = [reply for reply in AFTER_MAIL if reply.judged in ("clear", "unclear")]
ACCEPTED = Reply("accepted", "", "", "dot", 250, "2.0.0 ok", "")
answers = st.one_of(st.just(ACCEPTED), st.sampled_from(AFTER_MAIL), st.sampled_from(STATEMENTS))
campaigns = st.lists(
    st.tuples(st.sampled_from([0.2, 1.5, 40.0, 95.0]), st.lists(answers, min_size=PEOPLE, max_size=PEOPLE)),
    min_size=1,
    max_size=5,
)


class Heard(NamedTuple):
    """One answer to one person in one campaign."""

    campaign: int
    at: datetime
    judged: str


def one_campaign(db: Database, number: int, now: datetime, said: list[Reply]) -> dict[int, Reply]:
    """Send one campaign; person → what was answered. Held ones are let go on until nobody waits."""
    people = [person(n, f"d{n % 3}.example") for n in range(1, PEOPLE + 1)]
    mailing, handler, heard = fill(db, people, key=f"campaign:{number}"), ReplyHandler(MailerSettings()), {}
    sender = outbox.register(db, Path(db.engine.url.database or "").parent, "sender", now)
    for _ in range(30):
        with db.write() as conn:
            outbox.release(conn, mailing, now, by_person=True)
            claims = outbox.claim(conn, sender.id, {mailing: 3}, now, now - timedelta(days=4))
        if not claims:
            break
        pending, handle = PendingWrites(), handler.handler_at(now)
        with db.read() as conn:
            known = outbox.get(conn, mailing)
        for claim in claims:
            reply = said[claim.recipient - 1]
            heard[claim.recipient] = reply
            result = Replied(cast(Stage, reply.stage), reply.code, reply.text)
            pending.decided(claim, sender.id, known, handle(claim, known, result))
        with sender.write() as conn:
            delta = outbox.CounterDelta()
            pending.write(conn, now, delta)
            delta.post(conn)
    sender.close(now)
    return heard


def may_be_struck_off(history: list[Heard]) -> bool:
    """The rule in the words of the promise, over everything that was ever answered to one person."""
    if any(answer.judged == "clear" for answer in history):
        return True
    for place, later in enumerate(history):
        for before, earlier in enumerate(history[:place]):
            between = history[before + 1 : place]
            apart = timedelta(days=1) <= later.at - earlier.at <= timedelta(days=90)
            both = {earlier.judged, later.judged} == {"unclear"} and earlier.campaign != later.campaign
            if both and apart and not any(answer.judged == "accepted" for answer in between):
                return True
    return False


@settings(max_examples=examples(20, 2), deadline=None)
@given(campaigns)
def test_nobody_is_struck_off_but_for_a_clear_or_repeated_statement(given: list[tuple[float, list[Reply]]]) -> None:
    history, now = defaultdict[int, list[Heard]](list), NOW
    with tempfile.TemporaryDirectory(prefix="struck-off-") as folder:
        db = create_all(open_lite(Path(folder)))
        for number, (days, said) in enumerate(given):
            now += timedelta(days=days)
            for who, reply in one_campaign(db, number, now, said).items():
                history[who].append(Heard(number, now, reply.judged))
        with db.read() as conn:
            struck = [n for n in range(1, PEOPLE + 1) if suppression.why(conn, hash_of(n), "news", now)]
        db.close()
    for who in struck:
        assert may_be_struck_off(history[who]), history[who]
