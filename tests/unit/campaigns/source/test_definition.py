"""The head of a campaign file: values mean themselves, every fault is found at once."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.source.definition import KEYS, Definition, parse, read
from mailer.errors import Fault, FaultsError

HEAD = {
    "slug": "denkt-u-mee",
    "subject": "Denkt u mee over regionale samenwerking?",
    "from": "VNG <info@vng.nl>",
    "language": "nl",
    "topic": "verenigingsnieuws",
}


def text(**changes: str | None) -> str:
    values = HEAD | {key.removesuffix("_"): value for key, value in changes.items()}
    lines = [f"{key}: {value}" for key, value in values.items() if value is not None]
    return "\n".join(["---", *lines, "---", "Body", ""])


def fault(**changes: str | None) -> Fault:
    found = read(text(**changes), "a.md")[1]
    assert len(found) == 1, found
    return found[0]


def test_the_file_of_the_contract_is_read() -> None:
    found = parse(
        text(
            preheader="een verenigingsdialoog",
            layout="letter",
            date="2024-09-18",
            send_at="2024-09-18 09:00",
            timezone="Europe/Amsterdam",
        ),
        "a.md",
    )
    assert (found.slug, found.from_name, found.from_address) == ("denkt-u-mee", "VNG", "info@vng.nl")
    assert found.send_at == datetime(2024, 9, 18, 7, tzinfo=UTC)
    assert found.date == date(2024, 9, 18)
    assert (found.body, found.body_line) == ("Body\n", 13)


@pytest.mark.parametrize(
    "subject",
    [
        "Let op: nieuw",
        "Lees mee #dialoog",
        "no",
        "0123",
        "- een",
        "'tis zo",
        '{{ contact.name | default("u") }}',
        "a: b: c",
    ],
)
def test_a_value_is_the_text_to_the_end_of_its_line(subject: str) -> None:
    assert parse(text(subject=subject), "a.md").subject == subject


@given(st.text(st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=80))
def test_any_subject_comes_back_as_written_without_the_spaces_around_it(subject: str) -> None:
    if subject.strip():
        assert read(text(subject=subject), "a.md")[0].subject == subject.strip()


def test_norwegian_is_a_language_and_a_leading_zero_stays() -> None:
    found = parse(text(language="no", slug="0123"), "a.md")
    assert (found.language, found.slug) == ("no", "0123")


def test_every_fault_is_told_at_once_with_its_line() -> None:
    broken = text(slug="Denkt U Mee", from_="VNG", language="dutch!", rate="0", colour="red")
    found = read(broken, "a.md")[1]
    assert [(item.line, item.field) for item in found] == [
        (2, "slug"),
        (4, "from"),
        (5, "language"),
        (7, "rate"),
        (8, "colour"),
    ]
    with pytest.raises(FaultsError) as raised:
        parse(broken, "a.md")
    assert len(raised.value.faults) == 5


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"subjct": "x"}, "subjct", "Did you mean subject?"),
        ({"in_doubt": "hld"}, "in_doubt", "Did you mean hold?"),
        ({"layout": "leter"}, "layout", "Did you mean letter?"),
        ({"timezone": "europe/amsterdam"}, "timezone", "Did you mean Europe/Amsterdam?"),
        ({"timezone": "Amsterdam"}, "timezone", "Did you mean Europe/Amsterdam?"),
        ({"slug": "Denkt U mee?"}, "slug", "Did you mean denkt-u-mee?"),
        ({"segment": 'contact.city = "Utrecht"'}, "segment", "=="),
        ({"send_at": "2024-09-18 09:00"}, "send_at", "timezone: Europe/Amsterdam"),
        ({"from_": "VNG <info(at)vng.nl>"}, "from", "expected name@domain"),
        ({"topic": None}, "topic", "topic: verenigingsnieuws"),
    ],
)
def test_a_fault_says_what_to_do(changes: dict[str, str | None], field: str, hint: str) -> None:
    found = fault(**changes)
    assert found.field == field
    assert hint in found.hint


def test_a_key_twice_names_both_lines() -> None:
    found = fault(rate="5\nrate: 6")
    assert (found.line, found.field) == (8, "rate")
    assert "line 7" in found.expected


def test_a_value_that_goes_on_in_the_next_line_is_refused() -> None:
    found = fault(preheader="een\n  twee")
    assert (found.line, found.hint) == (8, "A value ends at the end of its line.")


def test_quotes_are_a_warning_as_they_will_be_seen() -> None:
    found = fault(subject='"Hallo"')
    assert found.severity == "warning"
    assert parse(text(subject='"Hallo"'), "a.md").subject == '"Hallo"'


def test_a_control_character_is_refused() -> None:
    assert fault(subject="a\x1bb").expected == "text without control characters"


def test_send_before_lies_after_send_at() -> None:
    found = fault(timezone="Europe/Amsterdam", send_at="2024-09-18 09:00", send_before="2024-09-18 08:00")
    assert (found.field, found.expected) == ("send_before", "a time after send_at")


def test_a_time_that_the_clock_leaps_over_is_a_fault_with_the_way_out() -> None:
    found = fault(timezone="Europe/Amsterdam", send_at="2025-03-30 02:30")
    assert "choose a time before 02:00, or 03:00 or later" in found.hint


@pytest.mark.parametrize("source", ["", "Hallo", "---\nslug: a\n\nHallo", "\ufeffHallo\n---\n"])
def test_a_file_without_a_head_is_a_fault_and_no_crash(source: str) -> None:
    assert any(item.field == "---" for item in read(source, "a.md")[1])


def test_a_file_of_another_system_is_read_the_same() -> None:
    assert parse("\ufeff" + text().replace("\n", "\r\n"), "a.md").slug == "denkt-u-mee"


@pytest.mark.parametrize(
    ("given_date", "send_at", "shown"),
    [
        ("2024-09-18", "2024-09-20 09:00", date(2024, 9, 18)),
        (None, "2024-09-20 00:30", date(2024, 9, 20)),
        (None, None, date(2024, 10, 2)),
    ],
)
def test_the_letter_shows_its_date_else_the_day_of_sending_else_of_launch(
    given_date: str | None, send_at: str | None, shown: date
) -> None:
    found = parse(text(date=given_date, send_at=send_at, timezone="Europe/Amsterdam"), "a.md")
    assert found.day(datetime(2024, 10, 1, 22, 30, tzinfo=UTC)) == shown


def test_each_key_of_the_contract_is_known() -> None:
    assert set(KEYS) == {
        *("slug", "name", "subject", "preheader", "from", "reply_to", "language", "topic", "layout", "date"),
        *("send_at", "timezone", "brand", "segment", "in_doubt", "send_before", "rate", "online", "tracking"),
    }


@given(st.text(max_size=300))
def test_nothing_that_is_written_makes_it_crash(source: str) -> None:
    found, _faults = read(source, "a.md")
    assert isinstance(found, Definition)
