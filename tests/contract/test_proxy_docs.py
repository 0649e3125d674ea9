"""The reverse proxy of docs/howto/production.md, as it stands there, before the real endpoint: nginx with HTTP/2."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.app import public_app
from campaigns.context import open_context
from campaigns.ops.installation import install
from tests.support.docs import DOCS
from tests.support.needs import need
from tests.support.site import serving

pytestmark = [pytest.mark.slow, pytest.mark.nginx]
AROUND = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
{server}
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def certificate(folder: Path) -> None:
    names = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", "/CN=mail.example.org"]
    command = [need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run(command, check=True, capture_output=True)


def documented(folder: Path, port: int, upstream: int) -> str:
    """The server block of the page, with this test's ports and files."""
    page = (DOCS / "howto" / "production.md").read_text("utf-8")
    [block] = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for old, new in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("/etc/ssl/mail.example.org.pem", f"{folder}/cert.pem"),
        ("/etc/ssl/mail.example.org.key", f"{folder}/key.pem"),
        ("/var/log/nginx/postiljon.log", f"{folder}/access.log"),
        ("/var/log/nginx/postiljon-error.log", f"{folder}/requests-error.log"),
        ("http://127.0.0.1:8000", f"http://127.0.0.1:{upstream}"),
    ):
        assert old in block
        block = block.replace(old, new)
    return AROUND.format(folder=folder, server=block)


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
            wait(port, process)
            yield f"https://mail.example.org:{port}"
        finally:
            process.terminate()
            process.wait(20)
    house.close()


def wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while True:
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return
        assert process.poll() is None, "nginx did not start"
        assert time.monotonic() < deadline
        time.sleep(0.05)


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
