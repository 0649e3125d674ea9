"""The test of a connection: what is sent, what is told, and how long it takes at most."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.ops import relay_test
from campaigns.ops.relay_test import RelayAnswer, try_relay
from mailer.settings import Relay
from mailer.storage import Database
from tests.support.commandline import Catcher, Mailbox, catching
from tests.support.console import console, console_setup, signed_in
from tests.support.smtpd import Rule, Server, smtp_server
from tests.support.waiting import until


def relay(server: Server, **more: str) -> Relay:
    return replace(Relay("127.0.0.1", server.port, tls="none"), **more)  # type: ignore[arg-type]


async def tried(server: Server, **more: str) -> RelayAnswer:
    return await asyncio.to_thread(try_relay, relay(server, **more), "mail.example.org")


async def test_a_server_that_answers_gets_a_greeting_and_no_mail() -> None:
    async with smtp_server() as server:
        answer = await tried(server)
    assert answer == RelayAnswer(True, f"127.0.0.1:{server.port} answers")
    assert [line.split()[0].upper() for _session, line in server.commands] == ["EHLO", "QUIT"]


@pytest.mark.parametrize("at", ["greeting", "ehlo"])
async def test_a_refusal_is_told_in_the_words_of_the_server(at: str) -> None:
    async with smtp_server(Rule(at, text="554 5.7.1 <b>not you</b>")) as server:
        answer = await tried(server)
    assert not answer.is_ok
    assert "554 5.7.1 <b>not you</b>" in answer.words
    assert answer.advice


async def test_long_words_of_a_server_are_cut() -> None:
    async with smtp_server(Rule("greeting", text="554 " + "x" * 900)) as server:
        answer = await tried(server)
    assert len(answer.words) <= relay_test.SHOWN


async def test_a_port_where_nobody_listens_is_told() -> None:
    async with smtp_server() as server:
        port = server.port
    answer = await asyncio.to_thread(try_relay, Relay("127.0.0.1", port, tls="none"), "mail.example.org")
    assert not answer.is_ok
    assert "refused" in answer.words.lower()


async def test_a_silent_server_holds_the_page_no_longer_than_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_test, "LONGEST", 2.0)
    async with smtp_server(Rule("greeting", "stall")) as server:
        answer = await tried(server)
    assert not answer.is_ok
    assert "said nothing" in answer.words


async def test_a_second_test_beside_one_that_runs_is_turned_away() -> None:
    async with smtp_server(Rule("ehlo", "hold")) as server:
        first = asyncio.create_task(tried(server))
        await until(lambda: server.held)
        second = await tried(server)
        for release in server.held:
            release()
        assert (await first).is_ok
    assert second.words == "another test is running"


def test_the_page_shows_the_words_of_a_server_escaped_and_saves_nothing(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    setup = console_setup(empty_database, tmp_path, 0)
    mailbox = Mailbox()
    with catching(Catcher(mailbox)) as port, console(setup) as server, signed_in(setup, server, "administrator") as one:
        one.get("/settings/relay")
        form = {"host": "127.0.0.1", "port": str(port), "tls": "none", "user": "", "password": ""}
        assert one.post("/settings/relay/test", form).status_code == 200
        assert f"The connection works. 127.0.0.1:{port} answers" in one.text
        part = one.post("/settings/relay/test", form | {"port": "1"}, headers={"hx-request": "true"})
        assert "The connection does not work." in part.text
        assert "<html" not in part.text
    assert mailbox.all() == []
    with setup.db.read() as conn:
        from campaigns.settings import stored

        assert stored.everything(conn) == {}


def test_the_first_test_mail_goes_to_the_administrator_alone_and_the_answer_is_told(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTILJON_DATA", str(tmp_path))
    monkeypatch.setenv("POSTILJON_CONTACT", "info@voorbeeld.example")
    setup = console_setup(empty_database, tmp_path, 3)
    mailbox = Mailbox()
    with catching(Catcher(mailbox)) as port:
        monkeypatch.setenv("POSTILJON_SMTP_URL", f"smtp://127.0.0.1:{port}?tls=none")
        with console(setup) as server, signed_in(setup, server, "administrator") as one:
            from campaigns.settings import made_in_console

            with setup.db.write() as conn:
                keyring = setup.context().keyring
                made_in_console.save(conn, {"timezone": "Europe/London"}, keyring, "cli:test", setup.clock())
            one.get("/setup/test")
            one.post("/setup/test")
            assert "The mail server accepted the mail for administrator@voorbeeld.example." in one.text
    assert [mail.recipient for mail in mailbox.all()] == ["administrator@voorbeeld.example"]
    assert mailbox.all()[0].message["Subject"] == "[test] Your first test mail"
