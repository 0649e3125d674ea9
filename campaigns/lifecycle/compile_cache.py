"""Compiled letters by what they were made from, so that a page that shows a letter again compiles nothing.

Promises: the outcome is that of the given ``compile`` for an equal source: text, head, images, brand, addresses and day
are all in the key, each by its value. A letter that is used goes to the end of the row; those at its beginning leave
when all together have more than ``most`` bytes. Errors are not kept. One letter that two threads ask for at once is
compiled once. The slow path is ``compile`` itself. Raises what ``compile`` raises.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from typing import Any

from campaigns.lifecycle.compiling import Compile
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource

MOST = 32_000_000  # bytes


class CompileCache:
    """A ``compile`` that remembers. ``most``: bytes of all letters that are kept."""

    def __init__(self, compile_letter: Compile, most: int = MOST) -> None:
        self._compile, self._most = compile_letter, most
        self._kept: OrderedDict[str, tuple[Compiled, int]] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: dict[str, threading.Lock] = {}

    def __call__(self, source: LetterSource) -> Compiled:
        """Return the compiled letter."""
        key = key_of(source)
        with self._lock:
            turn = self._turns.setdefault(key, threading.Lock())
        try:
            with turn:
                return self._found(key) or self._made(key, source)
        finally:
            with self._lock:
                self._turns.pop(key, None)

    @property
    def size(self) -> int:
        """The bytes of the letters that are kept."""
        with self._lock:
            return sum(size for _, size in self._kept.values())

    def _found(self, key: str) -> Compiled | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def _made(self, key: str, source: LetterSource) -> Compiled:
        compiled = self._compile(source)
        size = _size(compiled)
        with self._lock:
            if size <= self._most:
                self._kept[key] = compiled, size
            while sum(size for _, size in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
        return compiled


def key_of(source: LetterSource) -> str:
    """Return the hash over every value of a source; equal sources have the same."""
    return hashlib.sha256(json.dumps(_plain(source), sort_keys=True).encode()).hexdigest()


def _plain(value: object) -> Any:
    if isinstance(value, bytes):
        return {"bytes": hashlib.sha256(value).hexdigest()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value


def _size(compiled: Compiled) -> int:
    texts = len(compiled.letter.to_bytes()) + len(compiled.public_html) + len(compiled.public_text)
    return texts + sum(len(image.data) for image in compiled.images)
