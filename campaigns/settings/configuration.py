"""All settings of the installation, read together, so that all their faults are reported at once.

Promises: :func:`look` always gives settings, with the default in place of a wrong one, together with every fault.
:func:`configuration` raises ``SettingsFaults`` for those. Both raise ``OwnerError`` before anything of another user's
installation is opened, and ``SettingsFileError`` for a file of settings that is none. :func:`look_again` adds the
settings that were made in the console, once the database is open: environment, file, database, in this order.
:func:`named_files` looks at the files that settings name: the DKIM key, the brand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from campaigns.settings import ownership
from campaigns.settings.campaign import CampaignSettings
from mailer import settings_file
from mailer.errors import Fault, FaultsError, PostiljonError, SettingFault, SettingsFaults
from mailer.settings import MailerSettings
from mailer.settings_base import read_all, unknown, with_stored
from mailer.settings_file import Keys
from unsubscribe.settings import ReaderSettings

KINDS = (CampaignSettings, MailerSettings, ReaderSettings)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings of all packages, where they were read, and their faults."""

    campaign: CampaignSettings
    mailer: MailerSettings
    reader: ReaderSettings
    keys: Keys | None = None
    faults: tuple[Fault, ...] = ()

    def is_wrong(self, name: str) -> bool:
        """Return whether a setting of that name (in lower case) cannot be used."""
        return any(fault.field == f"POSTILJON_{name.upper()}" for fault in self.faults)


def configuration() -> Configuration:
    """Return the settings. Raises ``SettingsFaults`` with all faults, and ``OwnerError``."""
    found = look()
    if found.faults:
        raise SettingsFaults(found.faults)
    ownership.refuse_foreign(found.campaign.data, found.campaign.database)
    return found


def look(*, refuse_foreign: bool = True) -> Configuration:
    """Return the settings, with all their faults."""
    folder, keys = ownership.refuse_others()
    if refuse_foreign:
        ownership.refuse_foreign(folder, "")  # the secrets are read next
    return _read(list(unknown(KINDS)), keys)


def look_again(stored: Mapping[str, str]) -> Configuration:
    """Return the settings with those that the database keeps, below all others, with all their faults."""
    with with_stored(stored):
        return _read([], settings_file.load())


def _read(faults: list[Fault], keys: Keys | None) -> Configuration:
    campaign = read_all(CampaignSettings, faults)
    mailer = read_all(MailerSettings, faults)
    reader = read_all(ReaderSettings, faults)
    return Configuration(campaign, mailer, reader, keys, tuple(faults))


def named_files(settings: Configuration) -> Iterator[PostiljonError]:
    """Return the faults of the files that settings name."""
    try:
        _check_dkim(settings.mailer)
    except PostiljonError as error:
        yield error
    if settings.campaign.brand is not None:
        from campaigns.source.campaign_source import house_brand

        try:
            house_brand(settings.campaign.brand, "")
        except FaultsError as error:
            yield error
        except PostiljonError as error:
            place = settings.keys and settings.keys.line("brand")
            file = str(settings.keys.path) if settings.keys and place else ""
            yield SettingsFaults([SettingFault(file, place or 0, "POSTILJON_BRAND", "", str(error))])


def one_error(errors: Iterable[PostiljonError]) -> None:
    """Raise the errors: one as it is, several together. Nothing is raised for none."""
    found = list(errors)
    if len(found) == 1:
        raise found[0]
    if found:
        raise SettingsFaults([fault for error in found for fault in faults_of(error)])


def faults_of(error: PostiljonError) -> tuple[Fault, ...]:
    """Return the faults of an error; a plain sentence is one fault."""
    return error.faults if isinstance(error, FaultsError) else (SettingFault("", 0, "", "", str(error)),)


def _check_dkim(mailer: MailerSettings) -> None:
    """Refuse now a key that cannot sign, not when the first letter is due."""
    pem = mailer.dkim_pem()
    if pem is not None:
        from mailer.letter.dkim import Signer

        Signer(pem, mailer.dkim_selector, mailer.dkim_domain)
