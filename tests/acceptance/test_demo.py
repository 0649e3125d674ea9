"""``postiljon demo`` plays the whole way of a letter by itself, and finds everything as it should be."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.support import web

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("POSTILJON_") and key != "CI"}
    return kept | {"LC_ALL": "C.UTF-8", "PYTHONUNBUFFERED": "1"} | more


def demo(folder: Path) -> list[str]:
    ports = ["--port", "0", "--catcher-port", "0"]
    return [sys.executable, "-m", "campaigns", "demo", "--folder", str(folder), *ports]


def assert_each_role_signs_in(console: str, said: str) -> None:
    """Everybody whom the demo names signs in with the password that it prints, and finds each state."""
    password = next(line for line in said.splitlines() if "with the password: " in line).rpartition(": ")[2]
    for email in re.findall(r"\S+@vng\.example(?=\s+\w+: )", said):
        with web.client(headers={"accept-language": "en", "sec-fetch-site": "same-origin"}) as browser:
            form = browser.get(f"{console}/sign-in").text
            found = re.search(r'name="csrf" value="(\w+)"', form)
            assert found
            data = {"csrf": found[1], "email": email, "password": password}
            assert browser.post(f"{console}/sign-in", data=data).status_code == 303
            page = browser.get(f"{console}/campaigns", params={"lang": "en"}).text
            for state in ("Draft", "Planned", "Being sent", "Paused", "Held", "Sent", "Stopped"):
                assert f">{state}</span>" in page, (email, state)


def test_under_ci_it_checks_what_came_in_and_ends_with_0(tmp_path: Path) -> None:
    done = subprocess.run(
        demo(tmp_path / "demo"), env=environment(CI="true"), capture_output=True, text=True, timeout=540, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WRONG" not in done.stdout
    assert "facts of the demo hold" in done.stdout


def test_for_a_person_it_waits_and_leaves_nothing_running_when_it_is_stopped(tmp_path: Path) -> None:
    command = demo(tmp_path / "demo")
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if "Ctrl-C" in line:
                break
        catcher = next(word for word in said.split() if word.startswith("http://127.0.0.1:") and word.endswith("/"))
        with urllib.request.urlopen(catcher, timeout=120) as answer:
            page = answer.read()
        assert b"Denkt u mee over regionale samenwerking?" in page
        console = next(word for word in said.split() if word.endswith("/console"))
        assert f'href="{console}"'.encode() in page
        assert_each_role_signs_in(console, said)
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(120) == 0
    port = int(catcher.rsplit(":", 1)[1].rstrip("/"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)), "what was started has ended with it"
