"""``doctor``: checks of everything that a letter depends on, from the settings to the relay.

Promises: every check reports on its own, also when another fails. A check that could not be made is never *good*.
Counters that do not agree with their rows are corrected, and that is reported. Changes nothing else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from campaigns import migrations
from campaigns.context import AppContext
from campaigns.lifecycle import reachability, records, report
from campaigns.ops import setup, surroundings
from campaigns.ops.findings import Finding
from campaigns.ops.restoring import missing
from campaigns.review import preflight
from campaigns.settings import file_modes
from campaigns.source.local_time import Say
from mailer import files, outbox, settings_file, suppression
from mailer.errors import Fault, PostiljonError, RelayRefused, TransportError
from mailer.journal import FILE, Journal
from mailer.letter.dkim import dns_record
from mailer.settings import LOOPBACK, Relay
from mailer.transport.base import RelayObserver, unheard

N_ = str  # marks a text for the catalogue (domain cli)
_PASSWORD = re.compile(
    r"^\s*(?:smtp_password|metrics_token|secret_keys|pepper)\s*=|://[^\s/\"']*:[^\s\"']*@", re.MULTILINE
)

_AWAY = N_("The mail server is set with smtp_url ({file}); look whether it answers: nc -vz {host} {port}")
_AWAY_HERE = N_(
    "The mail server is set with smtp_url ({file}), by default Postfix on this machine; look whether it runs: "
    "systemctl status postfix, and whether it answers: nc -vz {host} {port}"
)
_REFUSED = N_("The mail server is set with smtp_url ({file}); ask those who run it, or set another one")
_NO_LOGIN = N_(
    "If it asks for no password, leave out smtp_user and smtp_password ({file}); else log in over TLS: "
    'smtp_url = "smtp://{host}:587?tls=starttls" or "smtp://{host}:465?tls=implicit"'
)
_LOGIN_REFUSED = N_("Look whether smtp_user and smtp_password are right ({file}), as the mail server's owner gave them")


def examine(sender: str, _: Say, notice: RelayObserver = unheard) -> list[Finding]:
    """Check all. ``sender``: an address to ask DNS about ("": none). ``notice``: called when the relay is silent."""
    seen = setup.look(_)
    found = [Finding(*told) for told in setup.findings(seen, _)]
    house = seen.house
    if house is None:
        return found
    unable = {_(subject) for subject in seen.unable}
    try:
        checks: list[tuple[str, Callable[[AppContext, Say], Iterator[Finding]]]] = [
            (_("secrets"), _secrets),
            (_("files"), _files),
            (_("public address"), _public_url),
            (_("organisation"), _organisation),
            (_("public pages"), surroundings.pages),
            (_("brand"), surroundings.brand),
            (_("disk"), surroundings.disk),
            (_("database"), _database),
            (_("writing"), surroundings.writing),
            (_("clock"), surroundings.clock),
            (_("counters"), _counters),
            (_("backup"), _backup),
            (_("relay"), lambda house, _: _relay(house, _, notice)),
            (_("service mail"), _service_mail),
            (_("sender"), surroundings.serving),
            (_("sign-ups"), surroundings.proxies),
        ]
        for subject, check in checks:
            found += _safely(subject, check, house, _) if subject not in unable else []
        for address in dict.fromkeys(filter(None, (sender, house.reader.contact))) if "DNS" not in unable else ():
            found += _safely("DNS", partial(_dns, sender=address), house, _)
        return found
    finally:
        house.close()


def _safely(
    subject: str, check: Callable[[AppContext, Say], Iterator[Finding]], house: AppContext, _: Say
) -> list[Finding]:
    try:
        return list(check(house, _))
    except PostiljonError as error:
        return [Finding("error", subject, str(error))]
    except OSError as error:
        words = _("{path}: {why}; see who owns it, and its mode: ls -ld {path}")
        return [Finding("error", subject, words.format(path=error.filename or subject, why=error.strerror or error))]


def _secrets(house: AppContext, _: Say) -> Iterator[Finding]:
    path = house.data / file_modes.SECRETS
    if not path.exists():
        yield Finding("ok", _("secrets"), _("in the environment"))
    elif files.open_to_others(path):
        yield _too_open(_("secrets"), path, _)
    else:
        yield Finding("ok", _("secrets"), _("only readable by their owner"))
    key = house.mailer.dkim_key
    if key and files.open_to_others(key):
        yield _too_open(_("secrets"), key, _)
    settings = settings_file.in_use()
    if settings.exists() and settings.stat().st_mode & 0o007 and _PASSWORD.search(_text(settings)):
        text = _("{path} has a password and can be read by every user of this machine; do: chmod o= {path}")
        yield Finding("warning", _("secrets"), text.format(path=settings))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _files(house: AppContext, _: Say) -> Iterator[Finding]:
    """Report whether other users of this machine can read addresses; files without any (journal, locks): a warning."""
    found = [path for path in file_modes.too_open(house.data, house.db) if path.name != file_modes.SECRETS]
    for path in found:
        told = _too_open(_("files"), path, _)
        yield told if path in house.db.files else replace(told, kind="warning")
    if files.open_to_others(house.data):
        text = _("other users can list the folder {path}; where nothing else needs it, do: chmod 700 {path}")
        yield Finding("warning", _("files"), text.format(path=house.data.absolute()))
    elif not found:
        yield Finding("ok", _("files"), _("only readable by their owner"))


def _too_open(subject: str, path: Path, _: Say) -> Finding:
    if path.is_dir():
        return Finding("error", subject, _("others can look into {path}; do: chmod 700 {path}").format(path=path))
    return Finding("error", subject, _("{path} can be read by others; do: chmod 600 {path}").format(path=path))


def _public_url(house: AppContext, _: Say) -> Iterator[Finding]:
    found = reachability.advice(house.site.way, _)
    for fault in found:
        yield Finding(fault.severity, _("public address"), f"{fault.found}; {fault.expected}. {fault.hint}".strip())
    if not found:
        yield Finding("ok", _("public address"), house.reader.public_url)


def _organisation(house: AppContext, _: Say) -> Iterator[Finding]:
    """Yield the organisation that sends the service mail, and its address."""
    faults = contact_missing(house, _)
    for fault in faults:
        yield Finding("warning", _("organisation"), f"{fault.found}. {fault.hint}")
    if not faults:
        yield Finding("ok", _("organisation"), f"{house.reader.organisation} <{house.reader.contact}>".strip())


def contact_missing(house: AppContext, _: Say) -> list[Fault]:
    """Return a warning with the line to write and its file, while the organisation has no address for service mail."""
    if house.reader.contact:
        return []
    found = _("no address of the organisation (POSTILJON_CONTACT)")
    expected = _("the address that confirmations of sign-ups come from")
    file = str(settings_file.in_use())
    hint = _('Until then signing up is closed. Write contact = "info@example.org", with your own, into {path}.')
    return [Fault(file, 0, "contact", found, expected, hint.format(path=file), "warning")]


def _service_mail(house: AppContext, _: Say) -> Iterator[Finding]:
    """Yield the service letters that wait, with the relay's words."""
    with house.db.read() as conn:
        found = report.service_mail(conn, house.clock(), house.reader.timezone, _)
    for line in found:
        yield Finding("ok" if line.is_fine else "warning", _("service mail"), line.words)
    if not found:
        yield Finding("ok", _("service mail"), _("none waits"))


