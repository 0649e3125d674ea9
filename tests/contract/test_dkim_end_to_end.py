"""Signatures from the key on disk to the mailbox: a real worker, the real command line, a real Postfix, a real DNS.

What comes out is verified by dkimpy and by a verifier of our own (``tests.support.strict_mail``), with records that are
fetched from a name server on loopback, which has what ``postiljon dkim key`` printed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from campaigns.context import open_context
from campaigns.demo.catcher import Catcher, Caught, Mailbox
from campaigns.ops.installation import install
from mailer import outbox
from mailer.errors import SettingsError
from mailer.letter.dkim import dns_record, new_key
from mailer.outcome import Replied, Result
from mailer.storage import Database
from mailer.transport.base import OutgoingMessage
from mailer.transport.memory import MemoryTransport
from tests.support.commandline import EXAMPLES, CommandLine, catching
from tests.support.dkim_world import both_verify, tags
from tests.support.nameserver import NameServer, nameserver
from tests.support.postfix import postfix
from tests.support.sending import RING, AheadClock, deps, send, sendable
from tests.support.sending_db import counts
from tests.support.waiting import wait_until

DOMAIN = "vng.nl"


def published(**keys: bytes) -> str:
    """The zone with these keys, by selector."""
    lines = ""
    for selector, pem in keys.items():
        record = dns_record(pem)
        lines += f'{selector}._domainkey.{DOMAIN}. 60 IN TXT "{record[:200]}" "{record[200:]}"\n'
    return lines


def signing(folder: Path, selector: str, pem: bytes, domain: str = DOMAIN) -> dict[str, Any]:
    """The settings of a sender that signs."""
    path = folder / f"{selector}.pem"
    path.write_bytes(pem)
    return {"dkim_key": path, "dkim_selector": selector, "dkim_domain": domain}


def signed_mailing(database: Database, people: int = 3) -> int:
    identity = outbox.Identity("https://example.org", "bounce@example.org", RING.current.id, "s1", DOMAIN)
    return sendable(database, people, identity=identity)


def later(seen: list[OutgoingMessage], times: int = 1) -> MemoryTransport:
    """A relay that says *later* to each reader so often, and keeps what it was offered."""

    def answer(parcel: OutgoingMessage) -> Result | None:
        seen.append(parcel)
        offered = sum(other.delivery == parcel.delivery for other in seen)
        return Replied("dot", 451, "4.7.1 come back later") if offered <= times else None

    return MemoryTransport(answer)


async def test_every_letter_of_a_worker_is_signed_as_two_verifiers_want_it(db: Database, tmp_path: Path) -> None:
    pem, mailing, transport = new_key(), signed_mailing(db, 20), MemoryTransport()
    await send(deps(db, tmp_path, transport, **signing(tmp_path, "s1", pem)), only=mailing)
    assert counts(db, mailing) == {"recipients": 20, "accepted": 20}
    with nameserver(published(s1=pem)) as server:
        assert {both_verify(letter.content, server) for letter in transport.letters} == {(True, True)}


async def test_a_later_attempt_has_the_same_bytes_signed_at_the_first_claim(db: Database, tmp_path: Path) -> None:
    seen: list[OutgoingMessage] = []
    pem, mailing, clock, transport = new_key(), signed_mailing(db), AheadClock(), later(seen, times=2)
    begun = int(clock().timestamp())
    for _attempt in range(3):
        await send(deps(db, tmp_path, transport, clock=clock, **signing(tmp_path, "s1", pem)), only=mailing)
        clock.ahead += timedelta(days=1)
    assert len(seen) == 9
    assert len({parcel.content for parcel in seen}) == 3
    assert all(begun <= int(tags(parcel.content)["t"]) <= begun + 60 for parcel in seen)
    with nameserver(published(s1=pem)) as server:
        assert {both_verify(parcel.content, server) for parcel in transport.letters} == {(True, True)}


async def test_a_key_that_is_rotated_during_a_run_fails_no_letter(db: Database, tmp_path: Path) -> None:
    seen: list[OutgoingMessage] = []
    old, new = new_key(), new_key()
    mailing, clock, transport = signed_mailing(db), AheadClock(), later(seen)
    for selector, pem in (("s1", old), ("s2", new)):
        await send(deps(db, tmp_path, transport, clock=clock, **signing(tmp_path, selector, pem)), only=mailing)
        clock.ahead += timedelta(hours=2)
    assert [tags(parcel.content)["s"] for parcel in seen] == ["s1"] * 3 + ["s2"] * 3
    assert counts(db, mailing) == {"recipients": 3, "accepted": 3}
    with nameserver(published(s1=old, s2=new)) as server:
        assert {both_verify(parcel.content, server) for parcel in seen} == {(True, True)}


@pytest.mark.parametrize("change", ["no key", "another domain", "no file"])
async def test_a_signed_mailing_that_can_be_signed_no_more_is_held_and_says_why(
    lite: Database, tmp_path: Path, change: str
) -> None:
    given: dict[str, Any] = {
        "no key": {},
        "another domain": signing(tmp_path, "s1", new_key(), "other.nl"),
        "no file": signing(tmp_path, "s1", new_key()) | {"dkim_key": tmp_path / "gone.pem"},
    }[change]
    mailing, transport = signed_mailing(lite), MemoryTransport()
    ending = await send(deps(lite, tmp_path, transport, **given), only=mailing)
    words = {"no key": "POSTILJON_DKIM_KEY is gone", "another domain": "set it back", "no file": "cannot be read"}
    assert ending.kind == "held"
    assert words[change] in ending.words
    assert transport.letters == []
    assert counts(lite, mailing) == {"recipients": 3, "waiting": 3}


async def test_a_mailing_that_was_begun_without_a_signature_stays_without(lite: Database, tmp_path: Path) -> None:
    mailing, transport = sendable(lite, 1), MemoryTransport()
    await send(deps(lite, tmp_path, transport, **signing(tmp_path, "s1", new_key())), only=mailing)
    assert b"DKIM-Signature" not in transport.letters[0].content


PEOPLE = """email,name,language,salutation
ester@waterhoek.example,Ester van der Märk,nl,"mevrouw “Van der Märk” <b>&amp;"
jan@waterhoek.example,Jan de Jong,nl,.heer De Jong
communicatie@noordermeer.example,,nl,
later@waterhoek.example,Later,nl,
"""
LETTER = "denkt-u-mee.md"
MAIL = """\
vng.nl. 60 IN MX 10 mx.vng.nl.
vng.nl. 60 IN TXT "v=spf1 ip4:192.0.2.1 ~all"
_dmarc.vng.nl. 60 IN TXT "v=DMARC1; p=none"
"""


@dataclass
class World:
    """The command line of a new user, a mailbox at the end, and the DNS."""

    cli: CommandLine
    mailbox: Mailbox
    dns: NameServer

    def publish(self, *arguments: str) -> str:
        """Make a key as the page says, put its line into the zone as it was printed; the file of the key."""
        said = self.cli.do("dkim", "key", *arguments).out
        line = next(line for line in said.splitlines() if " IN TXT ( " in line)
        self.zone += line.strip() + "\n"
        self.dns.load(self.zone)
        settings = [line.strip() for line in said.splitlines() if line.strip().startswith("dkim_")]
        self.cli.write("postiljon.toml", "\n".join(settings) + "\n")
        return settings[0].split('"')[1]

    zone: str = MAIL

    def arrived(self, count: int) -> list[Caught]:
        wait_until(lambda: len(self.mailbox.all()) >= count, 60)
        return self.mailbox.all()


@contextmanager
def a_world(folder: Path, port: int, mailbox: Mailbox) -> Iterator[World]:
    for path in EXAMPLES.glob("*"):
        if path.is_file():
            shutil.copy(path, folder)
    with nameserver(MAIL) as server:
        cli = CommandLine(folder, {"POSTILJON_SMTP_URL": f"smtp://127.0.0.1:{port}", "POSTILJON_BRAND": "vng.toml"})
        cli.environment["POSTILJON_DNS"] = server.setting
        cli.write("people.csv", PEOPLE)
        cli.do("init")
        cli.do("contacts", "import", "people.csv", "--topic", "verenigingsnieuws", "--basis", "member")
        yield World(cli, mailbox, server)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A relay that keeps what it gets, and greylists one reader."""
    mailbox = Mailbox()
    with (
        catching(Catcher(mailbox, defer=["later@waterhoek.example"])) as port,
        a_world(tmp_path, port, mailbox) as found,
    ):
        yield found


