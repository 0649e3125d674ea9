"""``httpx`` for servers of our own on loopback: patient on a busy machine, and without the cost of certificates.

By itself httpx loads the certificates of all the world for each request, which takes twenty times as long as to ask.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import Any

import httpx

_OPTIONS: dict[str, Any] = {
    "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    "timeout": 120,
    "trust_env": False,
}
get = partial(httpx.get, **_OPTIONS)
head = partial(httpx.head, **_OPTIONS)
options = partial(httpx.options, **_OPTIONS)
post = partial(httpx.post, **_OPTIONS)
request = partial(httpx.request, **_OPTIONS)
client = partial(httpx.Client, **_OPTIONS)
