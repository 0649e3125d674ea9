"""Nothing that a stranger sends to any page makes a traceback, or an answer that says it was our fault."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from campaigns.app import public_pages
from mailer.storage import Database
from tests.support import web
from tests.support.fuzz import ask, attempts, every_page
from tests.support.site import Town, serving

CLEAN = {0, 200, 204, 304, 400, 403, 404, 405, 408, 410, 413, 422, 429, 431, 501}
MOST_LINES = 2  # two are uvicorn's, of who asks for a WebSocket


def test_every_page_answers_every_broken_request_without_a_traceback(
    house_database: Database, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    town = Town(house_database)
    deps = town.deps()
    caplog.set_level(logging.WARNING)
    seen: Counter[int] = Counter()
    wrong = []
    with serving(public_pages(deps)) as site:
        pages = every_page(site, town)
        assert len(pages) > 30
        for page in pages:
            for request in list(attempts(page.encode()))[:: 2 if town.db.is_sqlite else 7]:
                status = ask(site, request)
                seen[status] += 1
                told = capfd.readouterr()
                log = told.out + told.err + caplog.text
                caplog.clear()
                if status not in CLEAN or "Traceback" in log or log.count("\n") > MOST_LINES:
                    wrong.append((page, status, request[:300], log[-2000:]))
        assert web.get(site.url("/health")).status_code == 200
    assert wrong == []
    assert {200, 400, 404, 405} <= set(seen)
