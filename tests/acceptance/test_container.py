"""The files of the container: what they say, and their commands as plain processes (no registry, no image needed)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from campaigns import migrations
from campaigns.ops.health import port_of
from campaigns.ops.service.texts import filled
from mailer.journal import Journal
from mailer.storage import Database, open_database
from tests.support.commandline import ROOT, fetch, free_port
from tests.support.needs import need
from tests.support.waiting import wait_until
from tests.support.warm import Started, quiet

COMPOSE, POSTGRESQL = "compose.yaml", "compose.postgresql.yaml"
NAME = "mail.example.org"


def services(file: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / file).read_text("utf-8"))["services"]
    return found


def in_image(word: str) -> str:
    """Return the instruction of the last stage of the Containerfile that begins with a word."""
    text = (ROOT / "Containerfile").read_text("utf-8").replace("\\\n", "").rpartition("\nFROM ")[2]
    [found] = re.findall(rf"^{word} +(.*)$", text, re.MULTILINE)
    return str(found).strip()


@pytest.mark.parametrize(("file", "service"), [(COMPOSE, "postiljon"), (COMPOSE, "caddy"), (POSTGRESQL, "postgres")])
def test_each_service_is_read_only_without_rights_and_watched(file: str, service: str) -> None:
    found = services(file)[service]
    assert (found["read_only"], found["cap_drop"], found["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert found["healthcheck"]["test"][0] == "CMD"
    assert found["restart"] == "unless-stopped"


def test_no_password_stands_in_the_environment_of_a_service_or_in_a_layer() -> None:
    named = {
        key: value
        for file in (COMPOSE, POSTGRESQL)
        for found in services(file).values()
        for key, value in found.get("environment", {}).items()
        if re.search("PASSWORD|SECRET|PEPPER|DATABASE_URL|SMTP", key)
    }
    assert named == {"POSTGRES_PASSWORD_FILE": "/run/secrets/postgres-password"}
    settings = services(COMPOSE)["postiljon"]["secrets"]
    assert settings == [{"source": "settings", "target": "/etc/postiljon/postiljon.toml"}]
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", (ROOT / "Containerfile").read_text("utf-8"), re.MULTILINE)
    kept = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == set(kept) - {"Containerfile"}
    assert (ROOT / ".dockerignore").read_text("utf-8").splitlines()[1] == "*"


def test_the_image_is_of_two_stages_and_runs_as_a_user_with_a_fixed_number() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    assert re.findall(r"^FROM (.*)$", text, re.MULTILINE) == ["${BASE} AS build", "${BASE}"]
    assert (in_image("USER"), in_image("VOLUME")) == ("10001:10001", "/var/lib/postiljon")


def test_compose_runs_the_commands_of_the_image() -> None:
    found = services(COMPOSE)["postiljon"]
    assert yaml.safe_load(in_image("ENTRYPOINT")) == ["postiljon"]
    assert yaml.safe_load(in_image("CMD")) == found["command"]
    assert yaml.safe_load(in_image("HEALTHCHECK").partition("CMD ")[2]) == found["healthcheck"]["test"][1:]


@pytest.mark.parametrize(
    ("words", "port"),
    [(["serve"], 8000), (["serve", "--port", "9000"], 9000), (["serve", "--port=81", "--init"], 81)],
)
def test_the_health_check_asks_at_the_port_of_the_containers_command(words: list[str], port: int) -> None:
    command = subprocess.Popen(["sh", "-c", "read line", "postiljon", *words], stdin=subprocess.PIPE)
    try:
        words_of_it = Path(f"/proc/{command.pid}/cmdline")
        wait_until(words_of_it.read_bytes)  # empty for a moment, on a busy machine
        assert port_of(words_of_it.read_bytes()) == port
    finally:
        command.communicate()


def networks(*files: str) -> dict[str, set[str]]:
    """Return the networks of each service, as compose joins these files."""
    found: dict[str, set[str]] = {}
    for file in files:
        for name, service in services(file).items():
            found.setdefault(name, set()).update(service.get("networks", []))
    return found


def test_the_proxy_asks_from_the_one_network_whose_word_is_believed() -> None:
    found = networks(COMPOSE, POSTGRESQL)
    assert found["caddy"] & found["postiljon"] == {"front"}
    assert found["postgres"] & found["postiljon"] == found["postgres"] == {"database"}
    made = yaml.safe_load((ROOT / COMPOSE).read_text("utf-8"))["networks"]
    [subnet] = made["front"]["ipam"]["config"]
    assert made["front"]["internal"] is True
    assert services(COMPOSE)["postiljon"]["environment"]["POSTILJON_TRUSTED_PROXIES"] == subnet["subnet"]


def test_the_caddyfile_of_the_container_is_that_of_service_install() -> None:
    ours = filled("Caddyfile", name="{$PUBLIC_NAME}", port=8000)
    ours = ours.replace("127.0.0.1:8000", "postiljon:8000").replace("file /var/log/caddy/postiljon.log", "stdout")
    assert (ROOT / "container" / "Caddyfile").read_text("utf-8") == ours


def test_the_health_check_of_caddy_asks_as_caddy_answers(tmp_path: Path) -> None:
    need("caddy", "caddy")
    need("wget", "wget")
    port = str(free_port())
    test = [word.replace("2019", port) for word in services(COMPOSE)["caddy"]["healthcheck"]["test"][1:]]
    (tmp_path / "Caddyfile").write_text(f"{{\n    admin 127.0.0.1:{port}\n}}\n", "utf-8")
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]
    env = os.environ | {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)}
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as caddy:
        try:
            wait_until(lambda: subprocess.run(test, check=False, timeout=60).returncode == 0)
        finally:
            caddy.kill()


def test_memory_file_systems_have_only_options_that_docker_and_podman_both_know() -> None:
    options = [
        option
        for file in (COMPOSE, POSTGRESQL)
        for service in services(file).values()
        for place in service.get("tmpfs", [])
        for option in place.partition(":")[2].split(",")
        if option
    ]
    assert {option.partition("=")[0] for option in options} <= {"mode", "size"}


def test_what_builds_the_image_is_pinned_as_for_developers() -> None:
    pins = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements-build.lock", "requirements-dev.lock")
    ]
    assert pins[0].items() <= pins[1].items()
    assert "hatchling" in pins[0]


@contextmanager
def started(folder: Path, port: int) -> Iterator[Started]:
    """The service ``postiljon`` of the compose file, as a process with its environment and settings."""
    found = services(COMPOSE)["postiljon"]
    words = [{"0.0.0.0": "127.0.0.1", "8000": str(port)}.get(word, word) for word in found["command"]]
    given = {key: re.sub(r"\$\{PUBLIC_NAME:\?.*\}", NAME, value) for key, value in found["environment"].items()}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("POSTILJON_")}
    env = kept | given | {"POSTILJON_DATA": str(folder / "data"), "POSTILJON_CONFIG": str(folder / "settings.toml")}
    with (folder / "said.txt").open("ab") as said:
        process = quiet(["campaigns", *words], folder, env | {"PYTHONPATH": str(ROOT)}, err=said.fileno())
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def healthy(port: int) -> bool:
    """Return whether the health check of the compose file succeeds."""
    test = services(COMPOSE)["postiljon"]["healthcheck"]["test"]
    words = [sys.executable, *test[2:], str(port)]  # in the container, process 1 says the port
    return subprocess.run(words, cwd=ROOT, capture_output=True, check=False, timeout=60).returncode == 0


def settings(folder: Path, database: str = "") -> None:
    """The secret ``settings``: the example without its comments, and a relay on this machine."""
    text = (ROOT / "container" / "postiljon.toml.example").read_text("utf-8")
    if database:
        text = re.sub(r"^# (database_url = ).*$", rf'\1"{database}"', text, flags=re.MULTILINE)
    (folder / "settings.toml").write_text(text, "utf-8")


@pytest.mark.slow
def test_the_first_start_makes_database_and_secrets_and_later_ones_leave_them(
    empty_database: Database, tmp_path: Path
) -> None:
    port = free_port()
    settings(tmp_path, "" if empty_database.is_sqlite else empty_database.shown)
    assert not healthy(port)
    with started(tmp_path, port) as process:
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
        wait_until(lambda: healthy(port))  # the check gives up after seconds, which a busy machine may take
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
    secrets = (tmp_path / "data" / "secrets.toml").read_text("utf-8")
    assert (tmp_path / "said.txt").read_text("utf-8").count("New database") == 1
    with started(tmp_path, port):
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
    assert (tmp_path / "data" / "secrets.toml").read_text("utf-8") == secrets
    assert (tmp_path / "said.txt").read_text("utf-8").count("New database") == 1


@pytest.mark.slow
def test_a_start_beside_a_journal_without_its_database_makes_no_empty_one(tmp_path: Path) -> None:
    settings(tmp_path)
    with started(tmp_path, port := free_port()):
        assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
    data = tmp_path / "data"
    for file in data.glob("postiljon.db*"):
        file.unlink()
    Journal(data / "journal").append([{"launch": "hello"}])
    with started(tmp_path, free_port()) as process:
        assert process.wait(120) != 0
    assert "restore the backup" in (tmp_path / "said.txt").read_text("utf-8")
    assert list(data.glob("postiljon.db*")) == []


@pytest.mark.slow
@pytest.mark.parametrize("left", ["last-backup.json", "backups/postiljon-2026-11-28.tar.gz"])
def test_a_start_beside_a_backup_without_its_database_makes_no_empty_one(tmp_path: Path, left: str) -> None:
    settings(tmp_path)
    file = tmp_path / "data" / left
    file.parent.mkdir(parents=True)
    file.write_bytes(b"{}")
    with started(tmp_path, free_port()) as process:
        assert process.wait(120) != 0
    assert "a backup is in" in (tmp_path / "said.txt").read_text("utf-8")
    assert list((tmp_path / "data").glob("postiljon.db*")) == []


@pytest.mark.slow
def test_a_newer_image_migrates_nothing_unasked(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    settings(tmp_path)
    secrets = tmp_path / "data" / "secrets.toml"
    secrets.write_bytes((ROOT / "tests" / "fixtures" / "released" / "issue-3" / "secrets.toml").read_bytes())
    secrets.chmod(0o600)
    old = open_database(f"sqlite:///{tmp_path}/data/postiljon.db")
    migrations.upgrade(old, to="0006")
    with started(tmp_path, free_port()) as process:
        assert process.wait(120) != 0
    assert "run 'postiljon upgrade', which makes a backup first" in (tmp_path / "said.txt").read_text("utf-8")
    with old.read() as conn:
        assert migrations.current(conn) == "0006"
    old.close()
