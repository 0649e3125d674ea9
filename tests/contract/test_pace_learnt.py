"""The learnt pace of a relay or a domain is in the database, for all senders."""

from __future__ import annotations

from dataclasses import dataclass, field

from mailer import pace
from mailer.pace import AnswerCounts, Book, Learnt
from mailer.storage import Database

NOW = 1_700_000_000.0
ONE = pace.domain_bucket("one.example")
COMPLAINT = AnswerCounts(refused={NOW: 1})


def hear(db: Database, bucket: str, news: AnswerCounts, now: float) -> None:
    with db.write() as conn:
        book = Book(conn, now)
        book.record_answers({bucket: news})
        book.close()


def known(db: Database, now: float) -> dict[str, Learnt]:
    with db.read() as conn:
        return pace.known(conn, now)


def test_what_one_sender_heard_another_knows_in_every_detail(db: Database) -> None:
    hear(db, pace.RELAY, COMPLAINT, NOW)
    with db.write() as conn:
        book = Book(conn, NOW + 1)
        assert book.slots(pace.RELAY).number == 1
        book.took(pace.RELAY, 1)
        book.close()
        kept = book.present()[pace.RELAY]
    assert known(db, NOW + 1) == {pace.RELAY: kept}
    assert kept.stop.out_at == NOW + 1


def test_while_nobody_complains_nothing_is_kept(db: Database) -> None:
    hear(db, ONE, AnswerCounts(accepted={NOW: 9}, other={NOW: 1}), NOW)
    assert known(db, NOW) == {}


def test_of_two_senders_one_may_probe(db: Database) -> None:
    hear(db, ONE, COMPLAINT, NOW)
    rooms = []
    for _ in range(2):
        with db.write() as conn:
            book = Book(conn, NOW + 1)
            rooms.append(book.slots(ONE).number)
            book.took(ONE, rooms[-1]) if rooms[-1] else None
            book.close()
    assert rooms == [1, 0]


def test_what_was_the_relays_limit_is_given_back_to_the_domain(db: Database) -> None:
    hear(db, ONE, COMPLAINT, NOW)
    with db.write() as conn:
        book = Book(conn, NOW + 1)
        book.undo([ONE])
        book.close()
        assert book.present() == {}
    assert known(db, NOW + 1) == {}


def test_an_hour_without_news_is_forgotten_but_a_rest_is_not(db: Database) -> None:
    hear(db, pace.RELAY, COMPLAINT, NOW)
    hear(db, ONE, AnswerCounts(reputation={NOW: 1}), NOW)
    assert set(known(db, NOW + 3500)) == {pace.RELAY, ONE}
    assert set(known(db, NOW + 3700)) == {ONE}
    with db.write() as conn:
        assert pace.forget_learnt(conn, NOW + 3700) == 1
        assert pace.forget_learnt(conn, NOW + 9000) == 1


@dataclass
class Shop:
    """Takes fourteen a second, each second."""

    left: int = 14
    second: int = 0
    taken: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)

    def takes(self, now: float) -> bool:
        if int(now) != self.second:
            self.second, self.left = int(now), 14
        self.left -= 1
        (self.taken if self.left >= 0 else self.refused).append(now)
        return self.left >= 0


def test_two_senders_on_one_database_converge_to_what_is_taken(lite: Database) -> None:
    shop, heard = Shop(), [AnswerCounts(), AnswerCounts()]
    for tick in range(900):  # 45 seconds
        now, sender = NOW + tick * 0.05, tick % 2
        with lite.write() as conn:
            book = Book(conn, now)
            book.record_answers({pace.RELAY: heard[sender]})
            slots = book.slots(pace.RELAY)
            number = min(slots.number, 40)
            if number and pace.RELAY in book.present():
                book.took(pace.RELAY, number)
            book.close()
        answers = [shop.takes(slots.first + place * slots.gap) for place in range(number)]
        accepted, refused = answers.count(True), answers.count(False)
        heard[sender] = AnswerCounts({now: accepted} if accepted else {}, {now: refused} if refused else {})
    taken = sum(1 for at in shop.taken if at > NOW + 15)
    assert taken >= 0.8 * 14 * 30
    assert sum(1 for at in shop.refused if at > NOW + 15) < 0.05 * taken
