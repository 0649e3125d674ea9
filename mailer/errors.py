"""The one tree of errors.

::

    PostiljonError
    ├── InputError            somebody typed or wrote something that cannot be used     blame: input
    │   ├── UsageError        the value of an option or argument cannot be read
    │   │   └── AddressError  a mail address
    │   ├── FaultsError       several faults at once, each with its place
    │   ├── SettingsError     a setting, or a set of them
    │   │   ├── SettingsFaults  several of them, each with its setting and its place
    │   │   ├── ContactMissing  the organisation has no address to write to readers from
    │   │   └── OwnerError      the data folder, or a file in it, belongs to another user of the machine
    │   └── TokenError        a link that is not ours, is broken, or is of another purpose (blame: reader)
    ├── StateError            asked for something that the present state does not allow   blame: state
    │   └── StateHeld         the same, for now: paused, held, or somebody was faster
    ├── StorageError          the database                                               blame: house
    │   ├── StorageBusy       locked longer than we wait; try again
    │   ├── StorageAway       cannot be reached, or was lost; try again
    │   │   └── StorageRefused    it will have none of us: no database, a wrong password
    │   ├── StorageFull       no room; try again when there is
    │   └── SchemaError       older or newer than this code; run ``postiljon init``
    ├── MachineShort          the machine has no memory, thread or process left         blame: house
    └── TransportError        the way to the relay                                       blame: relay
        ├── RelayAway         no connection, or it was lost; try again
        └── RelayRefused      the relay refuses us: greeting, EHLO, STARTTLS, AUTH

Each class says whether trying again can help (``permanent``) and whose fault it is (``blame``). Every error
of a library that we call is mapped to one of these where it is called. ``exit_code`` is what the command
line ends with (contract: 1 wrong input, 2 usage, 3 stopped before the end and can be run again).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

Blame = Literal["input", "reader", "state", "house", "relay"]
N_ = str  # marks a text for the catalogue (domain cli)
FOUND = N_("found {found}; expected {expected}")
ENVIRONMENT = N_("environment")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, where, and what to do: file and line (1-based, 0 if the whole file)."""

    file: str
    line: int
    field: str
    found: str
    expected: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        text = f"{place}: {self.field}: found {self.found}; expected {self.expected}"
        return f"{text}. {self.hint}" if self.hint else text

    def as_json(self) -> dict[str, object]:
        """Return the same as a JSON object."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class SettingFault(Fault):
    """A setting that cannot be used. ``field``: its name; ``file``: where it stands, "" for the environment.

    Without ``found`` the words of ``expected`` are a sentence of their own.
    """

    def __str__(self) -> str:
        return self.in_words(str)

    def in_words(self, _: Callable[[str], str]) -> str:
        """Return the sentence, in the language of ``_``."""
        text = _(self.expected)
        if self.found:
            text = _(FOUND).format(found=_(self.found), expected=text)
        if self.field:
            place = f"{self.file}:{self.line}" if self.line else self.file or _(ENVIRONMENT)
            text = f"{self.field}: {text.rstrip('.')} ({place})"
        return f"{text.rstrip('.')}. {_(self.hint)}" if self.hint else text


class PostiljonError(Exception):
    """Root of the tree. ``str(error)`` is a sentence for the person who reads it."""

    permanent: ClassVar[bool] = True
    blame: ClassVar[Blame] = "house"
    exit_code: ClassVar[int] = 3

    def as_json(self) -> dict[str, object]:
        """Return this error as ``--json`` prints it."""
        return {"error": type(self).__name__, "message": str(self), "permanent": self.permanent}


class InputError(PostiljonError):
    """Somebody typed or wrote something that cannot be used."""

    blame: ClassVar[Blame] = "input"
    exit_code: ClassVar[int] = 1


class UsageError(InputError):
    """An option or argument has a value that cannot be read: the command is to be typed otherwise."""

    exit_code: ClassVar[int] = 2


class FaultsError(InputError):
    """Several faults at once, so that a person mends them in one go."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def as_json(self) -> dict[str, object]:
        """Return the same, with each fault."""
        return {**super().as_json(), "faults": [fault.as_json() for fault in self.faults]}


class SettingsError(InputError):
    """A setting is missing, malformed, or contradicts another."""


class SettingsFaults(SettingsError, FaultsError):
    """All that is wrong with the settings, so that a person mends them in one go."""


class OwnerError(SettingsError):
    """The data folder, or a file in it, belongs to another user than the one who runs this command."""


class ContactMissing(SettingsError):
    """The organisation has no address that a letter to a reader could come from: nothing was changed."""


class AddressError(UsageError):
    """Not an address that mail can be sent to. One in a file is a fault of that file; this one was typed."""


class TokenError(InputError):
    """A token that is forged, damaged, expired, or made for another purpose. The reader gets one generic answer."""

    blame = "reader"


class StateError(PostiljonError):
    """The present state does not allow what was asked, and asking again does not help."""

    blame = "state"
    exit_code: ClassVar[int] = 1


class StateHeld(StateError):
    """It is paused or held, or somebody was faster: once that is settled the same command works."""

    permanent = False
    exit_code: ClassVar[int] = 3


class StorageError(PostiljonError):
    """The database did not do what it was asked."""


class StorageBusy(StorageError):
    """Somebody else held the lock for longer than we wait."""

    permanent = False


class StorageConflict(StorageBusy):
    """Another transaction stood in the way of this one (a deadlock): the same again, at once, may well succeed."""


class StorageAway(StorageError):
    """The database cannot be reached, or the connection was lost."""

    permanent = False


class StorageRefused(StorageAway):
    """The address leads to something that is no database of ours, or that does not let us in."""

    permanent = True
    exit_code: ClassVar[int] = 1


class StorageFull(StorageError):
    """There is no room on the disk; nothing was changed."""

    permanent = False


class SchemaError(StorageError):
    """The database was made by another version; ``postiljon init`` migrates it."""


class MachineShort(PostiljonError):
    """The machine has no memory, thread or process left for us; once it has, the same command works."""

    permanent = False


class TransportError(PostiljonError):
    """The way to the relay."""

    blame = "relay"
    permanent = False


class RelayAway(TransportError):
    """No connection to the relay, or it was lost before a message's final dot."""


class RelayRefused(TransportError):
    """The relay answers and refuses us: greeting, EHLO, STARTTLS or AUTH. Holds the campaign."""

    def __init__(self, message: str, code: int = 0, stage: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.stage = stage
