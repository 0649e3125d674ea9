"""The checks under ``CI=true``: whether the right mail came in. Facts of the letter, headers, links, states.

Each check is a sentence that holds or does not; :func:`report` prints all of them and gives the exit code. Everything
is checked from outside: the caught bytes, HTTP, and the output of commands.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

from campaigns.demo import setup
from campaigns.demo.catcher import Caught, Mailbox
from campaigns.demo.setup import DemoFolder
from mailer.address import parse

Fetch = Callable[..., str]
DemoCheck = tuple[str, bool]
READER = "esther.vandermark@gemeente-waterhoek.example"
NAMELESS = "communicatie@gemeente-noordermeer.example"
FACTS = (
    "een verenigingsdialoog om te komen tot een gezamenlijke visie op regionale samenwerking.",
    "Lees online",
    "Gegevens wijzigen",
    "Denkt u mee over regionale samenwerking?",
    "18 september 2024",
    "Geachte mevrouw Van der Mark,",
    "Op 18 september 2024 start de VNG een verenigingsdialoog",
    "Goed Lokaal Bestuur",
    "dialoogregionalesamenwerking@vng.nl",
    "De eerste interactieve stap staat open tot 7 oktober.",
    "Bij voorbaat hartelijk dank voor uw deelname!",
    "Andries Kok",
    "Directeur Lokaal Bestuur en Informatiesamenleving",
    "Contact",
    "Afmelden",
    "vng.nl",
    "Dit bericht is verzonden door de VNG.",
    "Lees onze proclamer.",
)
_ONCE = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "List-Unsubscribe", "List-Unsubscribe-Post")


def report(prepared: DemoFolder, mailbox: Mailbox, public_url: str, ask: Fetch) -> int:
    """Print each check; return 0 when all hold, else 3."""
    wait_for_second(mailbox)
    checks = [*of_delivery(mailbox, ask)]
    letter = next((caught for caught in mailbox.all() if caught.recipient == READER), None)
    if letter is None:
        checks.append((f"there is a letter for {READER}", False))
    else:
        checks += [*of_letter(letter), *of_headers(letter), *of_links(letter, public_url, ask)]
    wrong = [sentence for sentence, holds in checks if not holds]
    print(f"\n{len(checks) - len(wrong)} of {len(checks)} facts of the demo hold.")
    for sentence in wrong:
        print(f"  WRONG: {sentence}")
    print(f"  in {prepared.folder}", flush=True)
    return 3 if wrong else 0


def wait_for_second(mailbox: Mailbox, seconds: float = 60.0) -> None:
    """Wait until the planned letter has come, or it took too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if {caught.recipient for caught in mailbox.all()}.issuperset(rows("en")):
            return
        time.sleep(0.1)


def rows(language: str) -> list[str]:
    """Return the addresses of one of the two files, as they are sent: domains as A-labels."""
    lines = (setup.HERE / f"contacts-{language}.csv").read_text("utf-8").splitlines()[1:]
    return [str(parse(line.split(",")[0])) for line in lines]


def of_delivery(mailbox: Mailbox, ask: Fetch) -> Iterator[DemoCheck]:
    """Check which addresses got it, once, and which did not."""
    got = sorted(caught.recipient for caught in mailbox.all())
    spared = {setup.OPTED_OUT, setup.REFUSED, setup.DEFERRED}
    yield "everybody else got one letter, once", got == sorted({*rows("nl"), *rows("en")} - spared)
    yield (
        "who had opted out got none, and was not even offered",
        setup.OPTED_OUT
        not in {
            *got,
            *(recipient for recipient, _ in mailbox.turned_away()),
        },
    )
    status = json.loads(ask("status", setup.LETTER, "--json"))
    counts = {key: value for key, value in status.items() if isinstance(value, int) and key != "recipients"}
    yield "the counts add up to the recipients", sum(counts.values()) == status["recipients"]
    yield "one was refused", status["refused"] == 1
    yield "one waits for a later attempt", status["retry"] == 1
    yield "nobody is in doubt", status["in_doubt"] == 0
    second = json.loads(ask("status", setup.SECOND, "--json"))
    yield "the planned letter left at its hour", (second["state"], second["accepted"]) == ("finished", len(rows("en")))
    dead = json.loads(ask("contacts", "show", setup.REFUSED, "--json"))
    yield "the address that does not exist is mailed no more", dead["suppressed"] is True


def of_letter(caught: Caught) -> Iterator[DemoCheck]:
    """Check every fact of the letter, in both parts."""
    for kind in ("html", "plain"):
        text = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", unescape(caught.part(kind)))) if kind == "html" else ""
        text = text or re.sub(r"\s+", " ", caught.part(kind))
        for fact in FACTS:
            yield f"the {kind} part has {fact!r}", fact in text
    yield "the subject is right", caught.message["Subject"] == "Denkt u mee over regionale samenwerking?"
    yield "the sender is right", caught.message["From"] == "VNG <info@vng.nl>"


def of_headers(caught: Caught) -> Iterator[DemoCheck]:
    """Check that each header is there once, and the one-click pair as RFC 8058 asks."""
    head = caught.content.split(b"\r\n\r\n", 1)[0].decode("ascii")
    for name in _ONCE:
        yield f"{name} stands there once", len(re.findall(rf"(?im)^{name}:", head)) == 1
    line = next((line for line in head.split("\r\n") if line.startswith("List-Unsubscribe:")), "")
    yield "List-Unsubscribe is one line", line.count("<") == line.count(">") >= 1
    yield "one-click is offered", "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in head.split("\r\n")
    lines = caught.content.split(b"\r\n")
    yield "lines end in CRLF and none is over 998", max(map(len, lines)) <= 998 and b"\n" not in b"".join(lines)


def of_links(caught: Caught, public_url: str, ask: Fetch) -> Iterator[DemoCheck]:
    """Check that each of the reader's links works as described, and that a GET changes nothing."""
    page = caught.part("html")
    for path, name in (("o", "read online"), ("d", "change details"), ("u", "unsubscribe")):
        match = re.search(rf"{re.escape(public_url)}/{path}/[\w-]+", page)
        status, body = fetch(match[0]) if match else (0, "")
        yield f"{name} answers 200", status == 200
        yield f"{name} shows no address", READER not in body
        if path == "o":
            yield "read online shows the letter, for nobody in particular", "Geachte heer, mevrouw," in unescape(body)
    for address in sorted(set(re.findall(rf"{re.escape(public_url)}/m/[\w.]+", page))):
        yield f"the picture {address} is there", fetch(address)[0] == 200
    yield "looking at the pages changed nothing", _topics(ask) == {setup.TOPIC: "subscribed"}
    status, _ = fetch(caught.unsubscribe_url, b"List-Unsubscribe=One-Click")
    yield "the one-click POST is answered with 200, no redirect", status == 200
    yield "and the reader is off the list", _topics(ask) == {setup.TOPIC: "opted_out"}


def _topics(ask: Fetch) -> Any:
    return json.loads(ask("contacts", "show", READER, "--json"))["topics"]


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments: object) -> None:
        return None


def fetch(url: str, body: bytes | None = None) -> tuple[int, str]:
    """Return status and text of an address on this machine, redirects not followed; status 0 when unreachable."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
    try:
        with opener.open(urllib.request.Request(url, body), timeout=30) as answer:  # noqa: S310 - loopback
            return int(answer.status), answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, ""
    except OSError:
        return 0, ""
