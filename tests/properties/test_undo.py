"""Undo, in any order: what a contact has is what the latest act set that was not undone, each item by itself (I7)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import suppression
from mailer.signing import Purpose
from tests.support.people import NOW, ReaderSetup
from tests.support.sending_db import open_lite
from tests.support.thorough import examples
from unsubscribe import changes, contacts, details, frequency, optout
from unsubscribe.details import DetailsForm

UNTIL = tuple(NOW + timedelta(days=number) for number in (100, 200, 300))
TOPICS = ("nieuws", "agenda")
wishes = st.builds(
    DetailsForm,
    name=st.sampled_from([None, "One", "Two"]),
    language=st.sampled_from([None, "nl", "en"]),
    fields=st.dictionaries(st.just("salutation"), st.sampled_from(["Dear", "Hello"])),
    topics=st.dictionaries(st.sampled_from(TOPICS), st.booleans()),
    days=st.sampled_from([None, 0, 7, 30]),
    until=st.sampled_from([None, *UNTIL]),
)
steps = st.one_of(
    st.tuples(st.just("save"), wishes),
    st.tuples(st.just("less_often"), st.sampled_from([0, 7, 30])),
    st.tuples(st.just("pause"), st.sampled_from([None, *UNTIL])),
    st.tuples(st.just("leave"), st.sampled_from(["topic", "all"])),
    st.tuples(st.just("undo"), st.integers(0, 20)),
)


@dataclass
class Act:
    """An act in the model: what it set, by item."""

    number: int
    kind: str
    set: Mapping[str, object]
    scope: object = None
    undone: bool = False
    again: bool = False


class Model:
    """The setup, beside a list of all acts."""

    def __init__(self, folder: str) -> None:
        self.setup = ReaderSetup(open_lite(Path(folder)))
        self.first = self.items(NOW)
        self.acts: list[Act] = []

    def items(self, now: datetime) -> dict[str, object]:
        """Return the present state of the contact."""
        contact = self.setup.contact()
        with self.setup.db.read() as conn:
            days, until = frequency.now_set(conn, contact, now)
            states = contacts.subscriptions(conn, contact.id)
            held = {
                entry.scope for entry in suppression.entries(conn, contact.address_hash) if entry.reason == "opt_out"
            }
        topics = {topic: states[topic] == "subscribed" and not held & {topic, ""} for topic in TOPICS}
        salutation = contact.attributes.get("salutation")
        own = {"name": contact.name, "language": contact.language, "salutation": salutation}
        return {**own, "days": days, "until": until, **topics}

    def act(self, kind: str, value: object, now: datetime) -> None:
        """Do one act by its own door, and note what it set."""
        before = self.items(now)
        setup = self.setup
        with setup.db.write() as conn:
            if isinstance(value, DetailsForm):
                details.save(conn, setup.token(), value, setup.policy, now)
            elif kind == "less_often":
                details.less_often(conn, setup.token(), int(str(value)), setup.policy, now)
            elif kind == "pause":
                details.pause(conn, setup.token(), value if isinstance(value, datetime) else None, setup.policy, now)
            else:
                optout.opt_out(conn, setup.token(Purpose.OPT_OUT), "all" if value == "all" else "topic", now)
            known = changes.of_contact(conn, setup.reader.id)
        after = self.items(now)
        self._wished_again(kind, value)
        if len(known) > len(self.acts):
            made = {name: after[name] for name in after if after[name] != before[name]}
            if known[-1].after.get("scope") == "":  # leaving all mail is about every topic, also one left before
                made |= dict.fromkeys(TOPICS, False)
            self.acts.append(Act(known[-1].id, known[-1].kind, made, known[-1].after.get("scope")))

    def _wished_again(self, kind: str, value: object) -> None:
        """A repeated opt-out has the last word: the undo of the earlier one gives nothing back."""
        off = {topic for topic, on in value.topics.items() if not on} if isinstance(value, DetailsForm) else set()
        off |= {"nieuws"} if (kind, value) == ("leave", "topic") else set()
        for act in self.acts:
            about = act.scope in {*off, ""} if off else (kind, value) == ("leave", "all")
            act.again = act.again or (act.kind == "opt_out" and not act.undone and about)

    def undo(self, place: int, now: datetime) -> None:
        """Undo one of the acts that can be undone."""
        acts = [act for act in self.acts if act.kind in ("details", "opt_out")]
        if acts:
            act = acts[place % len(acts)]
            back = details.undo if act.kind == "details" else optout.undo
            with self.setup.db.write() as conn:
                back(conn, self.setup.token(Purpose.UNDO_CHANGE, act.number), now)
            act.undone = act.undone or not act.again

    def expected(self) -> dict[str, object]:
        """The latest act that was not undone decides, item by item."""
        found = dict(self.first)
        for act in self.acts:
            found |= {} if act.undone else act.set
        return found


@settings(max_examples=examples(80, 3), deadline=None)
@given(st.lists(steps, min_size=2, max_size=9))
def test_undo_in_any_order_leaves_what_the_latest_acts_set_that_were_not_undone(acts: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory(prefix="undo-") as folder:
        model = Model(folder)
        for place, (kind, value) in enumerate(acts, 1):
            now = NOW + timedelta(hours=6 * place)
            if kind == "undo":
                model.undo(int(str(value)), now)
            else:
                model.act(kind, value, now)
            assert model.items(now) == model.expected()
        assert model.setup.fault() == ""
        model.setup.db.close()
