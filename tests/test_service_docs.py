"""The pages about the service and the container show the very texts that the commands write."""

from __future__ import annotations

import re

import pytest

from campaigns.demo.catcher import Catcher, Mailbox
from campaigns.ops.service.layout import DATA, PROXIES, SERVICE, SETTINGS, TIMER
from campaigns.ops.service.texts import filled
from tests.support.commandline import catching
from tests.support.docs import DOCS, ROOT, section
from tests.support.own_machine import PROGRAM, own_machine

PAGE = DOCS / "howto" / "proxy.md"


@pytest.mark.parametrize(("language", "file"), [("nginx", "nginx.conf"), ("", "Caddyfile")])
def test_the_blocks_for_a_proxy_are_those_that_service_install_writes(language: str, file: str) -> None:
    block = filled(file, name="mail.example.org", port=8000)
    assert f"```{language}\n{block}```\n" in PAGE.read_text("utf-8")


def test_the_page_of_production_names_what_service_install_makes() -> None:
    text = (DOCS / "howto" / "production.md").read_text("utf-8")
    assert [str(name) for name in (DATA, PROXIES, SETTINGS, SERVICE, TIMER) if f"`{name}`" not in text] == []


def test_every_file_that_the_page_of_the_container_names_is_there() -> None:
    text = (DOCS / "howto" / "container.md").read_text("utf-8")
    named = set(re.findall(r"\b(?:container/postiljon\.toml\.example|tools/container-base|compose[\w.]*\.yaml)", text))
    assert {name for name in named if not (ROOT / name).is_file()} == set()
    assert len(named) == 4


@pytest.mark.slow
def test_the_first_letter_of_the_page_arrives_when_the_page_is_followed() -> None:
    page = section(DOCS / "howto" / "production.md", "The first letter", level=2)
    letter, commands = re.findall(r"^```\n(---\n.*?|printf.*?)^```", page, re.MULTILINE | re.DOTALL)
    mailbox = Mailbox()
    with own_machine() as machine, catching(Catcher(mailbox)) as relay:
        where = ("--public-name", "mail.example.org", "--smtp-url", f"smtp://127.0.0.1:{relay}")
        machine.do(PROGRAM, "service", "install", *where, "--contact", "info@example.org")
        machine.write("/var/lib/postiljon/hello.md", letter)
        path = "PATH=/opt/postiljon/bin:/usr/bin:/bin"
        followed = f"cd /var/lib/postiljon && {commands}"
        said = machine.do("runuser", "-u", "postiljon", "--", "env", path, "sh", "-ec", followed)
    [arrived] = mailbox.all()
    assert (arrived.recipient, arrived.message["Subject"]) == ("me@example.org", "Hello")
    assert re.search(r"Accepted +1$", said, re.MULTILINE)