@pytest.mark.slow
@pytest.mark.postfix
def test_what_the_command_line_signs_still_verifies_behind_a_real_postfix(tmp_path: Path) -> None:
    mailbox = Mailbox()
    with (
        catching(Catcher(mailbox)) as end,
        postfix(end) as relay,
        a_world(tmp_path, relay.port, mailbox) as world,
    ):
        world.publish("--domain", DOMAIN)
        world.cli.do("test", LETTER, "ik@vng.example")
        world.cli.do("send", LETTER, "--yes")
        arrived = world.arrived(5)
        assert all(caught.content.startswith(b"Received: ") for caught in arrived)
        assert {both_verify(caught.content, world.dns) for caught in arrived} == {(True, True)}


@pytest.mark.slow
def test_the_bytes_that_render_gives_are_signed_as_those_that_arrived(world: World) -> None:
    world.publish("--domain", DOMAIN)
    world.cli.do("send", LETTER, "--yes")
    world.cli.do("render", LETTER, "--contact", "jan@waterhoek.example", "--out", "jan.eml")
    caught = next(item for item in world.arrived(3) if item.recipient == "jan@waterhoek.example")
    assert (world.cli.folder / "jan.eml").read_bytes() == caught.content
    assert both_verify(caught.content, world.dns) == (True, True)


