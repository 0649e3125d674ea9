"""A campaign as its author wrote it: the head of the file checked field by field, and the text of the letter.

Promises: :func:`read` finds every fault of the head at once, each with file, line, field, found and expected. Where a
word looks like a valid one, the fault has "did you mean". It always gives a :class:`Definition` too, with stand-ins for
wrong values, so that the text can be checked in the same go. :func:`parse` raises ``FaultsError`` instead. Pure: text
in, values out. Other modules check that the topic exists, the brand file can be read and DNS knows the sender.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from campaigns.source import mailboxes
from campaigns.source.front_matter import Head, did_you_mean, show, split
from campaigns.source.local_time import ClockChangeError, day, instant, zone
from mailer.errors import Fault, FaultsError
from mailer.letter.slots import compile_expression
from mailer.messages import Message

KEYS = (
    *(
        "slug",
        "name",
        "subject",
        "preheader",
        "from",
        "reply_to",
        "language",
        "topic",
        "layout",
        "date",
        "send_at",
        "timezone",
    ),
    *("brand", "segment", "in_doubt", "send_before", "rate", "online", "tracking"),
)
REQUIRED = ("slug", "subject", "from", "language", "topic")
LAYOUTS, ONLINE = ("letter", "plain"), ("unlisted", "public", "none")
TRACKING, IN_DOUBT = ("none", "aggregate"), ("hold", "send_again")
LONGEST = 1_000  # characters of a value
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_TOPIC = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")

Day = date


@dataclass(frozen=True, slots=True)
class Definition:
    """The contents of a campaign file. Times are in UTC; ``date`` is None when the day of sending is meant."""

    file: str
    slug: str = "campaign"
    name: str = ""
    subject: str = "-"
    preheader: str = ""
    from_name: str = ""
    from_address: str = "sender@example.org"
    reply_to: str = ""
    language: str = "en"
    topic: str = "topic"
    layout: str = "letter"
    date: Day | None = None
    send_at: datetime | None = None
    timezone: str = ""
    brand: str = ""
    segment: str = ""
    in_doubt: str = ""
    send_before: datetime | None = None
    rate: int | None = None
    online: str = "unlisted"
    tracking: str = "none"
    body: str = field(default="", repr=False)
    body_line: int = 1
    source: str = field(default="", repr=False)
    lines: Mapping[str, int] = field(default_factory=dict, repr=False)

    @property
    def zone(self) -> ZoneInfo:
        """The campaign's own time zone; UTC when it states none."""
        return ZoneInfo(self.timezone or "UTC")

    def day(self, launch: datetime) -> Day:
        """Return the day of the letter: ``date``, else of ``send_at``, else of launch, in the campaign's zone."""
        return self.date or (self.send_at or launch).astimezone(self.zone).date()

    def at_line(self, fault: Fault) -> Fault:
        """Return a fault of the text with the line of its field in this file."""
        named = "from" if fault.field.startswith("from") else fault.field
        line = fault.line or (self.lines.get(named, 0) if fault.file == self.file else 0)
        return replace(fault, line=line)


def parse(text: str, file: str) -> Definition:
    """Return the definition in ``text``; raises ``FaultsError`` with every fault of the head."""
    definition, faults = read(text, file)
    if any(fault.severity == "error" for fault in faults):
        raise FaultsError(faults)
    return definition


def read(text: str, file: str) -> tuple[Definition, list[Fault]]:
    """Return the definition, with stand-ins for wrong values, and every fault of the head (warnings among them)."""
    head = split(text, file, KEYS)
    checker = _Checker(file, head)
    values = checker.values()
    definition = Definition(file, body=head.body, body_line=head.body_line, source=text, lines=head.lines, **values)
    return definition, sorted([*head.faults, *checker.faults], key=lambda fault: fault.line)


class _Wrong(Exception):
    """One value is wrong: the expected one, and perhaps a hint."""

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected)
        self.expected, self.hint = expected, hint


