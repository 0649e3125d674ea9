"""The output of the command line, in the language of the environment (``LC_ALL``, ``LC_MESSAGES``, ``LANG``).

Promises: results go to standard output, complaints and progress to standard error. JSON is one object or list on one
line of standard output. Nothing that is printed is a command to the terminal. Only :func:`writing` raises here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

from campaigns.terminal import harmless
from mailer import files, journal
from mailer.errors import Fault, FaultsError, InputError, PostiljonError, SettingFault
from mailer.messages import in_words
from templates.words import LANGUAGES, primary, words

if TYPE_CHECKING:
    from mailer.outcome import RelayEvent


def language() -> str:
    """``nl`` or ``en``, from the environment (POSIX: the first of the three that is set)."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if os.environ.get(name):
            found = primary(os.environ[name])
            return found if found in LANGUAGES["cli"] else "en"
    return "en"


LANGUAGE = language()
_ = words(LANGUAGE, "cli").gettext
ngettext = words(LANGUAGE, "cli").ngettext
ADVICE = {  # the next step that a message names, as a command
    "import": _("'postiljon contacts import' makes it."),
    "import_topic": _("'postiljon contacts import FILE --topic {slug}' makes it"),
    "plan_again": _("plan it again with its file ('postiljon schedule')"),
    "resume": _("'postiljon resume {slug}' carries on"),
    "send_now": _("To send it now: postiljon send {file} --yes"),
    "send_or_plan": _("Send it with 'resume', or plan it again"),
    "serving": _("where 'postiljon serve' runs"),
    "start_sender": _("start 'postiljon serve' or 'postiljon worker', or send the file again"),
    "status": _("look with 'postiljon status'"),
    "take": _("change it there, or bring this file there: postiljon campaign take {slug} FILE"),
}


def translated(text: str) -> str:
    """Return a message in the language in use; any other text as it is."""
    return in_words(text, _, ADVICE)


def say(text: str = "") -> None:
    """Print a line on standard output."""
    print(harmless(translated(text)), flush=True)


def complain(text: str) -> None:
    """Print a line on standard error."""
    print(harmless(translated(text)), file=sys.stderr, flush=True)


def report_waiting(event: RelayEvent) -> None:
    """Say that the relay is silent, or asks us to wait, while a command waits for it."""
    if event.code:
        text, words = _("The mail server takes no mail now, it says: {words}. We keep waiting."), event.text.rstrip(".")
        complain(text.format(words=f"{event.code} {words}"))
    else:
        complain(_("The mail server does not answer: {words}. We keep waiting.").format(words=translated(event.text)))


def tell(value: Mapping[str, Any] | list[Any]) -> None:
    """Print JSON for a program: names and numbers as they are, messages in the language in use."""
    print(harmless(json.dumps(_in_words(value), ensure_ascii=False, default=str)), flush=True)


def _in_words(value: Any) -> Any:
    """Return a value of JSON with its messages translated."""
    if isinstance(value, Mapping):
        return {key: _in_words(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_words(item) for item in value]
    return translated(value) if isinstance(value, str) else value


_OURS = frozenset({"secrets.toml", "postiljon.toml", journal.FILE})
_INPUTS = frozenset({"-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"})
_DEAR = (".toml", ".md", ".pem", ".key", ".svg", ".xlsx", ".ods")
_STARTS = (b"---\n", b"---\r\n", b"\xef\xbb\xbf---", b"-----BEGIN", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"PK\x03\x04")
_BESIDE, _SQLITE = ("-wal", "-shm", "-waiting"), b"SQLite format 3\0"


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """Yield the named file, for its owner alone; it appears, complete, when the block ends.

    Raises ``InputError`` when that place cannot be written, or holds a file that Postiljon needs.
    """
    writable(path)
    try:
        with files.replaced(path) as file:
            yield file
    except OSError as error:
        text = _("{path} cannot be written: {why}")
        raise InputError(text.format(path=path, why=error.strerror or error)) from None


def writable(path: Path, begins: bytes = b"") -> None:
    """Refuse to overwrite a needed file, before anything is done: a file of the installation, a letter, a key.

    ``begins``: how an earlier file of the same kind begins; then no other existing file is overwritten.
    """
    name = Path(os.path.realpath(path)).name
    ours = path.name in _OURS or name in _OURS or path.name.endswith(_BESIDE) or name.endswith(_BESIDE)
    if ours or files.begins_with(path, _SQLITE):
        raise InputError(_("{path} is a file of Postiljon's own: name another one to write to").format(path=path))
    if path.is_dir():
        raise InputError(_("{path} is a folder: name a file to write to").format(path=path))
    if str(path) in _INPUTS:
        raise InputError(_("{path} is the standard input: name a file to write to").format(path=path))
    dear = name.endswith(_DEAR) or any(files.begins_with(path, start) for start in _STARTS)
    other = path.is_file() and path.stat().st_size and begins and not files.begins_with(path, begins)
    if (dear and path.is_file()) or other:
        text = _("{path} is there already, and is something else: name another file, or move it away")
        raise InputError(text.format(path=path))


def refuse_input(path: Path, read: Iterable[Path], option: str) -> None:
    """Refuse to write to a file that is read, under any of its names; raises before anything is done."""
    if any(files.same(path, other) for other in read):
        import typer

        raise typer.BadParameter(_("name another file than the one that is read"), param_hint=option)


@contextmanager
def writing_text(path: Path) -> Iterator[TextIO]:
    """Yield the same for a text in UTF-8 whose line ends are written as they are."""
    with writing(path) as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        yield text
        text.flush()
        text.detach()


def number(value: int) -> str:
    """Return the number as ``12,431`` or ``12.431``."""
    shown = f"{value:,}"
    return shown.replace(",", ".") if LANGUAGE == "nl" else shown


def people(count: int) -> str:
    """Return ``1 person``, ``12,431 people``."""
    return ngettext("{number} person", "{number} people", count).format(number=number(count))


def faults(found: Iterable[Fault]) -> None:
    """Print each fault in words."""
    for fault in found:
        complain(one_fault(fault))


def one_fault(fault: Fault) -> str:
    """Return a fault with its place, the value found, the value expected, and the remedy."""
    if isinstance(fault, SettingFault):
        return _closed(translated(fault.words))
    warning = _("warning") + ": " if fault.severity == "warning" else ""
    return warning + translated(fault.words)


def as_told(found: PostiljonError) -> dict[str, object]:
    """Return an error as JSON: the names for programs, the sentences in the language in use."""
    if not isinstance(found, FaultsError):
        return found.as_json()
    return found.as_json() | {"message": "\n".join(one_fault(fault) for fault in found.faults)}


def error(found: PostiljonError, as_json: bool) -> None:
    """Print one of our own errors: JSON on standard output, or words on standard error."""
    if as_json:
        tell(as_told(found))
    elif isinstance(found, FaultsError):
        faults(found.faults)
    else:
        complain(_closed(translated(str(found))))


def _closed(message: str) -> str:
    """Return the message with a full stop; none behind a difference or a command, of which it would be a part."""
    plain = message.rstrip(".")
    return plain if "\n" in plain or plain.endswith(("?", "!")) else _("{message}.").format(message=plain)
