"""``service install`` on a machine of the test, its units with the tools of systemd, and their command under limits."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from campaigns.demo.catcher import Catcher, Mailbox
from tests.support.commandline import ROOT, catching, fetch, free_port
from tests.support.databases import PostgresServer
from tests.support.docs import DOCS
from tests.support.killed_command import CommandKiller, kill_points
from tests.support.needs import need
from tests.support.own_machine import INSTALL, PROGRAM, OwnMachine, in_unit
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SETTINGS = "/etc/postiljon/postiljon.toml"
UNIT = "/etc/systemd/system/postiljon.service"
BACKUP = "/etc/systemd/system/postiljon-backup.service"
TIMER = "/etc/systemd/system/postiljon-backup.timer"
NGINX = "/etc/postiljon-proxy/nginx.conf"
PLAIN = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
LETTER = """\
---
slug: hello
subject: Hello
from: VNG <info@vng.nl>
language: en
topic: news
layout: letter
---
Dear reader, this is a letter.
"""


def test_it_makes_user_folders_settings_secrets_and_units_with_the_modes_that_they_need(installed: OwnMachine) -> None:
    wanted = {
        "/etc/postiljon": "drwx------ postiljon",
        SETTINGS: "-rw------- postiljon",
        "/var/lib/postiljon": "drwx------ postiljon",
        "/var/lib/postiljon/secrets.toml": "-rw------- postiljon",
        "/var/lib/postiljon/postiljon.db": "-rw------- postiljon",
        UNIT: "-rw-r--r-- root",
        BACKUP: "-rw-r--r-- root",
        TIMER: "-rw-r--r-- root",
        "/etc/postiljon-proxy": "drwxr-xr-x root",
        NGINX: "-rw-r--r-- root",
    }
    found = {name: installed.do("stat", "--format", "%A %U", name).strip() for name in wanted}
    assert found == wanted
    shell = installed.do("getent", "passwd", "postiljon").strip().rpartition(":")[2]
    assert shell == "/usr/sbin/nologin"
    assert "is up to date" in installed.as_service("init")


def test_a_second_run_changes_nothing(installed: OwnMachine) -> None:
    before = installed.tree()
    ran = installed.postiljon("service", "install")
    assert (ran.code, installed.tree()) == (0, before)
    assert not re.search(r"^ +(made|renewed|run) ", ran.out, re.MULTILINE)


def test_a_dry_run_prints_every_file_and_command_and_changes_nothing_also_for_other_users(machine: OwnMachine) -> None:
    look = ("find", "/etc", "/var/lib", "/var/backups", "/etc/systemd/system", "-maxdepth", "1", "-printf", "%p %T+\\n")
    before = machine.do(*look)
    said = machine.do("runuser", "-u", "nobody", "--", PROGRAM, *INSTALL, "--dry-run")
    assert machine.do(*look) == before
    for line in (
        "would run  useradd --system",
        f"would make  {SETTINGS}",
        f"would make  {UNIT}",
        "ProtectSystem=strict",
    ):
        assert line in said
    assert machine.postiljon(*INSTALL).code == 0
    shown = [line.strip() for line in said.splitlines()]
    for path in (UNIT, BACKUP, TIMER, NGINX, SETTINGS):
        assert [line for line in machine.text(path).splitlines() if line.strip() not in shown] == []


def test_a_file_that_an_administrator_changed_is_kept_and_the_new_one_is_put_beside_it(served: OwnMachine) -> None:
    served.do("sed", "-i", "s/RestartSec=2/RestartSec=9/", UNIT)
    served.do("sh", "-c", f"echo 'organisation = \"Ours\"' >> {SETTINGS}")
    kept, settings = served.text(UNIT), served.text(SETTINGS)
    ran = served.postiljon("service", "install", "--port", "8123")
    assert (ran.code, served.text(UNIT), served.text(SETTINGS)) == (0, kept, settings)
    assert f"{UNIT}.new" in ran.out
    assert "--port 8123" in served.text(f"{UNIT}.new")
    assert "127.0.0.1:8123" in served.text(NGINX)  # nobody had changed this one
    served.do("mv", f"{UNIT}.new", UNIT)
    before = served.tree()
    assert served.postiljon("service", "install").code == 0
    assert served.tree() == before


@pytest.mark.timeout(600)
def test_an_installation_that_is_killed_at_any_step_is_completed_by_the_next_run(tmp_path: Path) -> None:
    """Expected: after the second run, the same files with the same content as after one that was not interrupted."""
    killer = CommandKiller()
    try:
        whole = system(tmp_path / "whole")
        assert killer.run(tmp_path, PLAIN, [*INSTALL, "--root", str(whole)]).code == 0
        killed = 0
        for step in kill_points(8):
            root = system(tmp_path / f"root{step}")
            first = killer.run(tmp_path, PLAIN, [*INSTALL, "--root", str(root)], step)
            if not first.killed:
                assert first.code == 0, first
                break
            killed += 1
            second = killer.run(tmp_path, PLAIN, [*INSTALL, "--root", str(root)])
            assert second.code == 0, (step, second)
            assert files_below(root) == files_below(whole), step
            shutil.rmtree(root)
    finally:
        killer.close()
    assert killed > 3


def system(root: Path) -> Path:
    """The root of another system, with the files that name its users."""
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc" / "group").write_text("root:x:0:\n")
    return root


def files_below(root: Path) -> dict[str, bytes]:
    """Every file below a folder, with its content."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_backup_to_a_disk_without_room_says_so_and_leaves_nothing_there(served: OwnMachine) -> None:
    served.do("sh", "-c", "mkdir /mnt/small && mount -t tmpfs -o size=20m,mode=777 small /mnt/small")
    ran = served.run("runuser", "-u", "postiljon", "--", PROGRAM, "backup", "--to", "/mnt/small")
    assert ran.code == 3
    assert "/mnt/small" in ran.err
    assert served.do("find", "/mnt/small", "-type", "f") == ""


