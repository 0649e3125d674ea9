"""Two hundred hostile connections of each kind against a real ``serve``: its memory, and opt-outs meanwhile (H3)."""

from __future__ import annotations

import re
import socket
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from bench.connections import BOUND, CONNECTIONS, KINDS, Home, Horde, Kind, home, memory, one_click
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="memory is read in /proc")]
GET = b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n"
_next = count()


@pytest.fixture(scope="module")
def served() -> Iterator[Home]:
    with home(people=300) as running:
        yield running


def opt_out(house: Home) -> str:
    """The status of one more opt-out."""
    return one_click(house.port, house.paths[next(_next) % len(house.paths)], patience=60)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_hostile_connections_take_little_memory_and_opt_outs_are_answered_meanwhile(served: Home, kind: Kind) -> None:
    with Horde(served.port, kind, CONNECTIONS) as horde:
        wait_until(lambda: horde.opened >= CONNECTIONS)
        assert [opt_out(served) for _ in range(3)] == ["200"] * 3
    assert 0 < memory(served.web, "VmHWM") < BOUND


def test_out_of_descriptors_those_that_idle_are_closed_and_newcomers_served_and_the_log_says_so_once() -> None:
    with home(people=40, files="-n 200") as house:
        idle = [line(house) for _ in range(400)]
        answers = [answered(house) for _ in range(20)]
        late = [asked(connection) for connection in idle[-20:]]
        assert [opt_out(house) for _ in range(10)] == ["200"] * 10
        gone = sum(closed(connection) for connection in idle)
        for connection in idle:
            connection.close()
        log = house.log.read_text()
    assert answers == [b"HTTP/1.1 200"] * 20
    assert late == [b"HTTP/1.1 200"] * 20
    assert gone >= 300
    assert log.count("connections_full") == 1
    assert "Traceback" not in log


def test_a_burst_of_newcomers_waits_rather_than_being_reset_while_others_idle() -> None:
    with home(people=10, files="-n 200") as house:
        everybody = [line(house) for _ in range(150)]
        newcomers = [line(house) for _ in range(80)]
        for connection in newcomers:
            connection.sendall(GET)
        assert [connection.recv(12) for connection in newcomers] == [b"HTTP/1.1 200"] * 80
        for connection in (*everybody, *newcomers):
            connection.close()


def test_serve_may_open_as_many_files_as_the_machine_allows() -> None:
    with home(people=10, files="-S -n 64") as house:
        parent = int(Path(f"/proc/{house.web}/stat").read_text().rsplit(")", 1)[1].split()[1])
        for process in (house.web, parent):
            limits = Path(f"/proc/{process}/limits").read_text()
            soft, hard = re.findall(r"Max open files +(\d+) +(\d+)", limits)[0]
            assert int(soft) == min(int(hard), 16_384)
        several = [line(house) for _ in range(200)]
        assert [asked(connection) for connection in several] == [b"HTTP/1.1 200"] * 200
        for connection in several:
            connection.close()


def line(house: Home) -> socket.socket:
    """A connection."""
    return socket.create_connection(("127.0.0.1", house.port), timeout=120)


def answered(house: Home) -> bytes:
    """How an answer to a newcomer begins."""
    with line(house) as connection:
        return asked(connection)


def asked(connection: socket.socket) -> bytes:
    """How the answer on this connection begins."""
    connection.sendall(GET)
    return connection.recv(12)


def closed(connection: socket.socket) -> bool:
    """Return whether the server closed it."""
    connection.setblocking(False)
    try:
        while piece := connection.recv(65536):
            pass
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
    return not piece
