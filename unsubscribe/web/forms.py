"""Form input: read with limits of size and time, never trusted, and never raising a library's exception.

Promises: at most ``MOST_BYTES`` of a body are kept, however it is framed (chunked or not). A body that is not complete
after ``BODY_TIMEOUT`` seconds is given up (slow clients). Both content types of RFC 8058 section 3.2 are read, with any
or no charset. A body that cannot be parsed is an empty form: for an opt-out the token is the authority, and nothing in
the body is needed. Raises ``HTTPException`` 413, 408 or, when the client went away, ``ClientDisconnect``.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 64 * 1024
MOST_FIELDS = 200
LONGEST_VALUE = 2000
BODY_TIMEOUT = 10.0

Form = dict[str, list[str]]
T = TypeVar("T")


async def body(request: Request) -> bytes:
    """Return the body of a request, within the limits."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > MOST_BYTES:
        raise HTTPException(413)
    there, rest = begin(_whole(request))
    if rest is None:
        return there or b""  # the whole body came with the head: no timer is needed
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            return await rest
    except TimeoutError:
        raise HTTPException(408) from None


def begin(coming: Awaitable[T]) -> tuple[T | None, Awaitable[T] | None]:
    """Return the result if it is ready without a turn of the loop; else the rest, to be awaited by the same task."""
    steps = coming.__await__()
    try:
        waited_for = next(steps)
    except StopIteration as there:
        return there.value, None
    return None, _go_on(steps, waited_for)


@types.coroutine
def _go_on(steps: Generator[Any, Any, T], waited_for: Any) -> Generator[Any, Any, T]:
    """Continue an awaitable that :func:`begin` started and that waits for an event."""
    try:
        while True:
            try:
                given = yield waited_for
            except BaseException as error:  # the task was cancelled: pass that on to the started awaitable
                waited_for = steps.throw(error)
            else:
                waited_for = steps.send(given)
    except StopIteration as there:
        found: T = there.value
        return found


async def _whole(request: Request) -> bytes:
    """Return the pieces of a body joined (ASGI: ``http.request``)."""
    kept = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        kept += message.get("body", b"")
        if len(kept) > MOST_BYTES:
            raise HTTPException(413)
        if not message.get("more_body", False):
            return bytes(kept)


async def form(request: Request) -> Form:
    """Return the fields of a form, each with its values in order; control characters removed, long values cut."""
    return parse(await body(request), request.headers.get("content-type", ""))


def parse(data: bytes, content_type: str) -> Form:
    """Return the fields in ``data``. A body that is no form, or a broken one, has none."""
    kind, _, options = content_type.partition(";")
    if kind.strip().lower() == "multipart/form-data":
        pairs = _multipart(data, options)
    else:
        pairs = _urlencoded(data)
    fields: Form = {}
    for name, value in pairs[:MOST_FIELDS]:
        fields.setdefault(name[:100], []).append(clean(value))
    return fields


def clean(value: str) -> str:
    """Return a value fit to be stored: no control characters, no spaces around it, limited length."""
    kept = "".join(sign if sign.isprintable() else " " for sign in value[: LONGEST_VALUE + 1])
    return kept.strip()[:LONGEST_VALUE]


def one(fields: Form, name: str) -> str:
    """Return the last value of a field, or nothing."""
    return fields.get(name, [""])[-1]


def _urlencoded(data: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            data.decode("utf-8", "replace"), keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        return []


def _multipart(data: bytes, options: str) -> list[tuple[str, str]]:
    """Return the plain fields of a multipart body (RFC 7578); files are left out.

    Small enough to be read in one piece.
    """
    boundary = _option(options, "boundary").encode("utf-8", "replace")
    if not boundary:
        return []
    pairs: list[tuple[str, str]] = []
    for part in (b"\r\n" + data).split(b"\r\n--" + boundary)[1:]:
        if part.startswith(b"--"):
            break
        head, found, value = part.partition(b"\r\n\r\n")
        name = _field_name(head.decode("utf-8", "replace")) if found else ""
        if name:
            pairs.append((name, value.decode("utf-8", "replace")))
    return pairs


def _field_name(head: str) -> str:
    """Return the name in ``Content-Disposition: form-data; name="…"``; nothing for a file or another part."""
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        kind, _, options = value.partition(";")
        if key.strip().lower() == "content-disposition" and kind.strip().lower() == "form-data":
            return "" if _option(options, "filename") else _option(options, "name")
    return ""


def _option(options: str, wanted: str) -> str:
    for item in options.split(";"):
        key, _, value = item.partition("=")
        if key.strip().lower() == wanted:
            return value.strip().strip('"')
    return ""


__all__ = ["ClientDisconnect", "Form", "body", "clean", "form", "one", "parse"]
