"""Form input: read with limits of size and time, never trusted, and never raising a library's exception.

Promises: at most ``MOST_BYTES`` of a body are kept, however it is framed (chunked or not). A body that is not complete
after ``BODY_TIMEOUT`` seconds is given up (slow clients). Both content types of RFC 8058 section 3.2 are read, with any
or no charset. A body that cannot be parsed is an empty form: for an opt-out the token is the authority, and nothing in
the body is needed. Raises ``HTTPException`` 413, 408 or, when the client went away, ``ClientDisconnect``.
"""

from __future__ import annotations

import asyncio
import logging
import types
from collections.abc import Awaitable, Generator
from typing import Any, TypeVar
from urllib.parse import parse_qsl

from python_multipart import FormParser
from python_multipart.multipart import Field, File, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 64 * 1024
MOST_FIELDS = 200
LONGEST_VALUE = 2000
BODY_TIMEOUT = 10.0
logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it warns of each broken body: a stranger's words

Form = dict[str, list[str]]
T = TypeVar("T")


async def body(request: Request, most: int = MOST_BYTES, seconds: float = BODY_TIMEOUT) -> bytes:
    """Return the body of a request, within the limits; ``most``, ``seconds``: other limits than those of readers."""
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > most:
        raise HTTPException(413)
    there, rest = begin(_whole(request, most))
    if rest is None:
        return there or b""  # the whole body came with the head: no timer is needed
    try:
        async with asyncio.timeout(seconds):
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


async def _whole(request: Request, most: int) -> bytes:
    """Return the pieces of a body joined (ASGI: ``http.request``)."""
    kept = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        kept += message.get("body", b"")
        if len(kept) > most:
            raise HTTPException(413)
        if not message.get("more_body", False):
            return bytes(kept)


async def form(request: Request) -> Form:
    """Return the fields of a form, each with its values in order; control characters removed, long values cut."""
    return parse(await body(request), request.headers.get("content-type", ""))


def parse(data: bytes, content_type: str) -> Form:
    """Return the fields in ``data``. A body that is no form, or a broken one, has none."""
    try:
        pairs = _pairs(data, content_type)
    except ValueError:  # the library's errors are of this kind
        pairs = []
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


def _pairs(data: bytes, content_type: str) -> list[tuple[str, str]]:
    """Return names and values in order. Raises ``ValueError`` for a broken body, and for too many fields."""
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        text = data.decode("utf-8", "replace")
        return parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=MOST_FIELDS)
    boundary = options.get(b"boundary")
    return _multipart(data, boundary) if boundary else []


def _multipart(data: bytes, boundary: bytes) -> list[tuple[str, str]]:
    """Return the plain fields of a multipart body (RFC 7578); files are left out. Raises ``ValueError``."""
    parts: list[Field | File] = []

    def keep(part: Field | File) -> None:
        if len(parts) == MOST_FIELDS:
            raise ValueError("too many parts")
        parts.append(part)

    parser = FormParser("multipart/form-data", keep, keep, boundary=boundary)
    parser.write(data)
    parser.finalize()
    return [(_text(part.field_name), _text(part.value)) for part in parts if isinstance(part, Field)]


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "replace")


__all__ = ["ClientDisconnect", "Form", "body", "clean", "form", "one", "parse"]
