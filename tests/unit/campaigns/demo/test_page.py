"""The catcher's page shows mail in a cage, with working links."""

from __future__ import annotations

import httpx
import pytest

from campaigns.demo.catcher import Mailbox
from campaigns.demo.page import catcher_app, linked, with_links_beside

PUBLIC = "http://127.0.0.1:8000"
MAIL = (
    b"From: VNG <info@vng.nl>\r\nTo: Esther <e@example.org>\r\nSubject: <b>Hallo</b>\r\n"
    b"List-Unsubscribe: <http://127.0.0.1:8000/u/abc>\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="=_1"\r\n\r\n'
    b"--=_1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nLees <http://127.0.0.1:8000/o/x>.\r\n"
    b"--=_1\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b"<html><head><title>x</title></head><body><script>alert(1)</script></body></html>\r\n--=_1--\r\n"
)


@pytest.fixture
def page() -> httpx.AsyncClient:
    mailbox = Mailbox()
    mailbox.keep("bounce@vng.nl", "e@example.org", MAIL)
    mailbox.turn_away("gone@example.org", "550 5.1.1 no")
    transport = httpx.ASGITransport(catcher_app(mailbox, "en", PUBLIC))
    return httpx.AsyncClient(transport=transport, base_url="http://catcher")


async def test_the_list_names_each_mail_and_whom_was_turned_away(page: httpx.AsyncClient) -> None:
    answer = await page.get("/")
    assert "Esther &lt;e@example.org&gt;" in answer.text
    assert "&lt;b&gt;Hallo&lt;/b&gt;" in answer.text
    assert "550 5.1.1 no" in answer.text


async def test_html_is_framed_in_a_sandbox_and_served_under_its_own_policy(page: httpx.AsyncClient) -> None:
    around = await page.get("/mail/1")
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in around.text
    assert "script-src" not in around.headers["content-security-policy"]
    frame = await page.get("/mail/1/html")
    assert frame.headers["content-security-policy"].startswith("sandbox ")
    assert "default-src 'none'" in frame.headers["content-security-policy"]
    assert '<base target="_blank">' in frame.text


async def test_text_has_working_links(page: httpx.AsyncClient) -> None:
    answer = await page.get("/mail/1?view=text")
    assert '<a href="http://127.0.0.1:8000/o/x" target="_blank">' in answer.text


async def test_source_is_shown_escaped_and_can_be_had_as_a_file(page: httpx.AsyncClient) -> None:
    answer = await page.get("/mail/1?view=source")
    assert "&lt;script&gt;" in answer.text
    assert (await page.get("/mail/1.eml")).content == MAIL


async def test_one_click_posts_what_a_mail_program_would(page: httpx.AsyncClient) -> None:
    answer = await page.get("/mail/1")
    assert 'action="http://127.0.0.1:8000/u/abc"' in answer.text
    assert 'name="List-Unsubscribe" value="One-Click"' in answer.text
    assert f"form-action {PUBLIC};" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/mail/2", "/mail/0", "/mail/2/html", "/mail/9.eml", "/other.css", "/x"])
async def test_what_is_not_there_is_404(page: httpx.AsyncClient, path: str) -> None:
    assert (await page.get(path)).status_code == 404


@pytest.mark.parametrize("name", ["pages", "demo"])
async def test_the_style_sheets_are_there(page: httpx.AsyncClient, name: str) -> None:
    answer = await page.get(f"/{name}.css")
    assert answer.headers["content-type"].startswith("text/css")


def test_a_full_stop_after_an_address_is_no_part_of_it() -> None:
    assert linked("see https://example.org/a.") == (
        'see <a href="https://example.org/a" target="_blank">https://example.org/a</a>.'
    )


def test_text_around_addresses_is_escaped() -> None:
    assert linked('<b>"https://example.org/?a&b"') == (
        '&lt;b&gt;&quot;<a href="https://example.org/?a&amp;b" target="_blank">https://example.org/?a&amp;b</a>&quot;'
    )


def test_html_without_a_head_stays_as_it_is() -> None:
    assert with_links_beside("<p>Hi</p>") == "<p>Hi</p>"
