"""The reverse proxy of docs/howto/proxy.md, as written, before the real endpoint: nginx with HTTP/2."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.app import public_app
from campaigns.context import open_context
from campaigns.ops.installation import install
from tests.support.commandline import free_port
from tests.support.needs import need
from tests.support.nginx import certificate, documented, wait_for_port
from tests.support.site import serving

pytestmark = [pytest.mark.slow, pytest.mark.nginx]


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[str]:
    """The https address of nginx before a house of our own."""
    nginx, port = need("nginx", "nginx"), free_port()
    install()
    house = open_context()
    certificate(tmp_path)
    with serving(public_app(house)) as site:
        (tmp_path / "nginx.conf").write_text(documented(tmp_path, port, site.port), "utf-8")
        process = subprocess.Popen([nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")])
        try:
            wait_for_port(port, process)
            yield f"https://mail.example.org:{port}"
        finally:
            process.terminate()
            process.wait(20)
    house.close()


def ask(proxy: str, path: str, *options: str) -> tuple[str, str]:
    """Protocol and status, and the head of the answer; redirects are not followed."""
    port = proxy.rsplit(":", 1)[1]
    curl = [need("curl", "curl"), "-sk", "--http2", "--resolve", f"mail.example.org:{port}:127.0.0.1", "-m", "20"]
    done = subprocess.run(
        [*curl, "-D", "-", "-o", "/dev/null", *options, proxy + path], capture_output=True, check=True
    )
    head = done.stdout.decode().replace("\r", "")
    return head.split("\n")[0].strip(), head.lower()


def test_behind_nginx_the_endpoint_answers_over_http_2_and_redirects_nothing(proxy: str) -> None:
    assert ask(proxy, "/health")[0] == "HTTP/2 200"
    for path in ("/u/" + "A" * 36, "/u/" + "A" * 36 + "/", "/o/nothing", "/d/nothing"):
        status, head = ask(proxy, path, "-d", "List-Unsubscribe=One-Click") if path[1] == "u" else ask(proxy, path)
        assert status == "HTTP/2 404"
        assert "\nlocation:" not in head
        assert "\nset-cookie:" not in head


def test_behind_nginx_nobody_sees_the_counters(proxy: str) -> None:
    assert ask(proxy, "/metrics")[0] == "HTTP/2 404"


def test_behind_nginx_a_huge_body_is_refused_at_the_door(proxy: str, tmp_path: Path) -> None:
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    assert ask(proxy, "/u/" + "A" * 36, "--data-binary", f"@{tmp_path}/huge")[0] == "HTTP/2 413"
