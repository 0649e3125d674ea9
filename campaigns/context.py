"""The context of a command or process: settings read once, database, keys and clock, and the values made from them.

Promises: :func:`open_context` gives an :class:`AppContext` whose database has the schema of this code, and whose pepper
is the one that the database was begun with. Else it raises ``SchemaError`` or ``SettingsError`` and changes nothing.
Files that an older version left open to other users are closed to them at a start, which is reported once.
Slow imports are made when they are needed, so that ``send`` claims within a second.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from campaigns import migrations
from campaigns.settings import file_modes, made_in_console, ownership, stored, unfinished
from campaigns.settings.campaign import CampaignSettings
from campaigns.settings.configuration import Configuration, look, look_again, named_files, one_error
from mailer import hostname, journal, sqlite_file
from mailer.clock import steady
from mailer.errors import PostiljonError, SchemaError, SettingsError, SettingsFaults
from mailer.journal import Journal
from mailer.messages import Message
from mailer.reach import reach
from mailer.settings import MailerSettings
from mailer.signing import Keyring
from mailer.storage import Database, open_database
from unsubscribe.settings import ReaderSettings

if TYPE_CHECKING:
    from campaigns.lifecycle.preparation import LaunchConfig
    from campaigns.lifecycle.slot_values import ContactSlots
    from campaigns.lifecycle.staff_mail import StaffMailer
    from campaigns.lifecycle.staff_news import StaffNews
    from mailer.letter.brand import Brand
    from mailer.transport.base import Transport
    from mailer.worker import WorkerDeps
    from unsubscribe.tokens import Tokens

TIGHTENED = Message("{path} could be read by other users of this machine; now by its owner alone.")
_FOR_BACKUP = frozenset(
    f"POSTILJON_{name}"
    for name in (
        *("DATA", "DATABASE_URL", "SECRET_KEYS", "PEPPER"),
        *("BACKUP_TO", "BACKUP_KEEP", "BACKUP_PASSPHRASE_FILE"),
    )
)
Clock = Callable[[], datetime]
Notice = Callable[[Message], None]


@dataclass(frozen=True)
class AppContext:
    """The parts of a Postiljon process: settings, database, keys, clock, and the objects made from them.

    ``revision``: that of the stored settings which this context was made with (:func:`campaigns.settings.stored`).
    """

    campaign: CampaignSettings
    mailer: MailerSettings
    reader: ReaderSettings
    db: Database
    keyring: Keyring = field(repr=False)
    pepper: bytes = field(repr=False)
    clock: Clock = steady
    revision: str = ""

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.campaign.data

    @cached_property
    def tokens(self) -> Tokens:
        """The maker and reader of the links in letters."""
        from unsubscribe.tokens import Tokens

        return Tokens(self.keyring)

    @cached_property
    def slots(self) -> ContactSlots:
        """The source of contacts' values for letters."""
        from campaigns.lifecycle.slot_values import ContactSlots

        return ContactSlots(self.tokens)

    @cached_property
    def brand(self) -> Brand:
        """The brand of the house, under the name of the organisation. Raises ``FaultsError``."""
        from campaigns.source.campaign_source import house_brand

        reader = self.reader
        named = reader.organisation or urlsplit(reader.public_url).hostname or "localhost"
        found = house_brand(self.campaign.brand, named)
        return replace(found, name=reader.organisation) if reader.organisation else found

    @property
    def console_url(self) -> str:
        """The address of the console, without a slash at its end: ``https://mail.example.org/console``."""
        return self.campaign.console_url or f"{self.reader.public_url}/console"

    @cached_property
    def staff_mail(self) -> StaffMailer:
        """The writer of mails to staff. Raises ``FaultsError`` for a brand that cannot be read."""
        from campaigns.lifecycle import records
        from campaigns.lifecycle.staff_mail import StaffMailer
        from mailer.outbox import Identity

        config = self.launch_config
        dkim = (config.dkim_selector, config.dkim_domain)
        identity = Identity(self.console_url, config.return_path, config.key_id, *dkim)
        contact, latest = self.reader.contact, records.latest_sender
        return StaffMailer(identity, self.brand, contact, latest, keyring=self.keyring, pepper=self.pepper)

    @cached_property
    def launch_config(self) -> LaunchConfig:
        """The values that a launch freezes on its mailing."""
        from campaigns.lifecycle.preparation import LaunchConfig

        return LaunchConfig(
            db=self.db,
            public_url=self.reader.public_url,
            return_path=self.mailer.return_path,
            key_id=self.keyring.current.id,
            dkim_selector=self.mailer.dkim_selector if self.mailer.dkim_key else "",
            dkim_domain=self.mailer.dkim_domain if self.mailer.dkim_key else "",
            in_doubt=self.mailer.in_doubt,
            late=self.campaign.late,
            brand=self.campaign.brand,
            relay=self.mailer.smtp_url.host,
            url_is_set="public_url" in self.reader.model_fields_set,
        )

    @cached_property
    def staff_news(self) -> StaffNews:
        """The teller of what a sender notices."""
        from campaigns.lifecycle.staff_news import StaffNews

        return StaffNews(self.db, lambda: self.staff_mail)

    @property
    def hello_name(self) -> str:
        """Return our name in EHLO (A6): as set, else the host of the public address, else that of this machine."""
        public = urlsplit(self.reader.public_url).hostname or ""
        machine = socket.gethostname()
        found = self.campaign.hello_name or ("" if reach(public) == "here" else public)
        for name in (found, machine if "." in machine else f"{machine}.localdomain"):
            with suppress(ValueError):
                return hostname.said(name)
        return "localhost.localdomain"

    def transport(self) -> Transport:
        """Return the transport to the relay."""
        from mailer.transport.smtp import SmtpTransport

        return SmtpTransport(self.mailer.smtp_url, self.hello_name)

    def worker_deps(self, transport: Transport | None = None) -> WorkerDeps:
        """Return all that a sender needs."""
        from mailer.worker import WorkerDeps

        return WorkerDeps(
            db=self.db,
            data_dir=self.data,
            settings=self.mailer,
            slots=self.slots,
            keyring=self.keyring,
            clock=self.clock,
            transport=transport or self.transport(),
        )

    def tidy(self, now: datetime) -> None:
        """Do the work of retention, and other work that falls due by date: docs/privacy.md."""
        from campaigns.staff import links, sessions
        from unsubscribe import retention

        retention.tidy(self.db, self.reader, self.pepper, now)
        with self.db.write() as conn:
            sessions.forget(conn, now)
            links.forget(conn, now)

    def stored_revision(self) -> str:
        """Return the present revision of the stored settings: another one after a change. Raises ``StorageError``."""
        with self.db.read() as conn:
            return stored.revision(conn)

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def unnoticed(_words: Message) -> None:
    """Do nothing: the default notice."""