def test_a_run_that_was_stopped_before_the_secrets_is_completed_by_the_next(served: OwnMachine) -> None:
    served.do("sh", "-c", f"rm -r /var/lib/postiljon/* {UNIT} /etc/postiljon-proxy")
    served.do(PROGRAM, "service", "install")
    assert "is up to date" in served.as_service("init")
    assert served.text(UNIT)
    assert "server_name mail.example.org;" in served.text(NGINX)


def test_a_run_that_was_stopped_before_the_database_is_completed_by_the_next(served: OwnMachine) -> None:
    secrets = served.text("/var/lib/postiljon/secrets.toml")
    served.do("sh", "-c", "rm /var/lib/postiljon/postiljon.db*")
    served.do(PROGRAM, "service", "install")
    assert "is up to date" in served.as_service("init")
    assert served.text("/var/lib/postiljon/secrets.toml") == secrets


def test_an_older_database_is_not_migrated_also_where_the_settings_are_new(served: OwnMachine) -> None:
    served.do("rm", SETTINGS)
    data, old = "/var/lib/postiljon", ROOT / "tests" / "fixtures" / "released" / "issue-3"
    served.do("install", "-o", "postiljon", "-m", "600", old / "secrets.toml", old / "postiljon.db", data)
    before = served.do("sha256sum", f"{data}/postiljon.db")
    served.do(PROGRAM, *INSTALL)
    assert served.do("sha256sum", f"{data}/postiljon.db") == before
    ran = served.run("runuser", "-u", "postiljon", "--", PROGRAM, "status")
    assert (ran.code, "run 'postiljon upgrade'" in ran.err) == (3, True), ran


def test_uninstall_removes_what_other_programs_read_and_nothing_of_the_organisation(served: OwnMachine) -> None:
    served.do("sed", "-i", "s/64k/1m/", NGINX)
    secrets = served.text("/var/lib/postiljon/secrets.toml")
    said = served.do(PROGRAM, "service", "uninstall")
    assert served.do("sh", "-c", "ls -d /etc/systemd/system/*postiljon* 2>/dev/null || true") == ""
    assert served.do("ls", "/etc/postiljon-proxy").split() == ["nginx.conf.saved"]
    assert served.text("/var/lib/postiljon/secrets.toml") == secrets
    assert served.do("id", "-un", "postiljon").strip() == "postiljon"
    assert "rm -r /etc/postiljon /var/lib/postiljon" in said
    assert "userdel postiljon" in said
    assert "Nothing to do" in served.do(PROGRAM, "service", "uninstall")


