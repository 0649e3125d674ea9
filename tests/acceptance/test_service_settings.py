"""``service install`` beside settings that the service's user wrote, and commands of other users and from elsewhere."""

from __future__ import annotations

import pytest

from tests.support.commandline import Ran
from tests.support.own_machine import INSTALL, PROGRAM, OwnMachine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
SETTINGS = "/etc/postiljon/postiljon.toml"
NGINX = "/etc/postiljon-proxy/nginx.conf"


def test_a_missing_folder_that_only_the_settings_name_is_never_made_by_root(served: OwnMachine) -> None:
    served.do("ln", "-s", "/etc", "/var/lib/postiljon/link")
    for key, path in (("backup_to", "/etc/systemd/system/ssh.service.d"), ("data", "/var/lib/postiljon/link/x")):
        served.do("sed", "-i", f's|^{key} = .*|{key} = "{path}"|', SETTINGS)
        ran = served.postiljon("service", "install")
        assert (ran.code, f"install -d -o postiljon -g postiljon -m 700 {path}" in ran.err) == (1, True), ran
    assert served.do("find", "/etc", "-name", "ssh.service.d", "-o", "-path", "/etc/x") == ""


def test_the_usual_folder_is_not_made_behind_a_link_or_below_a_folder_of_another_user(machine: OwnMachine) -> None:
    machine.do("sh", "-c", "rm -rf /var/backups && ln -s /etc/skel /var/backups")
    ran = machine.postiljon(*INSTALL)
    assert (ran.code, "/var/backups is a link" in ran.err) == (1, True), ran
    machine.do("sh", "-c", "rm /var/backups && install -d -o nobody /var/backups")
    ran = machine.postiljon("service", "install")
    assert (ran.code, "/var/backups is a link, or belongs to another user" in ran.err) == (1, True), ran
    assert machine.do("ls", "-A", "/etc/skel/", "/var/backups/").count("postiljon") == 0


def test_only_the_name_of_a_machine_reaches_the_files_for_a_proxy(served: OwnMachine) -> None:
    before = served.text(NGINX), served.text("/etc/postiljon-proxy/Caddyfile")

    def set_and_install(address: str) -> Ran:
        served.do("sed", "-i", f"s|^public_url = .*|public_url = '{address}'|", SETTINGS)
        return served.postiljon("service", "install")

    for address in ("https://a;load_module x.so;b", "https://{$HOME}", "https://a b", "https://b_c"):
        ran = set_and_install(address)
        assert (ran.code, "public_url in /etc/postiljon/postiljon.toml" in ran.err) == (1, True), (address, ran)
    for address in ("https://post.example.org:8443", "https://[2001:db8::1]", "https://example.org/post"):
        ran = set_and_install(address)
        assert (ran.code, "No file for a proxy was written" in ran.out) == (0, True), (address, ran)
    assert (served.text(NGINX), served.text("/etc/postiljon-proxy/Caddyfile")) == before


def test_a_command_of_another_user_than_the_service_is_refused_with_the_one_that_works(served: OwnMachine) -> None:
    for words in (("runuser", "-u", "nobody", "--"), ()):
        ran = served.run(*words, PROGRAM, "status")
        assert (ran.code, f"sudo -u postiljon {PROGRAM} status" in ran.err) == (1, True), ran


def test_a_command_of_the_service_may_be_typed_in_a_folder_that_it_cannot_enter(served: OwnMachine) -> None:
    served.do("install", "-d", "-m", "700", "/opt/closed")
    uid, gid = (served.do("id", kind, "postiljon").strip() for kind in ("-u", "-g"))
    become = f"import os; os.chdir('/opt/closed'); os.setgid({gid}); os.setuid({uid})"
    run = f"os.execv('{PROGRAM}', ['{PROGRAM}', 'status'])"
    ran = served.run(PROGRAM.replace("bin/postiljon", "bin/python"), "-c", f"{become}; {run}")
    assert (ran.code, ran.err) == (0, ""), ran


def test_backups_that_are_not_encrypted_are_named_with_the_commands_that_encrypt_them(machine: OwnMachine) -> None:
    said = machine.do(PROGRAM, *INSTALL)
    [command] = [line.strip() for line in said.splitlines() if "openssl rand" in line]
    [line] = [line.partition("toml: ")[2] for line in said.splitlines() if "backup_passphrase_file = " in line]
    machine.do("sh", "-ec", command)
    machine.do("sh", "-c", f"cat >> {SETTINGS}", stdin=f"{line}\n")
    assert "not encrypted" not in machine.do(PROGRAM, "service", "install")
    assert "not encrypted" not in machine.as_service("backup")
    assert machine.do("stat", "--format", "%A %U", "/etc/postiljon/backup-passphrase") == "-rw------- postiljon\n"


def test_a_draft_of_the_settings_that_a_killed_run_left_is_removed(served: OwnMachine) -> None:
    draft, other = "/etc/postiljon/.postiljon.toml.0123456789abcdef", "/etc/postiljon/.postiljon.toml.mine"
    for name in (draft, other):
        served.write(name, 'smtp_password = "hush"')
    served.do(PROGRAM, "service", "install")
    assert served.do("ls", "-A", "/etc/postiljon").split() == [".postiljon.toml.mine", "postiljon.toml"]