def open_context(clock: Clock = steady, notice: Notice = unnoticed) -> AppContext:
    """Read the settings, open the database, check schema and pepper. Raises ``SettingsError`` or ``SchemaError``.

    ``notice`` is called with each file that was closed to other users.
    """
    context = unchecked_context(clock)
    try:
        migrations.check(context.db)
        from mailer import suppression

        with context.db.read() as conn:
            suppression.bind_pepper(conn, context.pepper)
        context = with_stored_settings(context)
        for path in file_modes.tighten(context.data, context.db):
            notice(TIGHTENED.format(path=path))
    except Exception:
        context.close()
        raise
    return context


def with_stored_settings(context: AppContext) -> AppContext:
    """Return the context with the settings of the console, below those of environment and file.

    Raises ``SettingsFaults`` for a value that cannot be used: its place is the console's page *Settings*.
    """
    with context.db.read() as conn:
        revision, kept = stored.revision(conn), stored.everything(conn)
        if not kept:
            return replace(context, revision=revision)
        found = look_again(made_in_console.values(kept, context.keyring))
        if found.faults:
            raise SettingsFaults(found.faults)
        campaign = found.campaign
        if campaign.brand is None:
            from campaigns.settings import stored_brand

            brand = stored_brand.laid_out(conn, campaign.data, found.reader.organisation, kept)
            campaign = campaign.model_copy(update={"brand": brand})
    return replace(context, campaign=campaign, mailer=found.mailer, reader=found.reader, revision=revision)