def test_who_is_not_root_is_told_so_and_nothing_is_made(machine: OwnMachine) -> None:
    ran = machine.run("runuser", "-u", "nobody", "--", PROGRAM, *INSTALL)
    assert (ran.code, "only root may run it" in ran.err) == (1, True)
    assert machine.run("id", "postiljon").code == 1


def test_a_password_reaches_the_settings_from_a_file_and_is_printed_nowhere(machine: OwnMachine) -> None:
    machine.write("/opt/password", "hush hush\n")
    login = ("--smtp-user", "us", "--smtp-password-file", "/opt/password")
    dry = machine.do(PROGRAM, *INSTALL, *login, "--dry-run")
    as_json = machine.do(PROGRAM, *INSTALL, *login, "--dry-run", "--json")
    said = machine.do(PROGRAM, *INSTALL, *login)
    assert "hush" not in dry + as_json + said
    assert 'smtp_password = "hush hush"' in machine.text(SETTINGS)
    ran = machine.postiljon("service", "install", "--smtp-url", "smtp://us:hush@relay.example.org")
    assert (ran.code, "--smtp-password-file" in ran.err, "hush" in ran.err + ran.out) == (1, True, False)


def test_answers_that_are_no_settings_are_refused_together_before_anything_is_made(machine: OwnMachine) -> None:
    ran = machine.postiljon("service", "install", "--public-url", "ftp://x", "--contact", "nobody")
    assert ran.code == 1
    assert "--public-url" in ran.err
    assert "--contact" in ran.err
    assert machine.run("id", "postiljon").code == 1


def test_a_program_that_the_service_could_not_run_is_refused(machine: OwnMachine) -> None:
    machine.do("cp", "-a", "/opt/postiljon", "/var/tmp/venv")
    ran = machine.postiljon(*INSTALL, "--prefix", "/var/tmp/venv")
    assert (ran.code, "a service does not see" in ran.err) == (1, True)
    machine.do("cp", "-a", "/opt/postiljon", "/opt/closed")
    machine.do("chmod", "750", "/opt/closed")
    ran = machine.postiljon(*INSTALL, "--prefix", "/opt/closed")
    assert (ran.code, "/opt/closed" in ran.err) == (1, True)
    assert machine.run("id", "postiljon").code == 1


def test_a_folder_of_another_user_is_refused_with_the_command_that_gives_it_over(machine: OwnMachine) -> None:
    machine.do("mkdir", "/var/lib/postiljon")
    ran = machine.postiljon(*INSTALL)
    assert (ran.code, "chown -R postiljon: /var/lib/postiljon" in ran.err) == (1, True)
    machine.do("chown", "postiljon:", "/var/lib/postiljon")
    machine.do("chmod", "755", "/var/lib/postiljon")
    machine.do(PROGRAM, *INSTALL)
    assert machine.do("stat", "--format", "%a", "/var/lib/postiljon").strip() == "700"


def test_where_systemd_runs_it_is_told_to_load_to_enable_and_after_a_change_to_restart(machine: OwnMachine) -> None:
    machine.do("mkdir", "-p", "/run/systemd/system", "/opt/recorder")
    machine.write("/opt/recorder/systemctl", '#!/bin/sh\necho "$@" >> /opt/recorder/asked\n')
    machine.do("chmod", "755", "/opt/recorder/systemctl")
    here = ("env", "PATH=/opt/recorder:/usr/sbin:/usr/bin:/sbin:/bin", PROGRAM)

    def asked(*words: str) -> list[str]:
        machine.write("/opt/recorder/asked", "")
        machine.do(*here, *words)
        return machine.text("/opt/recorder/asked").splitlines()

    enable = ["enable --now postiljon.service", "enable --now postiljon-backup.timer"]
    assert asked(*INSTALL) == ["daemon-reload", *enable]
    assert asked("service", "install") == enable
    assert asked("service", "install", "--port", "8123") == ["daemon-reload", *enable, "restart postiljon.service"]
    disable = "disable --now postiljon.service postiljon-backup.timer"
    assert asked("service", "uninstall") == [disable, "daemon-reload"]
    assert asked("service", "install", "--dry-run") == []


