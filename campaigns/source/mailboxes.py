"""The mailboxes in a campaign file: the sender of a letter, and the address for answers.

Promises: :func:`sender` takes one name with one address that every relay carries and everybody can answer. It refuses
all that a reader could take for another sender: a second address, an address in the name, a sign that reverses text.
Raises ``WrongMailbox`` with the expected text, and with a correction where one can be given. Pure.
"""

from __future__ import annotations

import re
import unicodedata

from mailer.address import Address, parse
from mailer.control_characters import DIRECTION
from mailer.errors import AddressError
from mailer.messages import Message

_MAILBOX = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]+)>")
_SOMEWHERE = re.compile(r"[^\s<>,;:()\"'@]+@[^\s<>,;:()\"'@]+\.[^\s<>,;:()\"'@.]+")
_AT = re.compile(r"[@\ufe6b\uff20]")


class WrongMailbox(Exception):
    """A text is not the mailbox that it should be."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected, self.hint = expected, hint


def sender(text: str) -> tuple[str, str]:
    """Return name and address of a From line."""
    match = _MAILBOX.fullmatch(text)
    name = match["name"].strip() if match else ""
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = name[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    if "{{" in name:
        raise WrongMailbox(Message("a name and an address that are the same for everybody"), "from: VNG <info@vng.nl>")
    expected = Message("an address, or a name with an address in angle brackets: VNG <info@vng.nl>")
    given = match["address"] if match else text
    if match is None or "@" in name:
        _refuse_several(text)
    if match is None and (found := _SOMEWHERE.findall(text)) and found[0] != text.strip():
        raise WrongMailbox(expected, _did_you_mean(_almost(text, found[0])))
    if _AT.search(name) and name.strip().lower() != given.strip().lower():
        hint = Message("It would look as if the letter came from there.")
        raise WrongMailbox(Message("a name without a mail address in it"), hint)
    if DIRECTION.search(name):
        raise WrongMailbox(Message("a name without signs that turn the text round"), Message("Type the name again."))
    return name, bare(given, expected)


def bare(text: str, expected: str = "") -> str:
    """Return an address alone, as for an answer; ``expected``: the words for any other text."""
    expected = expected or Message("one address alone, such as info@vng.nl")
    _refuse_several(text)
    found = _SOMEWHERE.findall(text)
    try:
        address = parse(text)
    except AddressError as error:
        other = found[0] if len(found) == 1 and found[0] != text.strip() else ""
        raise WrongMailbox(expected, _did_you_mean(other) if other else str(error)) from None
    if address.needs_smtputf8:
        plain = _in_plain_letters(address)
        words = Message("an address in plain letters: many mail servers do not carry others, and cannot answer them")
        raise WrongMailbox(words, _did_you_mean(plain) if plain else "")
    return str(address)


def _refuse_several(text: str) -> None:
    found = list({address.lower(): address for address in _SOMEWHERE.findall(text)}.values())
    if len(found) > 1:
        hint = Message("A letter has one sender. Choose one of {addresses}.", addresses=", ".join(found[:3]))
        raise WrongMailbox(Message("one address"), hint)


def _almost(text: str, address: str) -> str:
    """Return a name and an address without angle brackets, or with a sign too many, as it was probably meant."""
    name = text.replace(address, "").replace("mailto:", "").strip(" <>,;:()\"'")
    return f"{name} <{address}>" if name else address


def _did_you_mean(text: str) -> str:
    return Message("Did you mean {word}?", word=text)


def _in_plain_letters(address: Address) -> str:
    """Return the address without accents; empty where that does not make it ASCII."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", address.local) if not unicodedata.combining(sign))
    return f"{plain}@{address.domain}" if plain.isascii() else ""
