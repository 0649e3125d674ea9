"""Whatever a file looks like, each of its lines is taken or reported, and none is taken for another."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unsubscribe.contacts.rows import ImportRow, RowReader
from unsubscribe.contacts.sheet import Column, Record, Sheet, split

PEPPER = b"p" * 32
cells = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
tables = st.lists(st.lists(cells, min_size=2, max_size=2), max_size=20)


@given(tables, st.sampled_from([",", ";", "\t"]), st.sampled_from(["\n", "\r\n"]))
def test_a_well_formed_file_gives_back_its_cells(table: list[list[str]], delimiter: str, end: str) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(table)
    found = list(split(io.StringIO(out.getvalue(), newline=""), delimiter, 2))
    assert [record.cells for record in found] == table
    assert not [record for record in found if record.fault]
    assert "".join(record.raw for record in found) == out.getvalue()


@given(st.text(alphabet='ab",;\n\r', max_size=200))
def test_every_line_of_any_text_is_in_one_record(text: str) -> None:
    lines = list(io.StringIO(text, newline=""))
    found = list(split(lines, ",", 1))
    told = "".join(record.raw for record in found)
    assert told.replace("\n", "").replace("\r", "") == text.replace("\n", "").replace("\r", "")
    starts = [record.line for record in found]
    assert starts == sorted(set(starts))


@given(st.lists(st.text(alphabet="ab@. \"';=+é\x01\n", max_size=30), min_size=1, max_size=4))
def test_a_row_is_a_person_or_has_a_reason(row: list[str]) -> None:
    reader = RowReader([Column("email"), Column("name"), Column("language"), Column("x", is_list=True)], PEPPER)
    read = reader.read(Record(7, row, ",".join(row)))
    if isinstance(read, ImportRow):
        assert "@" in read.email
        assert read.key == read.key.lower()
        assert "\n" not in read.fields.get("name", "")
    else:
        assert read.line == 7
        assert read.reason


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_below_a_header_are_read_to_the_end(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"email,name\n" + data + b"\nlast@x.example,Z\n")
    with Sheet(path) as sheet:
        found = list(sheet.records())
    assert found
    assert "last@x.example" in found[-1].raw


simple_heads = [Column("email"), Column("name"), Column("language"), Column("role"), Column("x", use="none")]
words = st.text(alphabet="aB9 .,'#\"=+-é\t\x01", max_size=8)
addresses = st.builds(
    "{}@{}".format,
    st.text(alphabet="aB9.+_-é'", max_size=6),
    st.text(alphabet="aB9.-", max_size=8) | st.just("x.Example"),
)


@given(
    st.lists(st.tuples(addresses | words, words, st.sampled_from(["nl", "EN-gb", "", "??"]) | words, words, words)),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_simple_row_is_read_as_any_is(table: list[tuple[str, ...]], end: str) -> None:
    reader = RowReader(simple_heads, PEPPER)
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows(table)
    for record in split(io.StringIO(out.getvalue(), newline=""), ",", 2):
        assert reader.read(record) == reader.read_any(record)