@pytest.mark.slow
def test_a_new_user_publishes_what_is_printed_and_check_has_nothing_to_say_of_it(world: World) -> None:
    path = world.publish("--domain", DOMAIN, "--selector", "news2026")
    assert path == "dkim-news2026.pem"
    assert (world.cli.folder / path).stat().st_mode & 0o777 == 0o600
    assert "DKIM" not in world.cli.do("check", LETTER).out
    assert world.cli.do("doctor", "--from", "info@vng.nl", "--json").json["ok"] is True


@pytest.mark.slow
def test_doctor_asks_dns_about_the_address_that_service_mail_comes_from(world: World) -> None:
    world.publish("--domain", DOMAIN)
    world.cli.environment["POSTILJON_CONTACT"] = "info@elsewhere.example"
    found = world.cli.do("doctor", "--json").json["findings"]
    assert any("elsewhere.example" in item["words"] for item in found if item["subject"] == "DNS")


@pytest.mark.slow
def test_check_refuses_a_key_that_is_not_the_one_in_dns(world: World) -> None:
    world.publish("--domain", DOMAIN)
    (world.cli.folder / "dkim-postiljon.pem").write_bytes(new_key())
    ran = world.cli.run("check", LETTER)
    assert ran.code == 1
    assert "found another DKIM key at postiljon._domainkey.vng.nl" in ran.err
    dutch = world.cli.run("check", LETTER, LC_ALL="nl_NL.UTF-8")
    assert "een andere DKIM-sleutel op postiljon._domainkey.vng.nl" in dutch.err


@pytest.mark.slow
def test_check_warns_when_dns_cannot_be_asked_and_send_asks_nothing(world: World) -> None:
    world.publish("--domain", DOMAIN)
    world.dns.silent = True
    ran = world.cli.do("check", LETTER)
    assert "no answer from DNS" in ran.out
    before = len(world.dns.asked)
    world.cli.do("send", LETTER, "--yes")
    assert len(world.dns.asked) == before


