"""Settings of the staff's side: where the database is, which brand, how late a missed hour may still be kept.

Promises: typed, frozen, read once (contract.md, Settings); :attr:`CampaignSettings.database` is always the address of
a database, by default SQLite in ``POSTILJON_DATA``. Raises ``SettingsError`` through :func:`mailer.settings.read`.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_settings import NoDecode

from mailer.settings import HouseSettings, parse_duration


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


class CampaignSettings(HouseSettings):
    """``POSTILJON_DATABASE_URL``, ``POSTILJON_BRAND``, ``POSTILJON_HELLO_NAME`` and ``POSTILJON_LATE``.

    ``hello_name``: the full host name that a sender gives the relay in EHLO (A6), where the relay asks for one.

    ``late``: a campaign whose hour passed while nothing served (a restart, a power cut) is still sent when it is no
    later than this; after that it is held, with the reason ``missed``, and a person decides.
    """

    database_url: str = ""
    brand: Path | None = None
    hello_name: str = ""
    late: Annotated[timedelta, NoDecode, BeforeValidator(_duration)] = timedelta(hours=1)

    @property
    def database(self) -> str:
        """The address of the database."""
        return self.database_url or f"sqlite:///{self.data / 'postiljon.db'}"
