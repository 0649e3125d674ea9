"""The exception hierarchy of the project.

::

    PostiljonError
    ├── InputError            a value from a command or a file cannot be used           blame: input
    │   ├── UsageError        the value of an option or argument cannot be read
    │   │   └── AddressError  a mail address
    │   ├── FaultsError       several faults at once, each with its place
    │   ├── SettingsError     a setting, or a set of them
    │   │   ├── SettingsFaults  several of them, each with its setting and its place
    │   │   ├── ContactMissing  the organisation has no sender address for letters to readers
    │   │   └── OwnerError      the data folder, or a file in it, belongs to another user of the machine
    │   └── TokenError        a link that is forged, broken, or has another purpose (blame: reader)
    ├── StateError            the present state does not allow the request                blame: state
    │   └── StateHeld         the same, for now: paused, held, or another process was faster
    ├── StorageError          the database                                               blame: house
    │   ├── StorageBusy       locked for longer than the waiting time; try again
    │   ├── StorageAway       cannot be reached, or was lost; try again
    │   │   └── StorageRefused    access is refused: not a database, no such database, a wrong password
    │   ├── StorageFull       no room; try again when there is
    │   └── SchemaError       older or newer than this code; run ``postiljon init``
    ├── MachineShort          the machine has no memory, thread or process left         blame: house
    └── TransportError        the connection to the relay                                blame: relay
        ├── RelayAway         no connection, or it was lost; try again
        └── RelayRefused      the relay refuses us: greeting, EHLO, STARTTLS, AUTH

Each class states whether a retry can help (``permanent``) and the side at fault (``blame``). Every library error is
mapped to one of these classes where the library is called. ``exit_code`` is the exit code of the command line
(contract: 1 wrong input, 2 usage, 3 stopped before the end and can be run again).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

from mailer.messages import Message, joined, without_stop

Blame = Literal["input", "reader", "state", "house", "relay"]
FAULT = Message("{place}: {field}: found {found}; expected {expected}")
FOUND = Message("found {found}; expected {expected}")
ENVIRONMENT = Message("environment")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, its place and its remedy: file and line (1-based, 0 for the whole file)."""

    file: str
    line: int
    field: str
    found: str
    expected: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return self.words

    @property
    def words(self) -> str:
        """The fault as a sentence, with its place and its remedy."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = FAULT.format(place=place, field=self.field, found=self.found, expected=self.expected)
        return joined(". ", [text, self.hint])

    def as_json(self) -> dict[str, object]:
        """Return the same as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SettingFault(Fault):
    """A setting that cannot be used. ``field``: its name; ``file``: the file with it, "" for the environment.

    Without ``found``, the text of ``expected`` is a complete sentence.
    """

    @property
    def words(self) -> str:
        """The fault as a sentence, with its place and its remedy."""
        text: str = FOUND.format(found=self.found, expected=self.expected) if self.found else self.expected
        if self.field:
            place = f"{self.file}:{self.line}" if self.line else self.file or ENVIRONMENT
            text = joined("", [self.field, ": ", without_stop(text), " (", place, ")"])
        return joined(". ", [without_stop(text), self.hint]) if self.hint else text


class PostiljonError(Exception):
    """Root of the hierarchy. ``str(error)`` is a sentence for the user."""

    permanent: ClassVar[bool] = True
    blame: ClassVar[Blame] = "house"
    exit_code: ClassVar[int] = 3

    def as_json(self) -> dict[str, object]:
        """Return this error as ``--json`` prints it."""
        return {"error": type(self).__name__, "message": str(self), "permanent": self.permanent}


class InputError(PostiljonError):
    """A value in a command or a file cannot be used."""

    blame: ClassVar[Blame] = "input"
    exit_code: ClassVar[int] = 1


class UsageError(InputError):
    """An option or argument has a value that cannot be read: the command line must be changed."""

    exit_code: ClassVar[int] = 2


class FaultsError(InputError):
    """Several faults at once, so that the user can correct them together."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def as_json(self) -> dict[str, object]:
        """Return the same, with each fault."""
        return {**super().as_json(), "faults": [fault.as_json() for fault in self.faults]}


class SettingsError(InputError):
    """A setting is missing, malformed, or contradicts another."""


class SettingsFaults(SettingsError, FaultsError):
    """All faults of the settings, so that the user can correct them together."""


class OwnerError(SettingsError):
    """The data folder, or a file in it, belongs to a user other than the one that runs this command."""


class ContactMissing(SettingsError):
    """The organisation has no sender address for letters to readers; nothing was changed."""


class AddressError(UsageError):
    """A typed mail address that mail cannot be sent to. A wrong address in a file is a fault of that file instead."""


class TokenError(InputError):
    """A token that is forged, damaged, expired, or made for another purpose. The reader gets one generic answer."""

    blame = "reader"


class StateError(PostiljonError):
    """The present state does not allow the request, and a retry does not help."""

    blame = "state"
    exit_code: ClassVar[int] = 1


class StateHeld(StateError):
    """The object is paused or held, or another process was faster; once that is settled, the same command works."""

    permanent = False
    exit_code: ClassVar[int] = 3


class StorageError(PostiljonError):
    """The database did not carry out the request."""


class StorageBusy(StorageError):
    """Another process held the lock for longer than the waiting time."""

    permanent = False


class StorageConflict(StorageBusy):
    """Another transaction conflicted with this one (a deadlock): an immediate retry may well succeed."""


class StorageAway(StorageError):
    """The database cannot be reached, or the connection was lost."""

    permanent = False


class StorageRefused(StorageAway):
    """The address leads to a file that is not a database, or to a server that refuses access."""

    permanent = True
    exit_code: ClassVar[int] = 1


class StorageFull(StorageError):
    """The disk is full; nothing was changed."""

    permanent = False


class SchemaError(StorageError):
    """The database was made by another version; ``postiljon init`` migrates it."""


class MachineShort(PostiljonError):
    """The machine has no memory, thread or process left; once it has, the same command works."""

    permanent = False


class TransportError(PostiljonError):
    """The connection to the relay failed."""

    blame = "relay"
    permanent = False


class RelayAway(TransportError):
    """The relay cannot be reached, or the connection was lost before a message's final dot."""


class RelayRefused(TransportError):
    """The relay answers but refuses the session: at the greeting, EHLO, STARTTLS or AUTH. Holds the campaign."""

    def __init__(self, message: str, code: int = 0, stage: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.stage = stage
