"""A machine that fails or runs out under a real ``postiljon send``: EIO from the disk, no thread, no memory (E18).

Expected, in one sentence: nobody is lost and nobody gets it twice; what cannot be known is in doubt, a window at most;
the command says in a sentence what is missing, ends with 3 and blames neither letter nor reader; the same command on a
healthy machine completes it. What the kernel answers is real: see ``tests.support.refusing``.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support import refusing
from tests.support.commandline import CommandLine, Ran, catches, free_port
from tests.support.faults import limited, scripted
from tests.support.smtpd import Rule, Server
from tests.support.waiting import wait_until
from tests.support.warm import Started, quiet

pytestmark = pytest.mark.slow
LETTER, SLUG = "denkt-u-mee.md", "denkt-u-mee"
PEOPLE = 40
WINDOW = 8  # four times two connections
NO_MEMORY = "This machine has no memory left for Postiljon"
NO_THREAD = "This machine lets Postiljon start no further thread or process"


@pytest.fixture
def cli(furnished: Callable[[str, Path], None], tmp_path: Path) -> CommandLine:
    """Forty people and a letter."""
    people = "".join(f"lezer{one}@example.org,mevrouw Jansen\n" for one in range(PEOPLE))
    furnished(f"email,salutation\n{people}", tmp_path)
    return CommandLine(tmp_path, {"POSTILJON_BRAND": "vng.toml"})


@contextmanager
def relay(cli: CommandLine) -> Iterator[Server]:
    """A relay that takes a tenth of a second for a letter, on two connections."""
    with scripted(Rule("dot", "delay", seconds=0.1)) as server:
        cli.environment["POSTILJON_SMTP_URL"] = f"smtp://127.0.0.1:{server.port}?connections=2&tls=none"
        yield server


def refused(cli: CommandLine, what: str, *arguments: str) -> Started:
    """``postiljon`` to which the kernel will refuse this."""
    if what != "memory" and not refusing.possible():
        pytest.skip("the kernel of this machine has no seccomp for us")
    command = ["tests.support.refusing", what, *arguments]
    with (cli.folder / "out.txt").open("wb") as out, (cli.folder / "err.txt").open("wb") as err:
        return quiet(command, cli.folder, cli.env(), out=out.fileno(), err=err.fileno())


def ended(cli: CommandLine, process: Started) -> Ran:
    """Wait for the end of what :func:`refused` started last."""
    code = process.wait(120)
    return Ran(code, (cli.folder / "out.txt").read_text("utf-8"), (cli.folder / "err.txt").read_text("utf-8"))


def in_the_middle(cli: CommandLine, server: Server, what: str) -> Started:
    """A ``send`` to which it is refused since some letters have arrived."""
    process = refused(cli, what, "send", LETTER, "--yes")
    wait_until(lambda: len(server.accepted) >= 6 or process.poll() is not None)
    process.send_signal(signal.SIGUSR1)
    return process


def assert_completed(cli: CommandLine, server: Server) -> int:
    """On a healthy machine the same command completes it: nobody lost, nobody twice; how many are in doubt."""
    cli.do("send", LETTER, "--yes")
    status = cli.status(SLUG)
    got = [letter.recipient for letter in server.accepted]
    assert len(set(got)) == len(got)
    assert status["accepted"] + status["in_doubt"] == PEOPLE
    doubts = {item["address"] for item in cli.do("doubt", SLUG, "--json").json["doubts"]}
    assert len(doubts) == status["in_doubt"] <= WINDOW
    assert {f"lezer{one}@example.org" for one in range(PEOPLE)} - set(got) <= doubts
    return int(status["in_doubt"])


@pytest.mark.parametrize("what", ["write", "sync"])
def test_a_disk_that_answers_with_eio_stops_the_claims_and_costs_nobody(cli: CommandLine, what: str) -> None:
    """Expected: no more than what was claimed leaves; the command waits, says why, and keeps what it read until it is
    told to end (3; or, as here for ``sync``, killed); then a healthy disk: who cannot be known is in doubt."""
    with relay(cli) as server:
        process = in_the_middle(cli, server, what)
        told = "sending stops for now: the database cannot be reached: disk I/O error"
        wait_until(lambda: told in (cli.folder / "err.txt").read_text("utf-8"))
        gone = len(server.accepted)
        assert process.poll() is None, "it waits for the disk"
        process.send_signal(signal.SIGTERM)
        if what == "sync":
            wait_until(lambda: not catches(process.pid, signal.SIGTERM))
            process.send_signal(signal.SIGTERM)  # the second is as good as kill
        ran = ended(cli, process)
        assert ran.code == (3 if what == "write" else -signal.SIGTERM), ran
        assert len(server.accepted) - gone <= WINDOW
        assert len(server.accepted) < PEOPLE
        assert "Traceback" not in ran.err
        assert_completed(cli, server)


def test_a_disk_that_cannot_be_written_at_all_is_said_and_nothing_was_begun(cli: CommandLine) -> None:
    """Expected: 3 and a sentence; no campaign; the same command on a healthy disk sends to all, once."""
    with relay(cli) as server:
        ran = ended(cli, refused(cli, "write!", "send", LETTER, "--yes"))
        assert (ran.code, ran.out, ran.err) == (3, "", "the database cannot be reached: disk I/O error.\n")
        assert cli.do("status", "--json").json == []
        assert assert_completed(cli, server) == 0


def test_without_a_thread_to_be_had_nobody_is_mailed_and_it_says_so(cli: CommandLine) -> None:
    """Expected: 3 and a sentence, in the language of the environment; again: all, once, nobody in doubt."""
    with relay(cli) as server:
        ran = ended(cli, refused(cli, "thread!", "send", LETTER, "--yes"))
        assert (ran.code, "Traceback" in ran.err) == (3, False), ran
        assert NO_THREAD in ran.err
        assert server.accepted == []
        cli.environment["LC_ALL"] = "nl_NL.UTF-8"
        assert "geen thread of proces meer starten" in ended(cli, refused(cli, "thread!", "send", LETTER, "--yes")).err
        assert assert_completed(cli, server) == 0


def test_a_sender_at_work_needs_no_further_thread(cli: CommandLine) -> None:
    """Expected: a limit that is reached while letters leave changes nothing: all get it, 0, no complaint."""
    with relay(cli) as server:
        ran = ended(cli, in_the_middle(cli, server, "thread"))
        assert (ran.code, ran.err) == (0, "")
        assert len(server.accepted) == PEOPLE
        assert assert_completed(cli, server) == 0


def test_serve_where_no_process_can_be_started_says_so(cli: CommandLine) -> None:
    """Expected: 3 and a sentence, nothing is left running."""
    ran = ended(cli, refused(cli, "thread!", "serve", "--port", str(free_port())))
    assert (ran.code, "Traceback" in ran.err) == (3, False), ran
    assert NO_THREAD in ran.err


def test_memory_that_runs_out_in_the_middle_ends_it_and_holds_nothing(cli: CommandLine) -> None:
    """Expected: 3 and a sentence; it is not taken for a fault of the letter: the campaign is not held, nobody is
    refused; again: everybody has it once."""
    with relay(cli) as server:
        ran = ended(cli, in_the_middle(cli, server, "memory"))
        assert (ran.code, NO_MEMORY in ran.err, "Traceback" in ran.err) == (3, True, False), ran
        status = cli.status(SLUG)
        assert (status["state"], status["refused"]) == ("sending", 0)
        assert len(server.accepted) < PEOPLE
        assert_completed(cli, server)


def test_too_little_memory_from_the_start_is_an_end_and_costs_nobody(cli: CommandLine) -> None:
    """Expected: however it ends (with 3 and a sentence, or as Python or a library ends itself), whoever was offered
    is at most in doubt. ``RLIMIT_AS`` from too little to start up to nearly enough."""
    with relay(cli) as server:
        codes = {limited(cli, "RLIMIT_AS", megabytes << 20, "send", LETTER, "--yes").code for megabytes in (40, 120)}
        assert 0 not in codes
        assert_completed(cli, server)
