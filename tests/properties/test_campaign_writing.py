"""A campaign file is changed where it is to be changed, and nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from campaigns.console import differences
from campaigns.console.campaign_text import FIELDS, Mine, shown_values
from campaigns.console.forms import cleaned
from campaigns.source.definition import KEYS
from campaigns.source.writing import body_of, new_file, values_of, with_body, with_values

WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=40)
VALUES = WORDS.map(lambda text: " ".join(cleaned(text).split()))
LINES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(KEYS), WORDS).map(lambda pair: f"{pair[0]}: {pair[1]}"),
        st.sampled_from(
            ["", "# a comment", "  subject: indented", "x-own: kept", "slug", "subject:", "subject :  twice"]
        ),
    ),
    max_size=8,
)
ENDS = st.sampled_from(["\n", "\r\n"])


def flat(text: str) -> str:
    """A text without what would begin another line."""
    return "".join(text.splitlines())


@st.composite
def campaign_files(draw: st.DrawFn) -> str:
    """A file with a head, of any content, in one kind of line ends, perhaps with a byte order mark."""
    end = draw(ENDS)
    head = [flat(line) for line in draw(LINES)]
    body = draw(WORDS).replace("\r", "").replace("\n", end)
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return mark + end.join(["---", *(line for line in head if line.rstrip() != "---"), "---", body])


@given(campaign_files(), st.sampled_from(KEYS), VALUES)
def test_one_value_changes_its_line_alone_and_is_read_back(text: str, key: str, value: str) -> None:
    changed = with_values(text, {key: value})
    assert body_of(changed) == body_of(text)
    others = [line for line in text.split("\n") if not line.startswith(key)]
    there = changed.split("\n")
    assert [line for line in others if line in there] == others
    if value and not text.count(f"\n{key}") > 1:
        assert values_of(changed).get(key) == value


@given(campaign_files(), WORDS)
def test_another_text_leaves_the_head_byte_for_byte(text: str, body: str) -> None:
    assert with_body(text, body_of(text)) == text
    changed = with_body(text, body)
    assert body_of(changed) == body
    assert changed.removesuffix(body) == text.removesuffix(body_of(text))


@given(st.dictionaries(st.sampled_from(KEYS), VALUES.filter(bool)), WORDS)
def test_what_a_new_file_states_is_read_back(values: dict[str, str], body: str) -> None:
    text = new_file(values, body)
    assert values_of(text) == values
    assert body_of(text) == body


@given(campaign_files())
def test_a_form_that_is_sent_as_it_was_shown_changes_no_byte(text: str) -> None:
    browser = cleaned(body_of(text)).replace("\n", "\r\n")  # as browsers send a text
    mine = Mine({key: shown_values(text)[key] for key in FIELDS}, cleaned(browser), "")
    assert mine.source(text) == text


@given(st.lists(st.sampled_from("abcd"), max_size=8), st.data())
def test_two_changes_put_together_lose_no_line_of_either(lines: list[str], data: st.DataObject) -> None:
    def edited(label: str) -> list[str]:
        """The lines with some left out, and new ones put between."""
        found: list[str] = []
        for number, line in enumerate(lines):
            what = data.draw(st.sampled_from(["keep", "keep", "drop", "add"]))
            found += [] if what == "drop" else [f"{label}{number}", line] if what == "add" else [line]
        return found

    theirs, mine = edited("their"), edited("my")
    whole = differences.together("\n".join(lines), "\n".join(theirs), "\n".join(mine)).splitlines()
    new = [line for line in (*theirs, *mine) if len(line) > 1]
    assert [line for line in new if line not in whole] == []


@given(WORDS, WORDS)
def test_a_text_put_together_with_itself_or_with_no_change_is_that_text(base: str, mine: str) -> None:
    base, mine = "\n".join(base.split()), "\n".join(mine.split())
    assert differences.together(base, base, mine) == mine
    assert differences.together(base, mine, mine) == mine
    assert differences.together(base, mine, base).rstrip("\n") == mine
