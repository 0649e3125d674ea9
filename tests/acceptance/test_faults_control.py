"""Cancel, edit, and signals while letters leave, through the real command line (E21, E23)."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer import outbox
from mailer.storage import open_database
from tests.support.commandline import CommandLine, catches
from tests.support.faults import scripted
from tests.support.sending import utc_now
from tests.support.smtpd import Rule
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow
LETTER = "denkt-u-mee.md"
PEOPLE = 80
WINDOW = 8  # four times two connections


@pytest.fixture
def cli(furnished: Callable[[str, Path], None], tmp_path: Path) -> CommandLine:
    """Eighty people and a letter; the relay is the test's."""
    people = "".join(f"lezer{one}@example.org,mevrouw Jansen\n" for one in range(PEOPLE))
    furnished(f"email,salutation\n{people}", tmp_path)
    return CommandLine(tmp_path, {"POSTILJON_BRAND": "vng.toml"})


def test_an_edit_while_it_is_sent_changes_no_letter_and_a_cancel_stops_after_what_was_claimed(cli: CommandLine) -> None:
    """Expected: the edited file is refused with what differs; every letter has the text of the launch; after the
    cancel no more reaches the server than was claimed; who has not got it is skipped, and nobody is in doubt."""
    with scripted(Rule("dot", "delay", seconds=0.4)) as server:
        cli.environment["POSTILJON_SMTP_URL"] = f"smtp://127.0.0.1:{server.port}?connections=2&tls=none"
        process = cli.start("send", LETTER, "--yes")
        wait_until(lambda: len(server.accepted) >= 3)
        path = cli.folder / LETTER
        path.write_text(path.read_text("utf-8").replace("Andries Kok", "Iemand Anders"), "utf-8")
        refused = cli.run("send", LETTER, "--yes")
        assert (refused.code, "+Iemand Anders" in refused.err) == (1, True), refused
        cli.do("cancel", "denkt-u-mee")
        before = len(server.accepted)
        assert process.wait(120) in (0, 3)
        got = list(server.accepted)
    assert len(got) - before <= WINDOW
    assert len({letter.recipient for letter in got}) == len(got) < PEOPLE
    assert all(b"Andries Kok" in letter.content and b"Iemand Anders" not in letter.content for letter in got)
    status = cli.status("denkt-u-mee")
    assert (status["state"], status["in_doubt"], status["waiting"]) == ("cancelled", 0, 0)
    assert (status["accepted"], status["skipped"]) == (len(got), PEOPLE - len(got))


def test_a_second_signal_is_as_good_as_kill_for_send_and_for_worker(cli: CommandLine) -> None:
    """Expected: a relay that never answers the dot: the first SIGTERM waits for it, the second ends at once; what was
    offered is in doubt, at most one window a time, and everybody else waits."""
    with scripted(Rule("dot", "stall")) as server:
        cli.environment["POSTILJON_SMTP_URL"] = f"smtp://127.0.0.1:{server.port}?connections=2&tls=none"
        for round_, command in enumerate((("send", LETTER, "--yes"), ("worker",)), start=1):
            offered = len(server.dots)
            process = cli.start(*command)
            wait_until(lambda offered=offered: len(server.dots) > offered)  # type: ignore[misc]
            process.send_signal(signal.SIGTERM)
            wait_until(lambda process=process: not catches(process.pid, signal.SIGTERM))  # type: ignore[misc]
            assert process.poll() is None, "it did not wait for the answer"
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == -signal.SIGTERM
            db = open_database(f"sqlite:///{cli.folder}/data/postiljon.db")
            outbox.sweep(db, utc_now())
            with db.read() as conn:
                counts = outbox.get(conn, 1).counts
            db.close()
            assert counts.sending == counts.accepted == 0
            assert len(server.dots) <= counts.in_doubt <= round_ * WINDOW
            assert counts.waiting + counts.in_doubt == PEOPLE
