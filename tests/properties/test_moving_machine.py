"""Changes of address as a state machine: ask, confirm, agree, keep, expire and erase, in every order.

The model keeps the moves over three addresses that were carried out; it knows nothing of how they are stored. What an
answer says is compared with what is so, and every mailbox that can put its address back is told of the next change.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import text

from mailer.address import mask
from mailer.errors import StateError
from mailer.signing import Purpose
from tests.support.people import NOW, PEPPER, ReaderSetup
from tests.support.sending_db import open_lite
from tests.support.thorough import examples
from unsubscribe import contacts, details, erasing, moving
from unsubscribe.moving import AddressChangeStatus

ADDRESSES = ("esther@gouda.example", "b1@thief.example", "b2@thief.example")
WAIT, CONFIRM_WITHIN, PUT_BACK = timedelta(days=7), timedelta(days=14), timedelta(days=14)


@dataclass
class Asked:
    """A change of address in the model."""

    id: int
    at: datetime
    old: str
    new: str
    confirmed: bool = False
    agreed: bool = False
    moved: datetime | None = None
    off: bool = False


class Moving(RuleBasedStateMachine):
    """One contact, three addresses, and perhaps another contact at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="moving-machine-")
        self.setup = ReaderSetup(open_lite(Path(self.folder.name)))
        self.now = NOW
        self.asked: dict[int, Asked] = {}
        self.here = ADDRESSES[0]
        self.others: set[str] = set()
        self.erased = False

    @rule(email=st.sampled_from(ADDRESSES))
    def ask(self, email: str) -> None:
        try:
            with self.setup.db.write() as conn:
                move = moving.ask(conn, self.setup.token(), email, self.setup.service_mail, PEPPER, self.now)
                number = conn.execute(text("SELECT max(id) FROM change")).scalar_one()
        except StateError:
            return
        if self.erased:
            assert move.stand == "gone"
            return
        for one in self.asked.values():
            one.off = one.off or one.moved is None
        self.asked[number] = Asked(number, self.now, self.here, email)
        assert (move.stand, move.new, move.confirmed) == ("waiting", mask(email), False)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        one = self._one(data)
        if self.now >= one.at + CONFIRM_WITHIN:
            return  # the link has ended
        taken = one.new in self.others
        waits = not one.off and one.moved is None
        move = self._act("confirm", one)
        if waits and taken and not self.erased:
            assert move.stand == "taken"
            return
        one.confirmed = one.confirmed or (waits and not taken)
        self._carry_out(one)
        self._is_true(move, one)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def agree(self, data: st.DataObject) -> None:
        one = self._one(data)
        move = self._act("agree", one)
        one.agreed = one.agreed or (not one.off and one.moved is None)
        self._carry_out(one)
        self._is_true(move, one)

    @precondition(lambda self: self.asked)
    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        one = self._one(data)
        chain = [other for other in self.asked.values() if other.id >= one.id and not other.off]
        move = self._act("keep", one)
        if self.erased or not chain or chain[0].old != one.old:
            self._is_true(move, one)
            return
        if chain[0].moved and self.now >= chain[0].moved + PUT_BACK:
            self._is_true(move, one)
            return
        for other in chain:
            other.off = True
        if chain[0].moved and one.old != self.here:
            if one.old in self.others:
                assert move.stand == "apart"
                self.erased = True
                return
            self.here = one.old
        self._is_true(move, one)
        assert (move.stand, self._email()) == ("kept", one.old), "keep gives back the address of its mailbox"

    @rule(days=st.integers(1, 10))
    def days_pass(self, days: int) -> None:
        for _ in range(days):
            self.now += timedelta(days=1)
            with self.setup.db.write() as conn:
                moving.settle(conn, PEPPER, self.now)
            for one in self.asked.values():
                self._carry_out(one)
                if not one.confirmed and not one.moved and self.now > one.at + CONFIRM_WITHIN:
                    one.off = True

    @precondition(lambda self: not self.erased)
    @rule()
    def details_are_changed(self) -> None:
        wishes = details.DetailsForm(name=f"Name {self.now:%j} {len(self.asked)}")
        try:
            with self.setup.db.write() as conn:
                saved = details.save(conn, self.setup.token(), wishes, self.setup.policy, self.now)
        except StateError:
            return
        if not saved.change:
            return
        with self.setup.db.read() as conn:
            query = "SELECT d.address FROM mailing m JOIN delivery d ON d.mailing_id = m.id WHERE m.key LIKE :like"
            told = set(conn.execute(text(query), {"like": f"%details_changed:{saved.change.id}"}).scalars())
        moves = [one for one in self.asked.values() if one.moved and not one.off]
        assert told == {self.here} | {one.old for one in moves if one.moved and self.now < one.moved + PUT_BACK}

    @rule(email=st.sampled_from(ADDRESSES))
    def another_contact_signs_up(self, email: str) -> None:
        if email != self.here or self.erased:
            with self.setup.db.write() as conn:
                contacts.add(conn, contacts.Person(email), PEPPER, self.now)
            self.others.add(email)

    @precondition(lambda self: len(self.asked) > 2)
    @rule()
    def erase(self) -> None:
        with self.setup.db.write() as conn:
            erasing.erase(conn, self.setup.reader.id, self.now)
        self.erased = True

    @invariant()
    def the_contact_has_the_address_of_the_model(self) -> None:
        assert self._email() == ("" if self.erased else self.here)

    def teardown(self) -> None:
        self.setup.db.close()
        self.folder.cleanup()

    def _one(self, data: st.DataObject) -> Asked:
        return self.asked[data.draw(st.sampled_from(sorted(self.asked)))]

    def _act(self, which: str, one: Asked) -> AddressChangeStatus:
        act = {"confirm": moving.confirm, "agree": moving.agree, "keep": moving.keep}[which]
        with self.setup.db.write() as conn:
            return act(conn, self.setup.token(Purpose.ADDRESS_NEW, one.id), PEPPER, self.now)

    def _carry_out(self, one: Asked) -> None:
        if self.erased or one.off or one.moved or not one.confirmed:
            return
        if one.agreed or self.now >= one.at + WAIT:
            if one.new in self.others or one.new == self.here:
                one.off = True
                return
            back = [other for other in self.asked.values() if other.old == one.new and self._can_be_put_back(other)]
            if back:  # going back is putting back
                for other in self.asked.values():
                    other.off = other.off or other.id >= back[0].id
            else:
                one.moved = self.now
            self.here = one.new

    def _can_be_put_back(self, one: Asked) -> bool:
        return one.moved is not None and not one.off and self.now < one.moved + PUT_BACK

    def _is_true(self, move: AddressChangeStatus, one: Asked) -> None:
        """An answer says nothing that is not so."""
        if self.erased:
            assert move.stand == "gone"
            return
        assert (move.old, move.new, move.here) == (mask(one.old), mask(one.new), mask(self.here))
        so = {"moved": self.here == one.new, "kept": self.here == one.old, "waiting": not one.off and not one.moved}
        so["elsewhere"] = (one.off or one.moved is not None) and self.here != one.new
        assert so[move.stand]

    def _email(self) -> str:
        with self.setup.db.read() as conn:
            found = contacts.get(conn, self.setup.reader.id)
        return found.email if found else ""


TestMoving = Moving.TestCase
TestMoving.settings = settings(max_examples=examples(60, 3), stateful_step_count=30, deadline=None)