def _database(house: AppContext, _: Say) -> Iterator[Finding]:
    migrations.check(house.db)
    with house.db.read() as conn:
        suppression.bind_pepper(conn, house.pepper)
    yield Finding("ok", _("database"), house.db.shown)


def _counters(house: AppContext, _: Say) -> Iterator[Finding]:
    """Compare the counters of each mailing with its rows."""
    wrong = 0
    with house.db.read() as conn:
        numbers = {mailing.id for mailing in outbox.open_ones(conn)}
        numbers |= {item.mailing_id for item in records.all_campaigns(conn) if item.mailing_id is not None}
    for number in sorted(numbers):
        with house.db.read() as conn:
            changes = outbox.differences(conn, number)
        if changes:
            wrong += 1
            with house.db.write() as conn:
                outbox.put_right(conn, number, changes)
    if wrong:
        yield Finding("warning", _("counters"), _("put right; mailings that were wrong: {number}").format(number=wrong))
    else:
        yield Finding("ok", _("counters"), _("agree with the rows"))


def _backup(house: AppContext, _: Say) -> Iterator[Finding]:
    """Yield campaigns that the journal knows and this database does not."""
    with house.db.read() as conn:
        lost = missing(conn, Journal(house.data / FILE))
    if lost:
        text = _(
            "the journal knows campaigns that this database does not ({slugs}). Was an older backup put back? "
            "Then run 'postiljon restored' before anything is sent"
        )
        yield Finding("warning", _("backup"), text.format(slugs=", ".join(lost)))
    else:
        yield Finding("ok", _("backup"), _("the journal knows no campaign that this database does not"))


def _relay(house: AppContext, _: Say, notice: RelayObserver) -> Iterator[Finding]:
    relay, file = house.mailer.smtp_url, settings_file.in_use()
    try:
        asyncio.run(house.transport().check(notice))
    except TransportError as error:
        step = _(_next_step(relay, error)).format(host=relay.host, port=relay.port, file=file)
        yield Finding("error", _("relay"), f"{_(str(error)).rstrip('.')}. {step}")
    else:
        yield Finding("ok", _("relay"), _("{name} answers").format(name=relay.name))


def _next_step(relay: Relay, error: TransportError) -> str:
    """Return the advice for a relay that takes no mail."""
    if isinstance(error, RelayRefused):
        at_login = _LOGIN_REFUSED if error.code else _NO_LOGIN
        return at_login if error.stage == "auth" else _REFUSED
    return _AWAY_HERE if relay.host in LOOPBACK else _AWAY


def _dns(house: AppContext, _: Say, sender: str) -> Iterator[Finding]:
    faults = preflight.examine(sender_of(house, sender), "", 0, preflight.asker(house.campaign.dns), _)
    for fault in faults:
        must_fail = fault.found.startswith(_(preflight.MUST_FAIL).partition("{")[0])
        yield Finding(
            "error" if must_fail else fault.severity, "DNS", f"{fault.found}; {fault.expected}. {fault.hint}".strip()
        )
    if not faults:
        yield Finding("ok", "DNS", _("{address} can get mail and is authenticated").format(address=sender))


def sender_of(house: AppContext, address: str) -> preflight.SenderIdentity:
    """Return the names to ask DNS about for letters from ``address``."""
    pem = house.mailer.dkim_pem()
    return preflight.SenderIdentity(
        address=address,
        return_domain=house.mailer.return_path.rpartition("@")[2],
        dkim_selector=house.mailer.dkim_selector if pem else "",
        dkim_domain=house.mailer.dkim_domain if pem else "",
        dkim_record=dns_record(pem) if pem else "",
    )
