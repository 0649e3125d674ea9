"""The composition root: settings are read once, and everything that needs something is given it here (rule 14).

Promises: :func:`open_house` gives a :class:`House` whose database has the schema of this code and whose pepper is the
one that the database was begun with; otherwise it raises (``SchemaError``, ``SettingsError``) and has changed nothing.
Files of the house that an older version left open to other users are closed to them at a start, which is said once.
What costs time to import is imported when it is asked for, so that ``send`` claims within a second.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from campaigns import migrations, modes
from campaigns.clock import steady
from campaigns.moments import Say, as_is
from campaigns.settings import CampaignSettings
from mailer import journal
from mailer.errors import SchemaError, SettingsError
from mailer.journal import Journal
from mailer.reach import reach
from mailer.settings import MailerSettings, read
from mailer.signing import Keyring
from mailer.storage import Database, open_database
from unsubscribe.settings import ReaderSettings

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from campaigns.launch import Site
    from campaigns.links import Slots
    from mailer.transport.base import Transport
    from mailer.worker import WorkerDeps
    from unsubscribe.tokens import Tokens

N_ = str  # marks a text for the catalogue (domain cli)
TIGHTENED = N_("{path} could be read by other users of this machine; now by its owner alone.")
Clock = Callable[[], datetime]


@dataclass(frozen=True)
class House:
    """What a process of Postiljon has: settings, database, keys, clock; and makes of them."""

    campaign: CampaignSettings
    mailer: MailerSettings
    reader: ReaderSettings
    db: Database
    keyring: Keyring = field(repr=False)
    pepper: bytes = field(repr=False)
    clock: Clock = steady
    say: Say = as_is

    @property
    def data(self) -> Path:
        """The folder of the house."""
        return self.campaign.data

    @cached_property
    def tokens(self) -> Tokens:
        """Makes and reads the links in letters."""
        from unsubscribe.tokens import Tokens

        return Tokens(self.keyring)

    @cached_property
    def slots(self) -> Slots:
        """Fills letters for people."""
        from campaigns.links import Slots

        return Slots(self.tokens)

    @cached_property
    def site(self) -> Site:
        """What a launch freezes on its mailing."""
        from campaigns.launch import Site

        return Site(
            db=self.db,
            public_url=self.reader.public_url,
            return_path=self.mailer.return_path,
            key_id=self.keyring.current.id,
            dkim_selector=self.mailer.dkim_selector if self.mailer.dkim_key else "",
            dkim_domain=self.mailer.dkim_domain if self.mailer.dkim_key else "",
            in_doubt=self.mailer.in_doubt,
            late=self.campaign.late,
            brand=self.campaign.brand,
            say=self.say,
            relay=self.mailer.smtp_url.host,
            url_is_set="public_url" in self.reader.model_fields_set,
        )

    @property
    def hello_name(self) -> str:
        """What we call ourselves in EHLO (A6): as set, else the host of the public address, else of this machine."""
        public = urlsplit(self.reader.public_url).hostname or ""
        machine = socket.gethostname()
        found = self.campaign.hello_name or ("" if reach(public) == "here" else public)
        return found or (machine if "." in machine else f"{machine}.localdomain")

    def transport(self) -> Transport:
        """The way to the relay."""
        from mailer.transport.smtp import SmtpTransport

        return SmtpTransport(self.mailer.smtp_url, self.hello_name)

    def worker(self, transport: Transport | None = None) -> WorkerDeps:
        """What a sender needs."""
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
        """Retention, and what falls due without anybody: docs/privacy.md."""
        from unsubscribe import retention

        retention.tidy(self.db, self.reader, self.pepper, now)

    def public_app(self) -> Starlette:
        """The public endpoint, with read online and the archive."""
        from campaigns import records
        from campaigns.material import house_brand
        from campaigns.online import routes
        from mailer.outbox import Identity
        from unsubscribe.endpoint import EndpointDeps, public_app

        host = urlsplit(self.reader.public_url).hostname or "localhost"
        brand = house_brand(self.campaign.brand, self.reader.organisation or host)
        deps = EndpointDeps(
            db=self.db,
            keyring=self.keyring,
            pepper=self.pepper,
            public_url=self.reader.public_url,
            brand=replace(brand, name=self.reader.organisation) if self.reader.organisation else brand,
            contact_address=self.reader.contact,
            latest_sender=records.latest_sender,
            clock=self.clock,
            timezone=self.reader.timezone,
            trusted_proxies=self.reader.trusted_proxies,
            metrics_token=self.reader.metrics_token.get_secret_value(),
            settings=self.reader,
            identity=Identity(
                self.site.public_url,
                self.site.return_path,
                self.site.key_id,
                self.site.dkim_selector,
                self.site.dkim_domain,
            ),
        )
        return public_app(deps, extra_routes=routes(deps))

    def close(self) -> None:
        """Close the database."""
        self.db.close()


def open_house(clock: Clock = steady, say: Say = as_is) -> House:
    """Read the settings, open the database, check schema and pepper. Raises ``SettingsError`` or ``SchemaError``."""
    house = unchecked_house(clock, say)
    try:
        migrations.check(house.db)
        from mailer import suppression

        with house.db.read() as conn:
            suppression.bind_pepper(conn, house.pepper)
        for path in modes.tighten(house.data, house.db):
            print(say(TIGHTENED).format(path=path), file=sys.stderr, flush=True)
    except Exception:
        house.close()
        raise
    return house


def unchecked_house(clock: Clock = steady, say: Say = as_is) -> House:
    """The same without a look into the database: for ``init`` and ``doctor``."""
    _ = say
    campaign, mailer, reader = read(CampaignSettings), read(MailerSettings), read(ReaderSettings)
    if not mailer.secret_keys or mailer.pepper is None:
        raise SettingsError(_("There are no secrets in {data}: run 'postiljon init'").format(data=campaign.data))
    _check_dkim(mailer)
    if campaign.database.startswith("sqlite") and not database_exists(campaign):
        raise SchemaError(_("There is no database in {data}: run 'postiljon init'").format(data=campaign.data))
    db = open_database(campaign.database)
    db.journal = Journal(campaign.data / journal.FILE)
    return House(
        campaign=campaign,
        mailer=mailer,
        reader=reader,
        db=db,
        keyring=Keyring.of(key.get_secret_value() for key in mailer.secret_keys),
        pepper=mailer.pepper.get_secret_value(),
        clock=clock,
        say=say,
    )


def database_exists(settings: CampaignSettings) -> bool:
    """Whether the SQLite file is there; true for another kind of database."""
    url = settings.database
    return not url.startswith("sqlite:///") or Path(url.removeprefix("sqlite:///").partition("?")[0]).exists()


def _check_dkim(mailer: MailerSettings) -> None:
    """A key that cannot sign is found now, not when the first letter is due."""
    pem = mailer.dkim_pem()
    if pem is not None:
        from mailer.letter.dkim import Signer

        Signer(pem, mailer.dkim_selector, mailer.dkim_domain)
