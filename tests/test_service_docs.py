"""The pages about the service and the container show the very texts that the commands write."""

from __future__ import annotations

import re

import pytest

from campaigns.ops.service.layout import DATA, PROXIES, SERVICE, SETTINGS, TIMER
from campaigns.ops.service.texts import filled
from tests.support.docs import DOCS, ROOT

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
