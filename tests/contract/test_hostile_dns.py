"""Answers of DNS that are wrong, huge, endless or full of terminal codes: a sentence each, in bounded time."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from campaigns.review.preflight import DnsAwayError, SenderIdentity, asker, examine
from campaigns.terminal import harmless

Answer = Callable[[dns.message.Message], bytes]
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e"
SENDER = SenderIdentity("info@vng.example", "", "post", "vng.example", "v=DKIM1; k=rsa; p=MIIB")


def one_port() -> tuple[socket.socket, socket.socket]:
    """The same port for both; the one that UDP was given may be taken in TCP."""
    while True:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        try:
            return udp, socket.create_server(udp.getsockname())
        except OSError:
            udp.close()


@contextmanager
def answering(answer: Answer) -> Iterator[tuple[str, int]]:
    """Bytes instead of answers, over UDP and TCP."""
    udp, tcp = one_port()
    over = threading.Event()

    def datagrams() -> None:
        while not over.is_set():
            data, peer = udp.recvfrom(4096)
            if not over.is_set():
                udp.sendto(answer(dns.message.from_wire(data))[:60_000], peer)

    def streams() -> None:
        while not over.is_set():
            connection, _ = tcp.accept()
            with connection:
                if not over.is_set() and (head := connection.recv(2)):
                    sent = answer(dns.message.from_wire(connection.recv(struct.unpack("!H", head)[0])))
                    connection.sendall(struct.pack("!H", len(sent)) + sent)

    threads = [threading.Thread(target=work, daemon=True) for work in (datagrams, streams)]
    for thread in threads:
        thread.start()
    try:
        yield udp.getsockname()
    finally:
        over.set()
        udp.sendto(b"", udp.getsockname())
        socket.create_connection(tcp.getsockname()).close()
        for thread in threads:
            thread.join(5)
        udp.close()
        tcp.close()


def _made(query: dns.message.Message) -> dns.message.Message:
    made = dns.message.make_response(query)
    made.flags |= dns.flags.AA | dns.flags.RA
    return made


def _with(query: dns.message.Message, *records: str, kind: str = "", name: str = "") -> bytes:
    made = _made(query)
    question = query.question[0]
    kind = kind or dns.rdatatype.to_text(question.rdtype)
    made.answer.append(dns.rrset.from_text(name or question.name, 60, "IN", kind, *records))
    return made.to_wire(max_size=65_535)


def _texts(query: dns.message.Message, *texts: bytes) -> bytes:
    """TXT records, or none if something else was asked."""
    if query.question[0].rdtype != dns.rdatatype.TXT:
        return _made(query).to_wire()
    records = ["".join(f"\\{byte:03d}" for byte in text) for text in texts]
    pieces = [" ".join(f'"{record[at : at + 1000]}"' for at in range(0, len(record), 1000)) for record in records]
    return _with(query, *pieces)


def _servers(query: dns.message.Message) -> bytes:
    if query.question[0].rdtype != dns.rdatatype.MX:
        return _made(query).to_wire()
    return _with(query, *[f"{number} {'a' * 60}.example." for number in range(500)], kind="MX")


def _loop(query: dns.message.Message) -> bytes:
    return _with(query, query.question[0].name.to_text(), kind="CNAME")


def _chain(query: dns.message.Message) -> bytes:
    made = _made(query)
    name = query.question[0].name
    for step in range(300):
        following = dns.name.from_text(f"n{step}.example")
        made.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", following.to_text()))
        name = following
    return made.to_wire(max_size=65_535)


def _nxdomain_with_data(query: dns.message.Message) -> bytes:
    made = dns.message.from_wire(_texts(query, b"v=spf1 -all", EVIL.encode()))
    made.set_rcode(dns.rcode.NXDOMAIN)
    return made.to_wire()


def _id(query: dns.message.Message) -> bytes:
    return b"\xff\xff" + _made(query).to_wire()[2:]


def _truncated(query: dns.message.Message) -> bytes:
    made = _made(query)
    made.flags |= dns.flags.TC
    return made.to_wire()


def _code(code: dns.rcode.Rcode) -> Answer:
    def answer(query: dns.message.Message) -> bytes:
        made = _made(query)
        made.set_rcode(code)
        return made.to_wire()

    return answer


ANSWERS: dict[str, Answer] = {
    "a record of 60,000 bytes": lambda query: _texts(query, b"v=spf1 " + b"a" * 60_000),
    "2,000 records": lambda query: _texts(query, *[b"v=spf1 %d" % number for number in range(2_000)]),
    "a record of 20,000 tags": lambda query: _texts(query, b"v=DMARC1;" + b"p=a;" * 12_000),
    "terminal codes": lambda query: _texts(query, b"v=spf1 " + EVIL.encode(), b"v=DMARC1; p=" + EVIL.encode()),
    "bytes that are no text": lambda query: _texts(query, bytes(range(256))),
    "a name that leads to itself": _loop,
    "a chain of 300 names": _chain,
    "no such name, with records": _nxdomain_with_data,
    "records of another name": lambda query: _with(query, '"v=spf1 -all"', kind="TXT", name="other.example."),
    "another kind": lambda query: _with(query, "127.0.0.1", kind="A"),
    "the number of another question": _id,
    "cut, again and again": _truncated,
    "not our zone": _code(dns.rcode.REFUSED),
    "a failure": _code(dns.rcode.SERVFAIL),
    "no DNS at all": lambda _query: EVIL.encode() * 10,
    "half an answer": lambda query: _texts(query, b"v=spf1 -all")[:-5],
    "nothing": lambda _query: b"",
    "an odd mail server": _servers,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_dns_answers_check_says_sentences_without_terminal_codes(name: str) -> None:
    with answering(ANSWERS[name]) as server:
        faults = examine(SENDER, "a.md", 4, asker([server]))
    assert faults
    assert len(faults) <= 10
    for fault in faults:
        said = f"{fault.found} {fault.expected} {fault.hint}"
        assert said.isprintable()
        assert harmless(said) == said
        assert len(said) < 1_000


def test_a_long_name_is_not_asked_about_label_by_label() -> None:
    asked: list[str] = []

    def ask(name: str, kind: str) -> list[str]:
        asked.append(name)
        return []

    domain = ".".join("a" * 60) + ".example"
    examine(SenderIdentity(f"info@{domain}", "", "post", "other.example", "v=DKIM1; p=x"), "a.md", 4, ask)
    walked = [name for name in asked if name.startswith("_dmarc.") and name.endswith(domain[-9:])]
    assert len(dict.fromkeys(walked)) <= 10


def test_the_questions_of_one_examination_share_their_time() -> None:
    ask = asker([("127.0.0.1", 9)], together=0)
    with pytest.raises(DnsAwayError):
        ask("vng.example", "TXT")