def unchecked_context(clock: Clock = steady) -> AppContext:
    """Return the same without a look into the database. Raises all errors that :func:`wrong_with` finds."""
    settings = look()
    ownership.refuse_foreign(settings.campaign.data, settings.campaign.database)
    unfinished.refuse(settings.campaign.data)
    wrong = [SettingsFaults(settings.faults)] if settings.faults else []
    one_error([*wrong, *wrong_with(settings)])
    return context_of(settings, clock)


def context_for_backup(clock: Clock = steady) -> AppContext:
    """Return the same where only what a backup needs is right: data folder, database, secrets, the place of archives.

    A brand or key that cannot be read does not stop a backup. Raises the errors of the rest.
    """
    settings = look()
    ownership.refuse_foreign(settings.campaign.data, settings.campaign.database)
    unfinished.refuse(settings.campaign.data)
    needed = [fault for fault in settings.faults if fault.field in _FOR_BACKUP]
    wrong = [SettingsFaults(needed)] if needed else []
    one_error([*wrong, *_house_missing(settings)])
    return context_of(settings, clock)


def wrong_with(settings: Configuration) -> Iterator[PostiljonError]:
    """Yield the reasons why these settings cannot be used: secrets, database, files that settings name."""
    yield from _house_missing(settings)
    yield from named_files(settings)


def _house_missing(settings: Configuration) -> Iterator[PostiljonError]:
    campaign, mailer = settings.campaign, settings.mailer
    if not has_secrets(mailer):
        yield SettingsError(Message("There are no secrets in {data}: run 'postiljon init'", data=campaign.data))
    elif campaign.database.startswith("sqlite") and not database_exists(campaign):
        path = sqlite_file.named(campaign.database)
        yield SchemaError(Message("There is no database {path}: run 'postiljon init'", path=path))


def has_secrets(mailer: MailerSettings) -> bool:
    """Return whether both secrets are set."""
    return bool(mailer.secret_keys) and mailer.pepper is not None


def has_data(settings: Configuration) -> bool:
    """Return whether ``init`` was run: the secrets exist, and so does the database, if that is a file."""
    return has_secrets(settings.mailer) and database_exists(settings.campaign)


def context_of(settings: Configuration, clock: Clock = steady) -> AppContext:
    """Return the context for valid settings, and a database and secrets that exist."""
    campaign, mailer = settings.campaign, settings.mailer
    assert mailer.pepper is not None  # noqa: S101 - see wrong_with
    db = open_database(campaign.database, make=False)
    db.journal = Journal(campaign.data / journal.FILE)
    return AppContext(
        campaign=campaign,
        mailer=mailer,
        reader=settings.reader,
        db=db,
        keyring=Keyring.of(key.get_secret_value() for key in mailer.secret_keys),
        pepper=mailer.pepper.get_secret_value(),
        clock=clock,
    )


def context_without_data(settings: Configuration) -> AppContext:
    """Return a context from settings alone, to check relay and DNS without a secret; its database is in memory."""
    from sqlalchemy import create_engine

    key = os.urandom(32)
    db = Database(create_engine("sqlite://"), None)
    return AppContext(settings.campaign, settings.mailer, settings.reader, db, Keyring.of([key]), key)


def database_exists(settings: CampaignSettings) -> bool:
    """Return whether the SQLite file exists; true for another kind of database."""
    path = sqlite_file.named(settings.database)
    return path is None or path.exists()
