"""Messages: English texts that are translated at the door."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from mailer.messages import Advice, Message, in_words, joined, recalled, without_stop

DUTCH = {
    "one of {names}": "een van {names}",
    "nothing": "niets",
    "{place}: {why}.": "{why} ({place}).",
    "Say it again.": "Zeg het nog eens.",
}


def dutch(msgid: str) -> str:
    return DUTCH.get(msgid, msgid)


def test_a_message_is_its_english_text() -> None:
    message = Message("one of {names}", names="button, small")
    assert message == "one of button, small"
    assert json.dumps(message) == '"one of button, small"'
    assert {message: 1}["one of button, small"] == 1


def test_it_is_translated_with_its_values() -> None:
    assert in_words(Message("one of {names}", names="button, small"), dutch) == "een van button, small"


def test_a_message_that_fills_a_place_is_translated_too() -> None:
    inner = Message("one of {names}").format(names=3)
    assert in_words(Message("{place}: {why}.", place="letter.md", why=inner), dutch) == "een van 3 (letter.md)."


def test_a_value_with_braces_is_no_place() -> None:
    assert in_words(Message("one of {names}", names="{{ contact.name }}"), dutch) == "een van {{ contact.name }}"


def test_braces_stand_for_themselves_in_a_message_without_values() -> None:
    assert Message("{% else %} once, and last") == "{% else %} once, and last"
    assert in_words(Message("{% else %} once, and last"), dutch) == "{% else %} once, and last"


@pytest.mark.parametrize("text", ["", "nothing", "one of a", "{names"])
def test_any_other_text_stays_as_it_is(text: str) -> None:
    assert in_words(text, dutch) == text


def test_an_error_keeps_its_message() -> None:
    error = ValueError(Message("nothing"))
    assert in_words(str(error), dutch) == "niets"


def test_texts_that_are_joined_are_translated_one_by_one_and_empty_ones_left_out() -> None:
    whole = joined(". ", ["letter.md: {1}", "", Message("nothing")])
    assert whole == "letter.md: {1}. nothing"
    assert in_words(whole, dutch) == "letter.md: {1}. niets"
    assert joined(". ", []) == ""


def test_a_full_stop_is_left_out_in_each_language() -> None:
    inside = without_stop(Message("Say it again."))
    assert (inside, in_words(inside, dutch)) == ("Say it again", "Zeg het nog eens")
    assert without_stop("550 no.") == "550 no"


def test_each_door_words_an_advice_in_its_own_way() -> None:
    held = Message("{slug} is held. {resume}", slug="news", resume=Advice("resume", slug="news"))
    command, button = {"resume": "'postiljon resume {slug}'"}, {"resume": "Press Resume."}
    assert in_words(held, dutch, command) == "news is held. 'postiljon resume news'"
    assert in_words(held, dutch, button) == "news is held. Press Resume."
    assert held == "news is held. resume"


def test_places_that_are_filled_already_stay_filled() -> None:
    waits = Message("{number}: {start}", number=1, start=Advice("start"))
    assert in_words(waits.format(number=2), dutch, {"start": "Press Start."}) == "2: Press Start."


def test_a_copy_of_an_advice_is_an_advice() -> None:
    again = pickle.loads(pickle.dumps(Advice("resume", slug="news")))
    assert in_words(again, dutch, {"resume": "Press Resume."}) == "Press Resume."


@pytest.mark.parametrize("copied", [pickle.loads, copy.deepcopy])
def test_a_copy_can_be_translated(copied) -> None:  # type: ignore[no-untyped-def]
    message = without_stop(Message("{place}: {why}.", place="a", why=Message("nothing")))
    again = copied(pickle.dumps(message) if copied is pickle.loads else message)
    assert (again, in_words(again, dutch)) == (message, "niets (a)")


def test_a_text_made_elsewhere_is_recognised_among_the_few_that_it_can_be() -> None:
    known = Message("one of {names}"), Message("one of {names} {more}!")
    assert in_words(recalled("one of button, small", known), dutch) == "een van button, small"
    assert recalled("two of button", known) == "two of button"
    assert recalled("one of " + "a" * 3_000, known) == "one of " + "a" * 3_000
