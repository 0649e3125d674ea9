"""Logs of a process that runs for long: one line each, for people on a terminal and for programs elsewhere."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest
import structlog

from campaigns.runtime.logs import configure_logs

pytestmark = pytest.mark.usefixtures("logged")  # logs go on as before afterwards
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe"


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_elsewhere_than_on_a_terminal_each_log_is_an_object_on_one_line() -> None:
    stream = StringIO()
    configure_logs(stream)
    structlog.get_logger("postiljon.serve").warning("a child ended", child="web-1", code=3)
    logging.getLogger("postiljon.relay").warning("the mail server said %s", "421")
    ours, plain = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (ours["event"], ours["child"], ours["code"], ours["level"]) == ("a child ended", "web-1", 3, "warning")
    assert (plain["event"], plain["logger"]) == ("the mail server said 421", "postiljon.relay")
    assert ours["timestamp"].endswith("Z")


def test_an_error_with_its_trace_is_one_line_too() -> None:
    stream = StringIO()
    configure_logs(stream)
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        structlog.get_logger("postiljon.web").error("request_failed", exc_info=error)
        logging.getLogger("postiljon.worker").error("the sender stops", exc_info=error)
    for line in stream.getvalue().splitlines():
        assert "ValueError" in json.loads(line)["exception"]
    assert len(stream.getvalue().splitlines()) == 2


@pytest.mark.parametrize("stream", [StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_no_log_has_a_character_that_a_terminal_obeys(stream: StringIO) -> None:
    configure_logs(stream)
    structlog.get_logger("postiljon.web").warning(EVIL, why=EVIL)
    logging.getLogger("postiljon.relay").warning("said %s", EVIL)
    assert stream.getvalue().count("gnp.exe") == 3
    assert not set(stream.getvalue()) & set("\x1b\x07\x9b\u202e")


@pytest.mark.parametrize("kind", [StringIO, Terminal], ids=["pipe", "terminal"])
def test_a_traceback_has_no_value_of_a_variable_and_nothing_that_a_terminal_obeys(kind: type[StringIO]) -> None:
    def fail(token: str) -> None:
        raise ValueError(f"a fault {EVIL}")

    stream, secret = kind(), "-".join(("very", "secret"))
    configure_logs(stream)
    try:
        fail(secret)
    except ValueError as error:
        structlog.get_logger("postiljon.web").error("request_failed", exc_info=error)
    assert "Traceback" in stream.getvalue()
    assert secret not in stream.getvalue()
    assert not set(stream.getvalue()) & set("\x1b\x07\x9b\u202e")


def test_on_a_terminal_a_log_is_a_line_for_people() -> None:
    stream = Terminal()
    configure_logs(stream)
    structlog.get_logger("postiljon.schedule").info("launched", campaign="denkt-u-mee")
    assert "launched" in stream.getvalue()
    assert "campaign=denkt-u-mee" in stream.getvalue()


def test_libraries_are_heard_from_warning_on_and_a_second_call_logs_nothing_twice() -> None:
    stream = StringIO()
    configure_logs(stream)
    configure_logs(stream)
    logging.getLogger("apscheduler.scheduler").info("added a job")
    logging.getLogger("apscheduler.scheduler").warning("skipped")
    structlog.get_logger("postiljon.web").info("ready")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["skipped", "ready"]
