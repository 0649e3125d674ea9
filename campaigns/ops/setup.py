"""The set-up as ``doctor`` looks at it: all faults, and an application context for the checks that are still possible.

Promises: each fault of a setting is a sentence of its own. Checks that depend on a faulty setting are named in
:attr:`Setup.unable`, so that nothing is reported twice. Raises ``OwnerError`` where another user owns the installation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from campaigns import migrations
from campaigns.context import AppContext, context_of, context_without_data, has_data, with_stored_settings, wrong_with
from campaigns.settings import configuration, ownership
from mailer.errors import Fault, PostiljonError, StorageError
from mailer.messages import Message
from mailer.settings_base import SECRETS
from mailer.settings_file import SettingsFileError

FindingKind = Literal["ok", "warning", "error"]
_OF_DATA = frozenset(
    {
        *("secrets", "files", "disk", "database", "writing", "clock", "counters", "backup"),
        *("service mail", "sender", "sign-ups"),
    }
)
_NEEDS = {
    "relay": ("smtp_url", "smtp_user", "smtp_password", "smtp_password_file", "hello_name"),
    "public address": ("public_url",),
    "organisation": ("organisation", "contact"),
    "DNS": ("dns", "contact", "return_path", "dkim_selector", "dkim_domain"),
}
_HOUSE = ("data", "database_url", "secret_keys", "pepper")


@dataclass(frozen=True, slots=True)
class Setup:
    """An application context, the faults of its settings, and the subjects that cannot be checked because of them."""

    context: AppContext | None
    faults: tuple[Fault, ...]
    foreign: str
    unable: frozenset[str]
    file: str


def look() -> Setup:
    """Check the settings and the files that they name."""
    try:
        settings = configuration.look(refuse_foreign=False)
    except SettingsFileError as error:
        others = ownership.foreign(error.path.parent, "") if error.path.name == SECRETS else []
        return Setup(None, error.faults, ownership.told(others) if others else "", frozenset(), "")
    foreign = ownership.foreign(settings.campaign.data, settings.campaign.database)
    errors = list(wrong_with(settings))
    wrong = [name for name in dict.fromkeys((*_HOUSE, *chain(*_NEEDS.values()))) if settings.is_wrong(name)]
    unable = {subject for subject, names in _NEEDS.items() if set(wrong) & set(names)}
    context = None
    if not set(wrong) & set(_HOUSE) and has_data(settings):
        try:
            context = context_of(settings)
            migrations.check(context.db)
            context = with_stored_settings(context)
        except StorageError as error:
            if context is None:
                errors.append(error)  # else the check of the database says it
        except PostiljonError as error:
            errors.append(error)
    faults = chain(settings.faults, *(configuration.faults_of(error) for error in errors))
    path = str(settings.keys.path) if settings.keys else ""
    return Setup(
        context or context_without_data(settings),
        tuple(faults),
        ownership.told(foreign) if foreign else "",
        frozenset(unable | (set() if context else _OF_DATA)),
        path,
    )


def findings(setup: Setup) -> Iterator[tuple[FindingKind, str, str]]:
    """Yield kind, subject and words of each fault."""
    for fault in setup.faults:
        yield "error", Message("settings"), fault.words
    if not setup.faults:
        text = (
            Message("complete; read from {path}") if setup.file else Message("complete; there is no file of settings")
        )
        yield "ok", Message("settings"), text.format(path=setup.file)
    elif setup.file:
        yield "ok", Message("settings"), Message("read from {path}", path=setup.file)
    if setup.foreign:
        yield "error", Message("files"), setup.foreign