class _Checker:
    """Turns the values of a head into those of a definition and collects the faults."""

    def __init__(self, file: str, head: Head) -> None:
        self.file, self.head = file, head
        self.faults: list[Fault] = []

    def values(self) -> dict[str, Any]:
        """Return the fields that are given and valid."""
        found: dict[str, Any] = {}
        self._missing()
        for key, check in self._checks().items():
            text = self.head.values.get(key, "")
            if not text:
                continue
            try:
                found[key] = check(text[: LONGEST + 1])  # checks may take the square of a length
                if len(text) > LONGEST:
                    raise _Wrong(Message("{number} characters at most", number=LONGEST))
            except _Wrong as wrong:
                self._fault(key, show(text), wrong.expected, wrong.hint)
        if "from" in found:
            found["from_name"], found["from_address"] = found.pop("from")
        self._moments(found)
        self._quotes()
        return found

    def _checks(self) -> dict[str, Callable[[str], Any]]:
        return {
            "slug": self._slug,
            "name": str,
            "subject": self._subject,
            "preheader": str,
            "from": self._mailbox(mailboxes.sender),
            "reply_to": self._mailbox(mailboxes.bare),
            "language": self._language,
            "topic": self._topic,
            "layout": self._one_of(LAYOUTS),
            "date": lambda text: self._try(day, text),
            "timezone": self._timezone,
            "brand": self._brand,
            "segment": self._segment,
            "in_doubt": self._one_of(IN_DOUBT),
            "rate": self._rate,
            "online": self._one_of(ONLINE),
            "tracking": self._one_of(TRACKING),
        }

    def _missing(self) -> None:
        if not self.head.values and self.head.faults:
            return  # there is no head at all, which is reported already
        for key in REQUIRED:
            if not self.head.values.get(key) and not any(fault.field == key for fault in self.head.faults):
                self._fault(key, Message("nothing"), Message("a value for {key}", key=key), self._example(key))

    def _example(self, key: str) -> str:
        return Message("For example: {example}", example=_EXAMPLES[key])

    def _moments(self, found: dict[str, Any]) -> None:
        """Read ``send_at`` and ``send_before``: local times, so they need the zone."""
        for key in ("send_at", "send_before"):
            text = self.head.values.get(key, "")
            if not text or ("timezone" in self.head.values and "timezone" not in found):
                continue  # the fault of the zone is reported already
            if "timezone" not in found:
                self._fault(key, show(text), Message("a timezone beside it"), self._example("timezone"))
                continue
            try:
                found[key] = self._try(lambda text: instant(text, zone(found["timezone"])), text)
            except _Wrong as wrong:
                self._fault(key, show(text), wrong.expected, wrong.hint)
        if found.get("send_at") and found.get("send_before") and found["send_before"] <= found["send_at"]:
            self._fault("send_before", repr(self.head.values["send_before"]), Message("a time after send_at"))

    def _try(self, check: Callable[[str], Any], text: str) -> Any:
        try:
            return check(text)
        except ClockChangeError as error:
            raise _Wrong(Message("a time that exists once"), str(error)) from None
        except ValueError as error:
            raise _Wrong(str(error)) from None

    def _slug(self, text: str) -> str:
        if _SLUG.fullmatch(text) and len(text) <= 64:
            return text
        plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:64].strip("-")
        hint = Message("Did you mean {word}?", word=plain) if plain else ""
        raise _Wrong(Message("lower-case letters, digits and hyphens, at most 64, such as denkt-u-mee"), hint)

    def _subject(self, text: str) -> str:
        if len(text) > 988:
            raise _Wrong(Message("a subject of at most 988 characters"))
        return text

    def _mailbox(self, check: Callable[[str], Any]) -> Callable[[str], Any]:
        def checked(text: str) -> Any:
            try:
                return check(text)
            except mailboxes.WrongMailbox as wrong:
                raise _Wrong(wrong.expected, wrong.hint) from None

        return checked

    def _language(self, text: str) -> str:
        if not _TAG.fullmatch(text):
            raise _Wrong(Message("a language tag such as nl, en or nl-BE (RFC 5646)"))
        return text

    def _topic(self, text: str) -> str:
        if not _TOPIC.fullmatch(text):
            raise _Wrong(Message("the short name of a topic: lower-case letters, digits and hyphens"))
        return text

    def _timezone(self, text: str) -> str:
        try:
            return zone(text).key
        except ValueError as error:
            raise _Wrong(str(error), _like_a_zone(text)) from None

    def _brand(self, text: str) -> str:
        if text.startswith("/") or ".." in text.split("/"):
            raise _Wrong(Message("a file beside the campaign file, such as brand.toml"))
        return text

    def _segment(self, text: str) -> str:
        try:
            compile_expression(text, "en")
        except FaultsError as error:
            fault = error.faults[0]
            raise _Wrong(fault.expected, fault.hint or self._example("segment")) from None
        return text

    def _rate(self, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not int(text):
            raise _Wrong(Message("a whole number of mails a minute, 1 or more"))
        return int(text)

    def _one_of(self, words: tuple[str, ...]) -> Callable[[str], str]:
        def check(text: str) -> str:
            if text in words:
                return text
            raise _Wrong(Message("one of {words}", words=", ".join(words)), did_you_mean(text, words))

        return check

    def _quotes(self) -> None:
        """Warn about quotes: they are literal here, which an author used to YAML may not expect."""
        for key in ("subject", "preheader"):
            text = self.head.values.get(key, "")
            if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
                self._fault(
                    key,
                    Message("quotes around the text"),
                    Message("the text itself: the quotes will be seen"),
                    warns=True,
                )

    def _fault(self, key: str, found: str, expected: str, hint: str = "", *, warns: bool = False) -> None:
        line = self.head.lines.get(key, 0)
        self.faults.append(Fault(self.file, line, key, found, expected, hint, "warning" if warns else "error"))


_EXAMPLES = {
    "slug": "slug: denkt-u-mee",
    "subject": "subject: Denkt u mee over regionale samenwerking?",
    "from": "from: VNG <info@vng.nl>",
    "language": "language: nl",
    "topic": "topic: verenigingsnieuws",
    "timezone": "timezone: Europe/Amsterdam",
    "segment": 'segment: contact.city == "Utrecht"',
}


def _like_a_zone(text: str) -> str:
    by_place = {name.rpartition("/")[2].lower(): name for name in sorted(available_timezones()) if "/" in name}
    near = by_place.get(text.lower().replace(" ", "_").rpartition("/")[2])
    if near:
        return Message("Did you mean {word}?", word=near)
    return did_you_mean(text, tuple(available_timezones()))
