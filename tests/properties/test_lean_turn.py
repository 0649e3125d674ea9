"""The lean turn does what the full turn does: whatever comes back, whoever left meanwhile, on equal databases.

Two senders of the same state take the same turns, one always in full, the other lean where that applies. After each
turn their rows, counters, letters on their way, results in memory and what they remember of domains are the same.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mailer.outcome import NotWritten, Replied, Result, Unknown
from mailer.worker.lean_turn import DONE, LeanOutcome
from tests.support import turning
from tests.support.turning import PEOPLE, arms

texts = st.sampled_from(["2.0.0 Ok", "", "2.0.0 queued as 4F1\0", "é" * 600, "5.1.1 looks like a refusal"])
taken = st.builds(Replied, st.just("dot"), st.integers(200, 299), texts)
other: st.SearchStrategy[Result] = st.one_of(
    st.builds(
        Replied,
        st.sampled_from(["mail", "rcpt", "dot", "local"]),
        st.sampled_from([250, 354, 421, 450, 550, 552, 554]),
        texts,
    ),
    st.builds(NotWritten, st.just("waited too long")),
    st.builds(Unknown, st.just("the connection was lost")),
)
people = st.integers(1, PEOPLE)
answers = st.lists(st.tuples(st.integers(0, 50), st.one_of(*[taken] * 6, other)), max_size=12)
between = st.one_of(
    st.tuples(st.just("nothing"), st.just(0)),
    st.tuples(st.sampled_from(["leaves", "left the topic", "less often", "erased", "no address", "in doubt"]), people),
    st.tuples(st.sampled_from(["pause", "resume", "look", "more people"]), st.just(0)),
)
turns = st.lists(st.tuples(between, answers), min_size=3, max_size=10)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    return turning.template(tmp_path_factory.mktemp("template"))


ACCEPT = [(0, Replied("dot", 250, "2.0.0 Ok"))] * 8


@settings(max_examples=25)
@given(script=turns)
@example(
    script=[(("nothing", 0), ACCEPT), (("leaves", 20), ACCEPT), (("less often", 21), ACCEPT), (("nothing", 0), ACCEPT)]
)
@example(script=[(("nothing", 0), ACCEPT), (("in doubt", 12), ACCEPT), (("nothing", 0), ACCEPT)])
@example(script=[(("nothing", 0), ACCEPT), (("pause", 0), ACCEPT), (("look", 0), ACCEPT), (("nothing", 0), ACCEPT)])
@example(
    script=[(("nothing", 0), ACCEPT), (("erased", 19), ACCEPT), (("no address", 20), ACCEPT), (("nothing", 0), [])]
)
def test_a_lean_turn_leaves_what_a_full_turn_leaves(
    template: tuple[Path, int], script: list[tuple[tuple[str, int], list[tuple[int, Result]]]]
) -> None:
    with arms(template) as (full, lean):
        for step, ((kind, number), given_answers) in enumerate([(("nothing", 0), []), *script]):
            for arm in (full, lean):
                arm.answer(given_answers)
                arm.act(kind, number)
                arm.turn(step)
            assert lean.seen() == full.seen()


def test_the_usual_turn_is_a_lean_one(template: tuple[Path, int]) -> None:
    with arms(template) as (_full, lean):
        for step in range(4):
            lean.turn(step)
            lean.answer([(0, Replied("dot", 250, "2.0.0 Ok"))] * 8)
        assert lean.came[:3] == [LeanOutcome.UNUSUAL, DONE, DONE]  # the first finds out that it is a usual one
