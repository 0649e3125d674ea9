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
from campaigns.ops.backup import age
from campaigns.ops.findings import Finding, of_fault
from campaigns.ops.restoring import missing
from campaigns.review import preflight
from campaigns.settings import file_modes
from mailer import files, outbox, settings_file, suppression
from mailer.errors import Fault, PostiljonError, RelayRefused, TransportError
from mailer.journal import FILE, Journal
from mailer.letter.dkim import dns_record
from mailer.messages import Message, joined, without_stop
from mailer.settings import LOOPBACK, Relay
from mailer.transport.base import RelayObserver, unheard

_PASSWORD = re.compile(
    r"^\s*(?:smtp_password|metrics_token|secret_keys|pepper)\s*=|://[^\s/\"']*:[^\s\"']*@", re.MULTILINE
)

_AWAY = Message("The mail server is set with smtp_url ({file}); look whether it answers: nc -vz {host} {port}")
_AWAY_HERE = Message(
    "The mail server is set with smtp_url ({file}), by default Postfix on this machine; look whether it runs: "
    "systemctl status postfix, and whether it answers: nc -vz {host} {port}"
)
_REFUSED = Message("The mail server is set with smtp_url ({file}); ask those who run it, or set another one")
_NO_LOGIN = Message(
    "If it asks for no password, leave out smtp_user and smtp_password ({file}); else log in over TLS: "
    'smtp_url = "smtp://{host}:587?tls=starttls" or "smtp://{host}:465?tls=implicit"'
)
_LOGIN_REFUSED = Message(
    "Look whether smtp_user and smtp_password are right ({file}), as the mail server's owner gave them"
)


def examine(sender: str, notice: RelayObserver = unheard) -> list[Finding]:
    """Check all. ``sender``: an address to ask DNS about ("": none). ``notice``: called when the relay is silent."""
    seen = setup.look()
    found = [Finding(*told) for told in setup.findings(seen)]
    context = seen.context
    if context is None:
        return found
    unable = seen.unable
    try:
        checks: list[tuple[str, Callable[[AppContext], Iterator[Finding]]]] = [
            (Message("secrets"), _secrets),
            (Message("files"), _files),
            (Message("public address"), _public_url),
            (Message("organisation"), _organisation),
            (Message("public pages"), surroundings.pages),
            (Message("brand"), surroundings.brand),
            (Message("disk"), surroundings.disk),
            (Message("database"), _database),
            (Message("writing"), surroundings.writing),
            (Message("clock"), surroundings.clock),
            (Message("counters"), _counters),
            (Message("backup"), _backup),
            (Message("backup"), age.look),
            (Message("relay"), lambda context: _relay(context, notice)),
            (Message("service mail"), _service_mail),
            (Message("sender"), surroundings.serving),
            (Message("sign-ups"), surroundings.proxies),
        ]
        for subject, check in checks:
            found += _safely(subject, check, context) if subject not in unable else []
        for address in dict.fromkeys(filter(None, (sender, context.reader.contact))) if "DNS" not in unable else ():
            found += _safely("DNS", partial(_dns, sender=address), context)
        return found
    finally:
        context.close()


def _safely(subject: str, check: Callable[[AppContext], Iterator[Finding]], context: AppContext) -> list[Finding]:
    try:
        return list(check(context))
    except PostiljonError as error:
        return [Finding("error", subject, str(error))]
    except OSError as error:
        words = Message("{path}: {why}; see who owns it, and its mode: ls -ld {path}")
        return [Finding("error", subject, words.format(path=error.filename or subject, why=error.strerror or error))]


def _secrets(context: AppContext) -> Iterator[Finding]:
    path = context.data / file_modes.SECRETS
    if not path.exists():
        yield Finding("ok", Message("secrets"), Message("in the environment"))
    elif files.open_to_others(path):
        yield _too_open(Message("secrets"), path)
    else:
        yield Finding("ok", Message("secrets"), Message("only readable by their owner"))
    key = context.mailer.dkim_key
    if key and files.open_to_others(key):
        yield _too_open(Message("secrets"), key)
    settings = settings_file.in_use()
    if settings.exists() and settings.stat().st_mode & 0o007 and _PASSWORD.search(_text(settings)):
        text = Message("{path} has a password and can be read by every user of this machine; do: chmod o= {path}")
        yield Finding("warning", Message("secrets"), text.format(path=settings))


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _files(context: AppContext) -> Iterator[Finding]:
    """Report whether other users of this machine can read addresses; files without any (journal, locks): a warning."""
    found = [path for path in file_modes.too_open(context.data, context.db) if path.name != file_modes.SECRETS]
    for path in found:
        told = _too_open(Message("files"), path)
        yield told if path in context.db.files else replace(told, kind="warning")
    if files.open_to_others(context.data):
        text = Message("other users can list the folder {path}; where nothing else needs it, do: chmod 700 {path}")
        yield Finding("warning", Message("files"), text.format(path=context.data.absolute()))
    elif not found:
        yield Finding("ok", Message("files"), Message("only readable by their owner"))


def _too_open(subject: str, path: Path) -> Finding:
    if path.is_dir():
        return Finding("error", subject, Message("others can look into {path}; do: chmod 700 {path}", path=path))
    return Finding("error", subject, Message("{path} can be read by others; do: chmod 600 {path}", path=path))


