"""The nginx of docs/howto/proxy.md with the ports and files of a test."""

from __future__ import annotations

import re
import socket
import subprocess
from pathlib import Path

from tests.support.docs import DOCS
from tests.support.needs import need
from tests.support.waiting import wait_until

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


def certificate(folder: Path) -> None:
    """Make a certificate and a key in the folder."""
    names = ["-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem", "-subj", "/CN=mail.example.org"]
    command = [need("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names]
    subprocess.run(command, check=True, capture_output=True)


def documented(folder: Path, port: int, upstream: int) -> str:
    """Return the server block of the page, with these ports and files."""
    page = (DOCS / "howto" / "proxy.md").read_text("utf-8")
    [block] = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for old, new in (
        ("    listen [::]:443 ssl http2;\n", ""),
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


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process accepts connections at the port; fail when it has ended."""

    def accepts() -> bool:
        assert process.poll() is None, "the proxy did not start"
        with socket.socket() as probe:
            return not probe.connect_ex(("127.0.0.1", port))

    wait_until(accepts)
