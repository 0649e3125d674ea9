"""``doctor`` tells all that is wrong at once, each with what to type or to write."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from campaigns.ops import surroundings
from mailer.storage import open_database
from tests.support.faults import Ballast, small_disk
from tests.support.installation import Installation
from unsubscribe import dropped

pytestmark = pytest.mark.slow
LETTER = "denkt-u-mee.md"


def told(installation: Installation, **more: str) -> dict[str, tuple[str, str]]:
    """Return the findings by subject: kind and words. Of several, the last."""
    findings = installation.cli.run("doctor", "--json", **more).json["findings"]
    return {item["subject"]: (item["kind"], item["words"]) for item in findings}


def test_a_house_that_is_well_is_told_what_was_looked_at(installation: Installation) -> None:
    found = told(installation)
    for subject in ("disk", "writing", "clock", "brand", "sender", "sign-ups", "database", "relay"):
        assert found[subject][0] in ("ok", "warning"), found[subject]
    assert found["writing"][0] == found["clock"][0] == found["brand"][0] == "ok"
    assert "public pages" not in found, "an address on this machine is asked by nobody else"


def test_what_is_planned_while_no_sender_runs_is_told_with_what_to_start(installation: Installation) -> None:
    installation.cli.do("schedule", LETTER, "--at", "2099-01-01 09:00 UTC")
    kind, words = told(installation)["sender"]
    assert kind == "warning"
    assert "denkt-u-mee" in words
    assert "systemctl start postiljon" in words


def test_a_proxy_that_is_not_believed_and_what_was_dropped_are_told_by_doctor_and_status(
    installation: Installation,
) -> None:
    db = open_database(f"sqlite:///{installation.cli.folder}/data/postiljon.db")
    with db.write() as conn:
        dropped.keep(conn, {"sign-up by peer": 5}, {"172.18.0.5": 25, "8.8.8.8": 1}, datetime.now(UTC))
    db.close()
    found = told(installation)
    status = installation.cli.do("status").out
    for words in (found["sign-ups"][1], status):
        assert "5 turned away since" in words
        assert "too many from one address" in words
    assert "172.18.0.5 speaks for others" in status
    assert 'trusted_proxies = "127.0.0.1,::1,172.18.0.5"' in status


def test_a_journal_that_cannot_be_written_and_a_brand_that_is_gone_are_told_at_once(installation: Installation) -> None:
    (installation.cli.folder / "data" / "journal").unlink(missing_ok=True)
    (installation.cli.folder / "data" / "journal").mkdir()
    (installation.cli.folder / "vng.toml").unlink()
    found = told(installation)
    assert found["writing"][0] == "error"
    assert "journal" in found["writing"][1]
    assert found["brand"][0] == "error"
    assert found["database"][0] == "ok"


def test_a_public_address_that_nobody_answers_is_a_warning_that_says_how_to_look(installation: Installation) -> None:
    found = told(installation, POSTILJON_PUBLIC_URL="https://nothing.here.invalid")
    assert found["public address"][0] == "warning"
    with answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") as url:
        assert surroundings._asked(url) == "200, and not our words"
    with answering(b'HTTP/1.1 503 No\r\nContent-Length: 18\r\n\r\n{"status": "away"}') as url:
        assert surroundings._asked(url) == "", "it is ours, though it is not well"
    with answering(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") as url:
        assert surroundings._asked(url) == "404"


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server on loopback that gives one answer."""
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            connection, _ = door.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/health"
        thread.join(20)


def test_the_kind_of_a_file_system_is_that_of_the_mount_that_is_nearest() -> None:
    assert surroundings._file_system(Path("/proc/self")) == "proc"


def test_a_disk_with_little_room_is_told(installation: Installation, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 8_000) as small:
        installation.cli.do("init", POSTILJON_DATA=str(small))
        kind, words = told(installation, POSTILJON_DATA=str(small))["disk"]
        assert (kind, "du -xh" in words) == ("error", True)
        Ballast(small).fill()
        assert told(installation, POSTILJON_DATA=str(small))["writing"][0] == "error"
