"""Files of contacts that are written to take a machine down: a fault, or rejected rows, in bounded time and memory.

Each is imported by the command, in a process that may use 20 seconds of a processor and 1 GiB of memory.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailer.files import NO_FILE
from mailer.storage import Database
from tests.support.commandline import CommandLine
from tests.support.tables import create_all
from unsubscribe import consent, contacts, importing
from unsubscribe.contacts.rows import Rejected
from unsubscribe.importing import ImportJob

pytestmark = pytest.mark.slow
CPU, MEMORY = 20, 1 << 30


@dataclass(frozen=True)
class Ran:
    """The answer of the command, as JSON."""

    code: int
    told: dict[str, Any]

    @property
    def fault(self) -> tuple[int, str]:
        """Line and what was found of the first fault."""
        first = self.told["faults"][0]
        return first["line"], first["found"]

    @property
    def reasons(self) -> set[str]:
        """Why rows were rejected."""
        return {row["reason"] for row in self.told["rejects"]}


class Importing:
    """A house in a folder; gives the command files to import."""

    def __init__(self, folder: Path) -> None:
        self.cli = CommandLine(folder)
        self.cli.do("init")

    def __call__(self, pieces: Iterator[bytes] | bytes, *options: str) -> Ran:
        path = self.cli.folder / "people.csv"
        with path.open("wb") as file:
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                file.write(piece)
        return self.of(path, *options)

    def of(self, path: Path, *options: str) -> Ran:
        """Return the outcome for a file, in a process of its own, within the limits."""
        command = ["contacts", "import", str(path), "--topic", "t", "--basis", "member", "--json", *options]
        done = subprocess.run(
            [sys.executable, "-m", "campaigns", *command],
            cwd=self.cli.folder,
            env=self.cli.env(),
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=_limited,
        )
        assert done.stdout.startswith("{"), (done.returncode, done.stderr[-2000:])
        return Ran(done.returncode, json.loads(done.stdout))

    def soon(self, path: Path, *options: str) -> Ran:
        """The same without the limits, and without the start of an interpreter."""
        command = ["contacts", "import", str(path), "--topic", "t", "--basis", "member", "--json", *options]
        ran = self.cli.run(*command)
        return Ran(ran.code, ran.json)


def _limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Importing:
    return Importing(tmp_path_factory.mktemp("house"))


HEADS: dict[str, tuple[bytes, str]] = {
    "10,000 columns": (b"email" + b",a" * 10_000, "10001 columns"),
    "100,000 columns": (b"email" + b",a" * 100_000, "a first line of more than 100000 characters"),
    "20 million columns": (b"email" + b"," * 20_000_000, "a first line of more than 100000 characters"),
    "501 columns": (b"email," + b",".join(b"c%d" % n for n in range(500)), "501 columns"),
    "a name of 50 MB": (b"email," + b"a" * 50_000_000, "a first line of more than 100000 characters"),
    "a name of 90,000 letters": (b"email," + b"a" * 90_000, "'" + "a" * 59 + "…'"),
    "a quotation mark that does not end": (b'email,"' + b"a\n" * 100, "'a'"),
    "no line end in 50 MB": (b"a" * 50_000_000, "a first line of more than 100000 characters"),
}


@pytest.mark.parametrize("name", HEADS)
def test_a_head_that_is_too_large_is_a_fault_with_its_line(load: Importing, name: str) -> None:
    head, words = HEADS[name]
    path = load.cli.folder / "people.csv"
    path.write_bytes(head + b"\na@x.example\n")
    ran = load.soon(path)
    if name == "a quotation mark that does not end":
        assert (ran.code, ran.told.get("rejected", 0) > 0) == (0, True)
        return
    assert (ran.code, *ran.fault) == (1, 1, words)


ROWS: dict[str, tuple[list[bytes], int, str]] = {
    "a row of 100,000 cells": ([b"b@x.example" + b"," * 99_999 + b"1\n"], 1, "100000 cells, but the first line has 2"),
    "a row of 50 million cells": ([b"b@x.example"] + [b"," * 1_000_000] * 50 + [b"\n"], 1, "longer than 200,000"),
    "a cell of 100 MB": ([b"b@x.example,"] + [b"a" * 1_000_000] * 100 + [b"\n"], 1, "longer than 200,000"),
    "a cell of 20,000 letters": ([b"b@x.example," + b"a" * 20_000 + b"\n"], 1, "a cell is longer than 10,000"),
    "an address of 9,000 letters": ([b"b@" + "é".encode() * 9_000 + b",B\n"], 1, "longer than 254"),
    "a quotation mark that never ends": ([b'b@x.example,"B\n'] + [b"a@y.example,A\n"] * 20_000, 1, "not closed"),
    "quotation marks that never end": ([b'b@x.example,"B\n'] * 50_000, 50_000, "quotation mark"),
    "a quotation mark before long lines": ([b'b@x.example,"' + b"a" * 150_000 + b"\n"] * 200, 200, ""),
    "half a million empty rows": ([b"\n" * 500_000], 0, ""),
    "100,000 faults": ([b"x\n" * 100_000], 100_000, "is not a mail address"),
    "lines that end in CR alone": ([b"b@x.example,B\r" * 1_000], 0, ""),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_that_is_too_large_is_rejected_and_loses_no_other(load: Importing, name: str) -> None:
    pieces, rejected, words = ROWS[name]
    rejects = load.cli.folder / "rejects.csv"
    rejects.unlink(missing_ok=True)
    ran = load(iter([b"email,name\n", *pieces, b"last@x.example,Last\n"]), "--rejects", str(rejects))
    assert (ran.code, ran.told["rejected"]) == (0, rejected)
    assert all(words in reason for reason in ran.reasons)
    assert ran.told["added"] + ran.told["updated"] + ran.told["unchanged"] >= 1
    assert len(ran.told["rejects"]) == min(rejected, 1_000)
    assert rejects.exists() == bool(rejected)
    if rejected:
        assert rejects.read_bytes().count(b"\n") > rejected


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("half a character of UTF-16", b"\xff\xfe" + "email,name\na@x.example,A\n".encode("utf-16-le") + b"\x00"),
        ("lone surrogates in UTF-16", b"\xff\xfe" + "email\n".encode("utf-16-le") + b"\x00\xd8\x00\xd8\n\0"),
        ("zeros in UTF-16", b"\xff\xfe" + bytes(2_000_000)),
        ("a zip file", b"PK\x03\x04" + bytes(1_000_000)),
        ("zeros", bytes(1_000_000)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bytes_that_are_no_text_end_in_a_sentence(load: Importing, name: str, data: bytes) -> None:
    path = load.cli.folder / "people.csv"
    path.write_bytes(data)
    ran = load.soon(path)
    assert ran.code == 1 or ran.told["rejected"] >= 1, name


def test_a_device_is_not_read_and_a_pipe_without_a_writer_gives_nothing(load: Importing, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, found in ((tmp_path / "pipe", "nothing"), (Path("/dev/zero"), NO_FILE), (Path("/dev/urandom"), NO_FILE)):
        ran = load.soon(path)
        assert (ran.code, ran.fault) == (1, (0, found))


def test_rejected_rows_are_not_written_over_the_file_that_is_read(load: Importing) -> None:
    path = load.cli.folder / "people.csv"
    path.write_bytes(b"email\nx\n")
    ran = load.soon(path, "--rejects", str(path))
    assert (ran.code, path.read_bytes()) == (2, b"email\nx\n")


def test_a_person_has_so_many_attributes_at_most_whatever_the_number_of_files(
    house_database: Database, tmp_path: Path
) -> None:
    create_all(house_database)
    statement = consent.make_statement("member", "")
    plan, now = ImportJob("t", statement, b"p" * 32), datetime(2026, 11, 27, tzinfo=UTC)
    rejected: list[Rejected] = []
    for part in range(3):
        names = [f"c{part}_{number}" for number in range(450)]
        path = tmp_path / f"{part}.csv"
        path.write_text(f"email,{','.join(names)}\na@x.example,{','.join(['1'] * 450)}\n")
        importing.import_contacts(house_database, path, plan, now, reject=rejected.append)
    with house_database.read() as conn:
        person = contacts.find(conn, "a@x.example")
    assert person
    assert len(person.attributes) == 900
    assert [row.reason for row in rejected] == ["with this row the person would have more than 1,000 attributes"]
