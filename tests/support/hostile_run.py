"""Check hostile letters, each in a child of its own with limits of processor time and memory: a line of JSON for each.

``python -m tests.support.hostile_run KIND [NAME…]``; a kind of :mod:`tests.support.hostile_letters`, or ``fine``. Since
the child has the limits, a letter that takes a machine down is told as ``killed`` and takes nothing down.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from campaigns.lifecycle.preparation import LaunchConfig, letter_source
from campaigns.source.campaign_source import from_folder
from mailer.errors import FaultsError, PostiljonError
from mailer.letter.compile import compile_letter
from mailer.storage import Database
from tests.support import hostile_letters
from tests.support.hostile_letters import Hostile

CPU_SECONDS, MEMORY = 20, 3 << 30
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome for one letter: ``ok``, ``faults``, ``error`` (our own), ``crash`` or ``killed``; seconds, MiB."""

    name: str
    how: str
    lines: tuple[int, ...]
    words: str
    seconds: float
    memory: int


def tried(kind: str, names: Collection[str] = ()) -> Iterator[Outcome]:
    """Each letter of a kind, or those with these names."""
    letters = hostile_letters.FINE if kind == "fine" else hostile_letters.KINDS[kind]
    for name, make in letters.items():
        if not names or name in names:
            yield _in_child(name, make)


def _in_child(name: str, make: Callable[[], Hostile]) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "letter.md"
        writing = os.fork()
        if not writing:  # a process of its own, since the child that is measured begins with our memory
            _write(path, make())
            os._exit(0)
        os.waitpid(writing, 0)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            _child(path, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            answer = told.read()
        _, _, usage = os.wait4(child, 0)
    found: dict[str, Any] = json.loads(answer) if answer else {"how": "killed", "lines": [], "words": ""}
    spent = found.pop("seconds", usage.ru_utime + usage.ru_stime)
    found["lines"] = tuple(found["lines"])
    return Outcome(name=name, seconds=round(spent, 3), memory=usage.ru_maxrss // 1024, **found)


def _write(path: Path, letter: Hostile) -> None:
    path.write_text(letter.text, encoding="utf-8")
    for file, data in letter.files.items():
        (path.parent / file).write_bytes(data)


def _child(path: Path, writer: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    begun = time.process_time()
    try:
        answer = _check(path)
    except BaseException as error:
        answer = {"how": "crash", "lines": [], "words": f"{type(error).__name__}: {error}"[:500]}
    os.write(writer, json.dumps(answer | {"seconds": time.process_time() - begun}).encode())
    os._exit(0)


def _check(path: Path) -> dict[str, Any]:
    """As ``check`` does, without a database."""
    faults = []
    try:
        material = from_folder(path)
        faults += material.faults
        site = LaunchConfig(cast(Database, None), "https://post.example.org", "", 1)
        compiled = compile_letter(letter_source(site, material, None, "code", NOW), time.thread_time)
        material.parts({image.sha256 for image in compiled.images})
    except FaultsError as error:
        faults += error.faults
    except PostiljonError as error:
        return {"how": "error", "lines": [], "words": str(error)[:500]}
    wrong = [fault for fault in faults if fault.severity == "error"]
    words = str(wrong[-1])[:500] if wrong else ""
    return {"how": "faults" if wrong else "ok", "lines": [fault.line for fault in wrong], "words": words}


def main() -> None:
    """One kind; what Python reads late is read before the first child is measured."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "letter.md"
        _write(path, hostile_letters.body(hostile_letters.PARAGRAPH))
        _check(path)
    for outcome in tried(sys.argv[1], sys.argv[2:]):
        print(json.dumps(asdict(outcome)), flush=True)


if __name__ == "__main__":
    main()