@pytest.mark.slow
def test_a_new_key_of_a_second_selector_takes_over_and_the_old_letters_still_verify(world: World) -> None:
    world.publish("--domain", DOMAIN, "--selector", "s1")
    world.cli.do("send", LETTER, "--yes")
    assert world.publish("--selector", "s2") == "dkim-s2.pem"
    assert "DKIM" not in world.cli.do("check", LETTER).out
    world.cli.do("test", LETTER, "ik@vng.example")
    arrived = world.arrived(4)
    assert [tags(caught.content)["s"] for caught in arrived] == ["s1", "s1", "s1", "s2"]
    assert {both_verify(caught.content, world.dns) for caught in arrived} == {(True, True)}


@pytest.mark.slow
def test_a_key_is_never_written_over_and_a_second_call_prints_the_same_record(world: World) -> None:
    first = world.cli.do("dkim", "key", "--domain", DOMAIN, "--json").json
    pem = (world.cli.folder / "dkim-postiljon.pem").read_bytes()
    second = world.cli.do("dkim", "key", "--domain", DOMAIN, "--json").json
    assert (first["made"], second["made"]) == (True, False)
    assert (first["record"], first["name"]) == (second["record"], second["name"])
    assert (world.cli.folder / "dkim-postiljon.pem").read_bytes() == pem
    assert "was there already" in world.cli.do("dkim", "key", "--domain", DOMAIN).out


@pytest.mark.slow
def test_without_a_domain_no_key_is_made(world: World) -> None:
    ran = world.cli.run("dkim", "key")
    assert (ran.code, "--domain" in ran.err) == (2, True)
    assert world.cli.run("dkim", "key", "--domain", "no domain").code == 1
    assert world.cli.run("dkim", "key", "--domain", DOMAIN, "--selector", "a b").code == 1
    assert not list(world.cli.folder.glob("*.pem"))


def short_key() -> bytes:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return rsa.generate_private_key(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"KEY": "short.pem", "SELECTOR": "s1", "DOMAIN": DOMAIN}, "1024 bits; expected 2048 or more"),
        ({"KEY": "gone.pem", "SELECTOR": "s1", "DOMAIN": DOMAIN}, "gone.pem cannot be read: No such file"),
        ({"KEY": "text.pem", "SELECTOR": "s1", "DOMAIN": DOMAIN}, "not a private key in PEM form"),
        ({"KEY": "good.pem", "SELECTOR": "s1"}, "go together"),
        ({"KEY": "good.pem", "DOMAIN": DOMAIN}, "go together"),
        ({"SELECTOR": "s1", "DOMAIN": DOMAIN}, "go together"),
        ({"KEY": "good.pem", "SELECTOR": "s 1", "DOMAIN": DOMAIN}, "is not a selector"),
        ({"KEY": "good.pem", "SELECTOR": "s1", "DOMAIN": "vng"}, "POSTILJON_DKIM_DOMAIN"),
    ],
)
def test_a_start_with_a_key_that_cannot_sign_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], words: str
) -> None:
    install()
    for name, pem in {"short": short_key(), "good": new_key(), "text": b"no key"}.items():
        (tmp_path / f"{name}.pem").write_bytes(pem)
    for name, text in settings.items():
        monkeypatch.setenv(f"POSTILJON_DKIM_{name}", text)
    with pytest.raises(SettingsError, match=words):
        open_context()


@pytest.mark.slow
def test_a_sender_that_cannot_sign_ends_at_once_with_what_to_do(world: World) -> None:
    (world.cli.folder / "short.pem").write_bytes(short_key())
    world.cli.write("postiljon.toml", 'dkim_key = "short.pem"\ndkim_selector = "s1"\ndkim_domain = "vng.nl"\n')
    ran = world.cli.run("worker")
    assert (ran.code, "'postiljon dkim key' makes a new one" in ran.err) == (1, True)
    assert "verwacht: 2048 of meer" in world.cli.run("worker", LC_ALL="nl_NL.UTF-8").err
