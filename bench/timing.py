"""``python -m bench.timing [--each 300]``: does the time of a sign-up tell what is known of an address (D8)?

A real ``serve`` process gets sign-ups over one connection, one at a time: for new addresses, known ones, suppressed
ones, and ones that asked today already, shuffled together, each address once and each from a network and a domain of
its own (so that no limit is met). Printed: the median and the tenth and ninetieth percentile of each kind; and for each
kind against the new ones how often it is the slower (0.5: no difference) with the p-value of a two-sided Mann-Whitney
test. Whoever guesses well from one answer needs a share far from 0.5, not a small p-value: with enough answers any
difference gets one.
"""

from __future__ import annotations

import argparse
import http.client
import math
import random
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlencode

from bench.harness import House, house
from bench.reading import web
from mailer import suppression
from mailer.storage import open_database
from unsubscribe import contacts

KINDS = ("new", "known", "suppressed", "asked today")
TOPIC = "verenigingsnieuws"


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--each", type=int, default=300, help="sign-ups of each kind")
    each = parser.parse_args().each
    with house() as home:
        home.env["POSTILJON_CONTACT"] = "info@vng.example"  # without it signing up is closed
        _prepare(home, each)
        with web(home) as (_running, port):
            times = measure(port, each)
    for kind in KINDS:
        tenths = statistics.quantiles(times[kind], n=10)
        line = (
            f"{kind:12} median {statistics.median(times[kind]):6.3f} ms, 10-90 %: {tenths[0]:.3f}-{tenths[-1]:.3f} ms"
        )
        if kind != "new":
            share, p = mann_whitney(times["new"], times[kind])
            line += f"; slower than new: {share:.3f}, p = {p:.3f}"
        print(line)


def address(kind: str, number: int) -> str:
    """An address of a kind, in a domain of its own; all have the same length."""
    return f"reader@{kind[:3]}{number:06}.example"


def measure(port: int, each: int) -> Mapping[str, Sequence[float]]:
    """Milliseconds for each sign-up, by kind."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    for number in range(each):
        _sign_up(connection, address("asked today", number), number)
    for number in range(50):
        _sign_up(connection, address("warm", number), each + number)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    todo = [(kind, number) for kind in KINDS for number in range(each)]
    random.shuffle(todo)
    for peer, (kind, number) in enumerate(todo):
        times[kind].append(_sign_up(connection, address(kind, number), 2 * each + peer))
    connection.close()
    return times


def mann_whitney(one: Sequence[float], other: Sequence[float]) -> tuple[float, float]:
    """How often a value of ``other`` is above one of ``one`` (ties count half), and the two-sided p-value.

    By the normal approximation, which is good from twenty values on (Mann and Whitney, 1947).
    """
    ranked = sorted([(value, 0) for value in one] + [(value, 1) for value in other])
    place, ranks = 0, 0.0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        ranks += sum(which for _, which in ranked[place:end]) * (place + 1 + end) / 2
        place = end
    a, b = len(one), len(other)
    above = ranks - b * (b + 1) / 2
    z = (above - a * b / 2) / math.sqrt(a * b * (a + b + 1) / 12)
    return above / (a * b), math.erfc(abs(z) / math.sqrt(2))


def _prepare(home: House, each: int) -> None:
    """Known and suppressed people, and a topic that is open."""
    sheet = home.folder / "people.csv"
    rows = [address(kind, number) for kind in ("known", "suppressed") for number in range(each)]
    sheet.write_text("\n".join(["email", *rows]) + "\n", "utf-8")
    home("contacts", "import", sheet, "--topic", TOPIC, "--basis", "member")
    home("topic", TOPIC, "--open")
    _suppress(home.folder, [address("suppressed", number) for number in range(each)])


def _suppress(folder: Path, addresses: Sequence[str]) -> None:
    from datetime import UTC, datetime

    db = open_database(f"sqlite:///{folder}/data/postiljon.db")
    with db.write() as conn:
        for email in addresses:
            found = contacts.find(conn, email)
            if found:
                everything = suppression.EVERYTHING
                suppression.suppress(conn, found.address_hash, everything, "opt_out", datetime.now(UTC))
    db.close()


def _sign_up(connection: http.client.HTTPConnection, email: str, peer: int) -> float:
    """Milliseconds from the first byte of the request to the last of the answer."""
    body = urlencode({"email": email, "topic": TOPIC})
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": f"{10 + (peer >> 16)}.{peer >> 8 & 255}.{peer & 255}.1",  # each in a /24 of its own
    }
    started = time.perf_counter()
    connection.request("POST", "/subscribe", body, headers)
    answer = connection.getresponse()
    text = answer.read()
    spent = 1000 * (time.perf_counter() - started)
    if answer.status != 200 or b"<form" in text:
        raise RuntimeError(f"a sign-up was answered {answer.status}")
    return spent


if __name__ == "__main__":
    main()
