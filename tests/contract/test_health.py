"""A flood of questions after ``/health`` costs one trial a second, and changes nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import event

from mailer.storage import Database
from tests.support import web
from tests.support.site import Town, serving
from unsubscribe.endpoint import public_app


def test_however_many_ask_one_trial_runs_at_a_time(house_database: Database) -> None:
    town, writes = Town(house_database), []
    before = town.everything()

    def count(_conn: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("INSERT INTO allowance"):
            writes.append(statement)

    event.listen(house_database.engine, "before_cursor_execute", count)
    with serving(public_app(town.deps())) as site, ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: web.get(site.url("/health")).status_code, range(64)))
    event.remove(house_database.engine, "before_cursor_execute", count)
    assert set(answers) == {200}
    assert 1 <= len(writes) < 32
    assert town.everything() == before
