"""A real DNS server on loopback, over UDP and TCP: answers from the lines of a zone file, or not at all."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.zone

_LARGEST = 512  # what fits a datagram without EDNS (RFC 1035 section 2.3.4)


class NameServer:
    """A server at ``port`` that answers from its zone; ``asked`` has the names of the questions."""

    def __init__(self, lines: str = "", *, silent: bool = False) -> None:
        self.asked: list[str] = []
        self.silent = silent
        self.port = 0
        self.load(lines)

    def load(self, lines: str) -> None:
        """Other records from now on."""
        self._zone = dns.zone.from_text(lines, origin=".", relativize=False, check_origin=False)

    @property
    def setting(self) -> str:
        """For POSTILJON_DNS."""
        return f"127.0.0.1:{self.port}"

    def answer(self, wire: bytes, *, datagram: bool) -> bytes:
        """The answer to one question; cut, if it is too long for a datagram (then it is asked again over TCP)."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        self.asked.append(question.name.to_text(omit_final_dot=True))
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA | dns.flags.RA
        node = self._zone.get_node(question.name)
        if node is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            found = node.get_rdataset(dns.rdataclass.IN, question.rdtype)
            if found is not None:
                answer.find_rrset(
                    answer.answer, question.name, found.rdclass, found.rdtype, create=True, force_unique=True
                ).update(found)
        sent = answer.to_wire(max_size=65535)
        if datagram and len(sent) > _LARGEST:
            answer.answer = []
            answer.flags |= dns.flags.TC
            sent = answer.to_wire()
        return sent


@contextmanager
def nameserver(lines: str = "", *, silent: bool = False) -> Iterator[NameServer]:
    """A server that knows these records; a silent one takes questions and answers none."""
    found = NameServer(lines, silent=silent)

    class Datagram(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            if not found.silent:
                sock.sendto(found.answer(data, datagram=True), self.client_address)

    class Stream(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.rfile.read(2))
            sent = found.answer(self.rfile.read(length), datagram=False)
            self.wfile.write(struct.pack("!H", len(sent)) + sent)

    udp, tcp = _pair(Datagram, Stream)
    found.port = udp.server_address[1]
    threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (udp, tcp)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        for server, thread in zip((udp, tcp), threads, strict=True):
            server.shutdown()
            thread.join(10)
            server.server_close()


def _pair(
    datagram: type[socketserver.BaseRequestHandler], stream: type[socketserver.BaseRequestHandler]
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """The same port for both."""
    while True:
        udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), datagram)
        try:
            return udp, socketserver.ThreadingTCPServer(("127.0.0.1", udp.server_address[1]), stream)
        except OSError:
            udp.server_close()
