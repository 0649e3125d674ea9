"""Where ``serve`` listens."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from itertools import count

import pytest

from campaigns.runtime.sockets import listen, pin_to_cpu, shown, web_processes
from mailer.errors import InputError


def test_each_web_process_gets_connections_of_its_own() -> None:
    sockets = listen("127.0.0.1", 0, 2)
    address = sockets[0].getsockname()
    clients = [socket.create_connection(address) for _ in range(60)]
    taken = [accepted(each) for each in sockets]
    for each in (*sockets, *clients):
        each.close()
    assert sum(taken) == 60
    assert min(taken) > 5


def accepted(listening: socket.socket) -> int:
    """How many connections wait there."""
    listening.setblocking(False)
    for number in count():
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return number
    raise AssertionError


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize("theirs", [1, 2])
def test_a_taken_port_is_told_also_when_its_owner_would_share_it(number: int, theirs: int) -> None:
    owners = listen("127.0.0.1", 0, theirs)
    port = owners[0].getsockname()[1]
    with pytest.raises(InputError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address already in use"):
        listen("127.0.0.1", port, number)
    for each in owners:
        each.close()


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(InputError, match=r"cannot listen on 192\.0\.2\.1:0"):
        listen("192.0.2.1", 0, 2)


def test_as_many_web_processes_as_cores_and_at_most_four() -> None:
    assert web_processes(7) == 7
    assert 1 <= web_processes(None) <= 4


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be kept on a core")
def test_web_processes_have_a_core_each_where_there_is_one_for_each_core() -> None:
    cores = os.sched_getaffinity(0)
    kept = [where_it_may_run(number, among=len(cores)) for number in range(len(cores))]
    assert set().union(*kept) == cores
    assert {len(each) for each in kept} == {1}


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process cannot be kept on a core")
def test_fewer_web_processes_than_cores_run_where_they_like() -> None:
    cores = os.sched_getaffinity(0)
    assert where_it_may_run(0, among=len(cores) - 1) == cores


def where_it_may_run(number: int, among: int) -> set[int]:
    """The cores of a process after it was asked for."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        pin_to_cpu(process.pid, number, among)
        found = os.sched_getaffinity(process.pid)
        process.kill()
    return found


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000/"),
        ("::1", "http://[::1]:8000/"),
        ("::", "http://[::1]:8000/"),
        ("0.0.0.0", "http://127.0.0.1:8000/"),
        ("2001:db8::7", "http://[2001:db8::7]:8000/"),
        ("localhost", "http://localhost:8000/"),
    ],
)
def test_the_address_that_is_printed_is_one_that_a_browser_takes(host: str, address: str) -> None:
    assert shown(host, 8000) == address
