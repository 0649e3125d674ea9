"""The body of a request to the console: fields as they were typed, line breaks too, and files; with limits.

Promises: no more than the route's limit of bytes is read, within the time of :mod:`unsubscribe.web.forms`; a large
body, which only a user with a session may send, has two minutes and is taken apart in a thread. Characters
that no text has (NUL, other controls) are removed; line breaks become ``\\n``. A body that cannot be read is an empty
form. Raises ``HTTPException`` 413 and 408.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.types import Message

from mailer.control_characters import IN_TEXT
from unsubscribe.web import forms

MOST_BYTES = 256 * 1024
MOST_FIELDS, MOST_FILES = 1_000, 20
UPLOAD_SECONDS = 120.0  # for a body that is larger than MOST_BYTES


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a form. ``name``: as its sender called it; not to be trusted."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form, each with its values in order, and its files."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    files: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict, repr=False)

    def one(self, name: str) -> str:
        """Return the last value of a field on one line, without spaces around it; "" for none."""
        return " ".join(self.text(name).split())

    def text(self, name: str) -> str:
        """Return the last value of a field as it was typed; "" for none."""
        return self.fields.get(name, ("",))[-1]

    def all(self, name: str) -> tuple[str, ...]:
        """Return all values of a field, such as those of checkboxes."""
        return self.fields.get(name, ())

    def file(self, name: str) -> Upload | None:
        """Return the last file of a field that was not left empty."""
        given = [each for each in self.files.get(name, ()) if each.name]
        return given[-1] if given else None


async def read(request: Request, most: int = MOST_BYTES) -> Form:
    """Return the form in the body of a request, of ``most`` bytes at most."""
    seconds = forms.BODY_TIMEOUT if most <= MOST_BYTES else UPLOAD_SECONDS
    data = await forms.body(request, most, seconds)
    if len(data) <= MOST_BYTES:
        return await _parsed(request, data, most)
    return await asyncio.to_thread(asyncio.run, _parsed(request, data, most))


async def _parsed(request: Request, data: bytes, most: int) -> Form:
    """Return the form in these bytes."""

    async def again() -> Message:
        return {"type": "http.request", "body": data, "more_body": False}

    try:
        found = await Request(request.scope, again).form(
            max_fields=MOST_FIELDS, max_files=MOST_FILES, max_part_size=most
        )
    except (MultiPartException, HTTPException, ValueError, KeyError):
        return Form()
    fields: dict[str, list[str]] = {}
    files: dict[str, list[Upload]] = {}
    for name, value in found.multi_items():
        if isinstance(value, UploadFile):
            files.setdefault(name[:100], []).append(Upload(value.filename or "", await value.read()))
        else:
            fields.setdefault(name[:100], []).append(cleaned(value))
    await found.close()
    return Form(
        {name: tuple(some) for name, some in fields.items()}, {name: tuple(some) for name, some in files.items()}
    )


def cleaned(value: str) -> str:
    """Return a typed text with plain line breaks and without control characters."""
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(IN_TEXT.sub("", line) for line in lines)