def test_without_a_public_address_the_service_waits_for_its_settings(machine: OwnMachine) -> None:
    said = machine.do(PROGRAM, "service", "install")
    assert "systemctl enable postiljon.service" in said
    assert "Not set yet: public_url, smtp_url, organisation, contact" in said
    assert machine.run("test", "-e", NGINX).code == 1
    machine.do("sed", "-i", 's/^# public_url.*/public_url = "https:\\/\\/post.example.org"/', SETTINGS)
    machine.do(PROGRAM, "service", "install")
    assert "server_name post.example.org;" in machine.text(NGINX)


def test_another_root_gets_user_and_files_and_nothing_is_started(machine: OwnMachine) -> None:
    machine.do("mkdir", "-p", "/opt/root/etc")
    machine.do("cp", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/opt/root/etc")
    said = machine.do(PROGRAM, *INSTALL, "--root", "/opt/root")
    assert "not run  runuser -u postiljon" in said
    assert machine.text(f"/opt/root{UNIT}")
    assert machine.run("id", "postiljon").code == 1
    assert "postiljon:" in machine.text("/opt/root/etc/passwd")
    assert machine.run("test", "-e", SETTINGS).code == 1


@pytest.mark.parametrize("unit", [UNIT, BACKUP])
def test_systemd_finds_the_units_right_and_little_exposed(installed: OwnMachine, unit: str) -> None:
    need("systemd-analyze", "systemd")
    ran = installed.run("systemd-analyze", "verify", unit, TIMER)
    assert (ran.code, ran.err) == (0, "")
    said = installed.do("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=25", unit)
    [exposure] = re.findall(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert float(exposure) <= 2.5


def test_the_backup_runs_each_night_as_the_service_and_may_write_where_it_puts_them(installed: OwnMachine) -> None:
    unit, timer = installed.text(BACKUP), installed.text(TIMER)
    assert in_unit(unit, "ExecStart") == [f"{PROGRAM} --config {SETTINGS} backup"]
    assert in_unit(unit, "User") == ["postiljon"]
    assert (in_unit(timer, "Persistent"), in_unit(timer, "RandomizedDelaySec")) == (["yes"], ["30min"])
    need("systemd-analyze", "systemd")
    assert "Normalized form" in installed.do("systemd-analyze", "calendar", *in_unit(timer, "OnCalendar"))


def test_the_files_for_a_proxy_are_taken_by_nginx_and_caddy(installed: OwnMachine) -> None:
    need("caddy", "caddy")
    said = installed.run("caddy", "validate", "--adapter", "caddyfile", "--config", "/etc/postiljon-proxy/Caddyfile")
    assert (said.code, "Valid configuration" in said.out + said.err) == (0, True)
    nginx, openssl = need("nginx", "nginx"), need("openssl", "openssl")
    names = ("-keyout", "/etc/ssl/mail.example.org.key", "-out", "/etc/ssl/mail.example.org.pem")
    installed.do(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", *names, "-subj", "/CN=mail.example.org")
    around = f"events {{}}\nhttp {{ include {NGINX}; }}\n"
    installed.write("/opt/around.conf", around)
    said = installed.run(nginx, "-t", "-c", "/opt/around.conf")
    assert (said.code, "test is successful" in said.err) == (0, True)


@pytest.mark.parametrize("page", ["production.md", "proxy.md"])
def test_the_line_of_the_pages_for_caddy_takes_the_file_in_force_and_none_that_is_kept(
    served: OwnMachine, page: str
) -> None:
    need("caddy", "caddy")
    [line] = re.findall(
        r"^echo '(import .*)' > /etc/caddy/Caddyfile$", (DOCS / "howto" / page).read_text(), re.MULTILINE
    )
    for end in (".new", ".saved"):
        served.write(f"/etc/postiljon-proxy/Caddyfile{end}", "no such directive\n")
    served.do("mkdir", "-p", "/etc/caddy")
    served.write("/etc/caddy/Caddyfile", line + "\n")
    said = served.do("caddy", "adapt", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile")
    assert "mail.example.org" in said
    ran = served.run("caddy", "validate", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile")
    assert (ran.code, "Valid configuration" in ran.out + ran.err) == (0, True), ran


@contextmanager
def confined(machine: OwnMachine) -> Iterator[subprocess.Popen[bytes]]:
    """The command of the unit, under its limits, until the end of the block."""
    python = PROGRAM.replace("bin/postiljon", "bin/python")
    words = ("unshare", "--mount", python, "-m", "tests.support.confined", UNIT)
    process = subprocess.Popen(machine.command(*words), stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def limits_of(pid: int) -> dict[str, str]:
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in status)}


def test_under_the_limits_of_its_unit_it_sends_a_letter_keeps_an_opt_out_and_ends_in_order(machine: OwnMachine) -> None:
    need("systemd-analyze", "systemd")
    mailbox, port = Mailbox(), free_port()
    with catching(Catcher(mailbox)) as relay:
        where = ("--smtp-url", f"smtp://127.0.0.1:{relay}", "--port", str(port))
        machine.do(PROGRAM, "service", "install", "--public-name", "mail.example.org", *where)
        machine.write("/opt/people.csv", "email\nesther@example.org\n")
        machine.write("/opt/hello.md", LETTER)
        machine.as_service("contacts", "import", "/opt/people.csv", "--topic", "news", "--basis", "consent")
        with confined(machine) as process:
            assert fetch(f"http://127.0.0.1:{port}/health")[0] == 200
            limits = limits_of(process.pid)
            assert (limits["Seccomp"], limits["NoNewPrivs"], int(limits["CapBnd"], 16)) == ("2", "1", 0)
            machine.as_service(
                "schedule",
                "/opt/hello.md",
                "--at",
                f"{datetime.now(UTC) + timedelta(seconds=10):%Y-%m-%d %H:%M:%S} UTC",
            )
            wait_until(mailbox.all)
            link = urlsplit(mailbox.all()[0].unsubscribe_url).path
            answer = fetch(f"http://127.0.0.1:{port}{link}", b"List-Unsubscribe=One-Click")
            assert answer[0] == 200
            shown = json.loads(machine.as_service("contacts", "show", "esther@example.org", "--json"))
            assert shown["topics"] == {"news": "opted_out"}
            process.send_signal(signal.SIGTERM)
            assert process.wait(90) == 0


def test_under_the_limits_of_its_unit_the_nightly_backup_is_made(served: OwnMachine) -> None:
    need("systemd-analyze", "systemd")
    python = PROGRAM.replace("bin/postiljon", "bin/python")
    said = served.do("unshare", "--mount", python, "-m", "tests.support.confined", BACKUP)
    assert "read back whole" in said
    assert served.do("ls", "/var/backups/postiljon").strip().startswith("postiljon-")


@pytest.mark.postgres
def test_under_the_limits_of_its_unit_the_nightly_backup_of_postgresql_is_made(
    served: OwnMachine, postgres: PostgresServer
) -> None:
    """Expected: pg_dump runs, though the unit allows no call that would bind it to the command."""
    need("systemd-analyze", "systemd")
    postgres.folder.chmod(0o711)
    served.do("mkdir", "/opt/sockets")  # the unit has a /tmp of its own
    served.do("mount", "--bind", postgres.folder, "/opt/sockets")
    url = f"postgresql://postiljon@/{postgres.fresh()}?host=/opt/sockets"
    served.write(SETTINGS, f'{served.text(SETTINGS)}database_url = "{url}"\n')
    served.as_service("init")
    python = PROGRAM.replace("bin/postiljon", "bin/python")
    said = served.do("unshare", "--mount", python, "-m", "tests.support.confined", BACKUP)
    assert "read back whole" in said