def _public_url(context: AppContext) -> Iterator[Finding]:
    found = reachability.advice(context.launch_config.link_target)
    for fault in found:
        yield Finding(fault.severity, Message("public address"), of_fault(fault))
    if not found:
        yield Finding("ok", Message("public address"), context.reader.public_url)


def _organisation(context: AppContext) -> Iterator[Finding]:
    """Yield the organisation that sends the service mail, and its address."""
    faults = contact_missing(context)
    for fault in faults:
        yield Finding("warning", Message("organisation"), joined(". ", [fault.found, fault.hint]))
    if not faults:
        yield Finding(
            "ok", Message("organisation"), f"{context.reader.organisation} <{context.reader.contact}>".strip()
        )


def contact_missing(context: AppContext) -> list[Fault]:
    """Return a warning with the line to write and its file, while the organisation has no address for service mail."""
    if context.reader.contact:
        return []
    found = Message("no address of the organisation (POSTILJON_CONTACT)")
    expected = Message("the address that confirmations of sign-ups come from")
    file = str(settings_file.in_use())
    hint = Message('Until then signing up is closed. Write contact = "info@example.org", with your own, into {path}.')
    return [Fault(file, 0, "contact", found, expected, hint.format(path=file), "warning")]


def _service_mail(context: AppContext) -> Iterator[Finding]:
    """Yield the service letters that wait, with the relay's words."""
    with context.db.read() as conn:
        found = report.service_mail(conn, context.clock(), context.reader.timezone)
    for line in found:
        yield Finding("ok" if line.is_fine else "warning", Message("service mail"), line.words)
    if not found:
        yield Finding("ok", Message("service mail"), Message("none waits"))


def _database(context: AppContext) -> Iterator[Finding]:
    migrations.check(context.db)
    with context.db.read() as conn:
        suppression.bind_pepper(conn, context.pepper)
    yield Finding("ok", Message("database"), context.db.shown)


def _counters(context: AppContext) -> Iterator[Finding]:
    """Compare the counters of each mailing with its rows."""
    wrong = 0
    with context.db.read() as conn:
        numbers = {mailing.id for mailing in outbox.open_ones(conn)}
        numbers |= {item.mailing_id for item in records.all_campaigns(conn) if item.mailing_id is not None}
    for number in sorted(numbers):
        with context.db.read() as conn:
            changes = outbox.differences(conn, number)
        if changes:
            wrong += 1
            with context.db.write() as conn:
                outbox.put_right(conn, number, changes)
    if wrong:
        yield Finding(
            "warning",
            Message("counters"),
            Message("put right; mailings that were wrong: {number}", number=wrong),
        )
    else:
        yield Finding("ok", Message("counters"), Message("agree with the rows"))


def _backup(context: AppContext) -> Iterator[Finding]:
    """Yield campaigns that the journal knows and this database does not."""
    with context.db.read() as conn:
        lost = missing(conn, Journal(context.data / FILE))
    if lost:
        text = Message(
            "the journal knows campaigns that this database does not ({slugs}). Was an older backup put back? "
            "Then run 'postiljon restored' before anything is sent"
        )
        yield Finding("warning", Message("backup"), text.format(slugs=", ".join(lost)))
    else:
        yield Finding("ok", Message("backup"), Message("the journal knows no campaign that this database does not"))


def _relay(context: AppContext, notice: RelayObserver) -> Iterator[Finding]:
    relay, file = context.mailer.smtp_url, settings_file.in_use()
    try:
        asyncio.run(context.transport().check(notice))
    except TransportError as error:
        step = _next_step(relay, error).format(host=relay.host, port=relay.port, file=file)
        yield Finding("error", Message("relay"), joined(". ", [without_stop(str(error)), step]))
    else:
        yield Finding("ok", Message("relay"), Message("{name} answers", name=relay.name))


def _next_step(relay: Relay, error: TransportError) -> str:
    """Return the advice for a relay that takes no mail."""
    if isinstance(error, RelayRefused):
        at_login = _LOGIN_REFUSED if error.code else _NO_LOGIN
        return at_login if error.stage == "auth" else _REFUSED
    return _AWAY_HERE if relay.host in LOOPBACK else _AWAY


def _dns(context: AppContext, sender: str) -> Iterator[Finding]:
    faults = preflight.examine(sender_of(context, sender), "", 0, preflight.asker(context.campaign.dns))
    for fault in faults:
        must_fail = fault.found.startswith(preflight.MUST_FAIL.partition("{")[0])
        yield Finding("error" if must_fail else fault.severity, "DNS", of_fault(fault))
    if not faults:
        yield Finding("ok", "DNS", Message("{address} can get mail and is authenticated", address=sender))


def sender_of(context: AppContext, address: str) -> preflight.SenderIdentity:
    """Return the names to ask DNS about for letters from ``address``."""
    pem = context.mailer.dkim_pem()
    return preflight.SenderIdentity(
        address=address,
        return_domain=context.mailer.return_path.rpartition("@")[2],
        dkim_selector=context.mailer.dkim_selector if pem else "",
        dkim_domain=context.mailer.dkim_domain if pem else "",
        dkim_record=dns_record(pem) if pem else "",
    )
