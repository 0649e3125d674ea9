"""Which file of settings is read, what may be wrong with it, and names that are of no setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.settings.campaign import CampaignSettings
from campaigns.settings.configuration import KINDS, configuration, look
from mailer import settings_file
from mailer.errors import SettingsFaults
from mailer.settings import MailerSettings, read
from mailer.settings_base import nearest, unknown
from unsubscribe.settings import ReaderSettings

NAMES = {name for kind in KINDS for name in kind.model_fields}


def faults(tmp_path: Path, text: str) -> dict[str, str]:
    """Each fault of a file, by its field."""
    (tmp_path / "postiljon.toml").write_text(text, "utf-8")
    return {fault.field: str(fault) for fault in look().faults}


def test_a_named_file_comes_before_the_working_directory_and_that_before_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, named = tmp_path / "system.toml", tmp_path / "named.toml"
    assert settings_file.find(system) is None
    system.write_text("rate = 1")
    assert settings_file.find(system) == system
    (tmp_path / "postiljon.toml").write_text("rate = 2")
    assert settings_file.find(system) == Path("postiljon.toml")
    assert read(MailerSettings).rate == 2
    named.write_text("rate = 3")
    monkeypatch.setenv("POSTILJON_CONFIG", str(named))
    assert read(MailerSettings).rate == 3
    monkeypatch.setenv("POSTILJON_CONFIG", "")
    assert read(MailerSettings).rate == 2


def test_paths_in_a_file_are_those_of_its_folder_and_those_of_the_environment_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "word").write_text("geheim\n")
    (folder / "p.toml").write_text(
        'data = "data"\nbrand = "brand.toml"\ndkim_key = "/keys/dkim.pem"\nsmtp_user = "u"\n'
        'smtp_password_file = "word"\ndatabase_url = "sqlite:///x.db"\n'
    )
    monkeypatch.setenv("POSTILJON_CONFIG", str(folder / "p.toml"))
    campaign, mailer = read(CampaignSettings), read(MailerSettings)
    assert (campaign.data, campaign.brand) == (folder / "data", folder / "brand.toml")
    assert campaign.database == f"sqlite:///{folder}/x.db"
    assert (mailer.dkim_key, mailer.smtp_url.password) == (Path("/keys/dkim.pem"), "geheim")
    monkeypatch.setenv("POSTILJON_DATA", "elders")
    assert read(CampaignSettings).data == Path("elders")
    monkeypatch.delenv("POSTILJON_DATA")
    (folder / "p.toml").write_text("rate = 3")
    assert read(CampaignSettings).data == Path("data")


def test_a_byte_order_mark_and_line_ends_of_windows_are_taken(tmp_path: Path) -> None:
    (tmp_path / "postiljon.toml").write_bytes(b'\xef\xbb\xbfrate = 3\r\nin_doubt = "send_again"\r\n')
    assert (read(MailerSettings).rate, read(MailerSettings).in_doubt) == (3, "send_again")


@pytest.mark.parametrize(
    ("content", "words", "line"),
    [
        ("rate = 3".encode("utf-16"), "UTF-16", 0),
        ("rate = 3".encode("utf-16-le"), "UTF-16", 0),
        (b'a = 1\norganisation = "caf\xe9"\n', "line 2 has the byte 0xE9", 2),
        (b"a = 1\n\nrate = \n", "line 3 is not valid TOML", 3),
        (b"rate = 3\nrate = 4\n", "line 2 is not valid TOML", 2),
        (b"rate = " + b"9" * 5000, "too many digits", 0),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_its_line(
    tmp_path: Path, content: bytes, words: str, line: int
) -> None:
    (tmp_path / "postiljon.toml").write_bytes(content)
    with pytest.raises(SettingsFaults, match=r"postiljon\.toml cannot be read: ") as caught:
        configuration()
    assert words in str(caught.value)
    assert caught.value.faults[0].line == line


def test_a_named_file_that_is_not_there_or_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("gone.toml", str(tmp_path), "dangling", "/dev/null", "a" * 5000, "gone/p.toml"):
        monkeypatch.setenv("POSTILJON_CONFIG", name)
        with pytest.raises(SettingsFaults, match="cannot be read: "):
            configuration()


def test_a_link_that_leads_nowhere_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "postiljon.toml").symlink_to("nowhere")
    with pytest.raises(SettingsFaults, match="No such file"):
        configuration()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("smtp-url", "smtp_url"),
        ("SMTP_URL", "smtp_url"),
        ("POSTILJON_SMTP_URL", "smtp_url"),
        ("Postiljon-Smtp-Url", "smtp_url"),
        ("smpt_url", "smtp_url"),
        ("public_ulr", "public_url"),
        ("publicurl", "public_url"),
        ("organization", "organisation"),
        ("smtp_host", "smtp_url"),
        ("relay.smtp_url", "smtp_url"),
        ("smtp.url", "smtp_url"),
        ("relay.password", "smtp_password"),
        ("connections", "smtp_url"),
        ("database", "database_url"),
        ("dkim.selector", "dkim_selector"),
        ("trusted_proxy", "trusted_proxies"),
        ("xyzzy", ""),
        ("é", ""),
    ],
)
def test_a_name_that_is_of_no_setting_is_told_with_the_one_that_was_meant(name: str, meant: str) -> None:
    assert nearest(name, NAMES) == meant


def test_each_name_in_a_file_that_is_of_no_setting_is_a_fault_with_its_line_and_no_value(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        '# a comment\nsmtp-url = "GeHeim"\n"public.ulr" = 1\nsmtp.password = "GeHeim"\n[relay]\nhost = "GeHeim"\n'
        "[[list]]\nx = 1\n[empty]\n",
    )
    assert found["smtp-url"] == ("smtp-url: there is no such setting (postiljon.toml:2). Did you mean smtp_url?")
    assert "(postiljon.toml:4). Did you mean smtp_password? It belongs in no table" in found["smtp.password"]
    assert {"public.ulr", "relay.host", "list", "empty"} <= found.keys()
    assert "GeHeim" not in str(found)


def test_names_in_the_environment_that_are_of_no_setting_are_faults_but_those_of_a_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "POSTILJON_SMPT_URL": "smtp://u:GeHeim@x",
        "POSTILJON_EMPTY": "",
        "POSTILJON_SERVICE_HOST": "10.0.0.1",
        "POSTILJON_SERVICE_PORT_HTTP": "80",
        "POSTILJON_PORT": "tcp://10.0.0.1:80",
        "POSTILJON_DB_PORT_5432_TCP_ADDR": "10.0.0.1",
        "POSTILJON_SMTP_PORT": "587",
    }.items():
        monkeypatch.setenv(name, value)
    found = {fault.field: str(fault) for fault in unknown(KINDS)}
    assert found.keys() == {"POSTILJON_SMPT_URL", "POSTILJON_SMTP_PORT"}
    assert "(environment). Did you mean POSTILJON_SMTP_URL?" in found["POSTILJON_SMPT_URL"]
    assert "GeHeim" not in str(found)


def test_names_in_the_file_of_secrets_are_looked_at_as_well(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secrets.toml").write_text('peper = "GeHeim"\n')
    assert [str(fault) for fault in look().faults] == [
        "peper: there is no such setting (data/secrets.toml:1). Did you mean pepper?"
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("rate = true", "found true; expected a whole number"),
        ('rate = "x"', "found 'x'; expected a whole number"),
        ("rate = 0", "found 0; expected a whole number, 1 or more"),
        ("rate = 1.5", "found 1.5; expected a whole number"),
        ("rate = 99999999999999999999", "at most"),
        ("web_processes = 65", "found 65; expected a whole number, 64 at most"),
        ("late = 4", "found 4; expected a number and s, m, h or d"),
        ('late = "99999999999999d"', "longer than a hundred years"),
        ("give_up = 2024-01-01", "found 2024-01-01; expected a number and s"),
        ('retry = ["30m", 3]', "expected a duration or several"),
        ("retry = []", "expected a duration or several"),
        ("opt_out_mail = 2", "found 2; expected true or false"),
        ('opt_out_mail = "maybe"', "expected true or false"),
        ('organisation = ["a"]', "expected text in quotation marks"),
        ("organisation = true", "found true; expected text in quotation marks"),
        ("timezone = 12:00:00", "found 12:00:00; expected text"),
        ("data = 3", "found 3; expected text"),
        ("dkim_key = false", "found false; expected text"),
        ("open_fields = 3", "found 3; expected text, or a list of texts"),
        ("trusted_proxies = [1]", "is not an IP address"),
        ("dns = [1]", "is not the address of a DNS server"),
        ('in_doubt = "yes"', "found 'yes'; expected one of hold, send_again"),
        ("smtp_url = 3", "expected text in quotation marks"),
        ("smtp_password = 12345678", "expected text in quotation marks"),
        ("secret_keys = [1]", "expected secrets as text"),
        ("pepper = 12345678", "expected text in quotation marks"),
        ("deliveries_days = 9999999", "at most"),
        ("pending_days = 0", "found 0; expected a whole number, 1 or more"),
    ],
)
def test_a_value_of_another_kind_is_told_with_what_was_found_and_is_expected(
    tmp_path: Path, line: str, words: str
) -> None:
    found = faults(tmp_path, f"\n{line}\n")
    (name,) = found
    assert name == f"POSTILJON_{line.partition(' ')[0].upper()}"
    assert words in found[name]
    assert "(postiljon.toml:2)" in found[name]
    assert "12345678" not in found[name]


def test_a_list_may_stand_for_text_with_commas(tmp_path: Path) -> None:
    text = 'retry = ["1m", "2h"]\nopen_fields = ["a", "b"]\ntrusted_proxies = ["10.0.0.0/8"]\ndns = ["192.0.2.1:53"]\n'
    assert faults(tmp_path, text) == {}
    assert len(read(MailerSettings).retry) == 2
    assert read(ReaderSettings).open_fields == ("a", "b")
    assert read(CampaignSettings).dns == (("192.0.2.1", 53),)


def test_faults_of_all_kinds_of_settings_are_told_together_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTILJON_LATE", "soon")
    text = 'smtp_url = "x"\ntimezone = "Nowhere"\nhello_name = "a_b"\nrate = 7\nsmtp-user = "x"\n'
    found = faults(tmp_path, text)
    assert found.keys() == {
        *(f"POSTILJON_{name}" for name in ("LATE", "SMTP_URL", "TIMEZONE", "HELLO_NAME")),
        "smtp-user",
    }
    assert "(environment)" in found["POSTILJON_LATE"]
    assert look().mailer.rate == 7


HOSTS = ["bücher.example", "BÜCHER.example", "xn--bcher-kva.example"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_beyond_ascii_is_read_as_dns_has_it(host: str) -> None:
    ascii_host = "xn--bcher-kva.example"
    assert read(MailerSettings, smtp_url=f"smtp://{host}").smtp_url.host == ascii_host
    assert read(ReaderSettings, public_url=f"https://{host}:8443/nl").public_url == f"https://{ascii_host}:8443/nl"
    assert read(CampaignSettings, hello_name=host).hello_name == ascii_host


@pytest.mark.parametrize(
    "name",
    [" ", "a b", "a\n", "a_b.example", "x" * 64, "a." * 130 + "b", "192.0.2.1", "::1", "a..b", "-a", "[x]", "é..x"],
)
def test_a_hello_name_that_relays_refuse_is_refused_here(name: str) -> None:
    with pytest.raises(SettingsFaults, match="POSTILJON_HELLO_NAME: "):
        read(CampaignSettings, hello_name=name)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[ipv6:::1]", "[IPv6:::1]"),
        ("Mail.example.", "mail.example"),
        ("relay", "relay"),
    ],
)
def test_a_hello_name_may_be_a_name_or_an_address_in_brackets(name: str, kept: str) -> None:
    assert read(CampaignSettings, hello_name=name).hello_name == kept
