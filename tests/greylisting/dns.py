"""A small DNS server on loopback: it answers from a zone, over UDP and TCP, and fails for the names it is told to."""

import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from textwrap import dedent
from typing import Any, Literal

from dnslib import QTYPE, RCODE, RR, DNSRecord

Failure = Literal["SERVFAIL", "REFUSED", "YXDOMAIN", "silence", "garbage"]

LONGEST_DATAGRAM = 512
LONGEST_MESSAGE = 65535
LONGEST_ALIAS_CHAIN = 8
TRIES_FOR_A_PORT = 20


class NameServer:
    """What a server knows and what it was asked; both may be read, and changed, while it serves.

    `address` is like `127.0.0.1:5353`. `failing` says how to fail for a name, whatever the type. `asked` has a line
    such as `TXT ex.com` for each question, a second one when the answer was too long for UDP and came over TCP.
    """

    def __init__(self, zone: str, failing: Mapping[str, Failure]) -> None:
        self.address = ""
        self.failing = dict(failing)
        self.asked: list[str] = []
        self.publish(zone)

    def publish(self, zone: str) -> None:
        """Replace all records; a line is like `ex.com. TXT "v=spf1 -all"`."""
        self._records: list[RR] = RR.fromZone(dedent(zone))

    def reply(self, packet: bytes, most: int) -> bytes | None:
        """Return the answer to a question, marked as truncated if it is too long; None is silence."""
        question = DNSRecord.parse(packet)
        name, kind = _name(question.q.qname), QTYPE[question.q.qtype]
        self.asked.append(f"{kind} {name}")
        answer = question.reply()
        match self.failing.get(name):
            case None:
                self._fill(answer, name, kind)
            case "silence":
                return None
            case "garbage":
                return packet[:2] + b"\x84\x00\x00\x01\x00\x09\x00\x00\x00\x00" + b"\xc0" * 20
            case failure:
                answer.header.rcode = getattr(RCODE, failure)
        if len(answer.pack()) > most:
            answer = question.reply()
            answer.header.tc = 1
        return bytes(answer.pack())

    def _fill(self, answer: DNSRecord, name: str, kind: str) -> None:
        for _ in range(LONGEST_ALIAS_CHAIN):
            records = [record for record in self._records if _name(record.rname) == name]
            aliases = [record for record in records if record.rtype == QTYPE.CNAME]
            answer.add_answer(*(aliases or (record for record in records if QTYPE[record.rtype] == kind)))
            answer.header.rcode = RCODE.NOERROR if records else RCODE.NXDOMAIN
            if not aliases:
                return
            name = _name(aliases[0].rdata.label)


@contextmanager
def serving(zone: str, failing: Mapping[str, Failure] | None = None) -> Iterator[NameServer]:
    """Serve a zone on a random port of loopback."""
    name_server = NameServer(zone, failing or {})
    with ExitStack() as running:
        for listener in _listeners(name_server):
            running.enter_context(listener)
            thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            running.callback(thread.join)
            running.callback(listener.shutdown)
        yield name_server


def _listeners(name_server: NameServer) -> tuple[socketserver.BaseServer, socketserver.BaseServer]:
    """Return both listeners, on one port and not yet running."""

    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            packet, socket = self.request
            if reply := name_server.reply(packet, LONGEST_DATAGRAM):
                socket.sendto(reply, self.client_address)

    class OverTcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = int.from_bytes(self.rfile.read(2))
            if reply := name_server.reply(self.rfile.read(length), LONGEST_MESSAGE):
                self.wfile.write(len(reply).to_bytes(2) + reply)

    for _ in range(TRIES_FOR_A_PORT):
        udp = socketserver.UDPServer(("127.0.0.1", 0), OverUdp)
        try:
            tcp = socketserver.TCPServer(udp.server_address, OverTcp)
        except OSError:  # the port is free for UDP alone
            udp.server_close()
            continue
        name_server.address = "{}:{}".format(*udp.server_address)
        return udp, tcp
    raise OSError("There is no port that is free for both UDP and TCP.")


def _name(label: Any) -> str:
    return str(label).rstrip(".").lower()
