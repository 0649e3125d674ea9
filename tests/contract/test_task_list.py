"""The tasks that are left for a draft: from the faults that stop a plan, found once for each version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from campaigns.lifecycle import drafts, task_list
from campaigns.lifecycle.compiling import compile_here
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.preparation import LaunchConfig
from mailer.letter.compiled import Compiled
from mailer.letter.source import LetterSource
from mailer.storage import Database
from tests.support.campaigning import TOPIC, CampaignSetup, campaign_setup
from tests.support.commandline import EXAMPLES

HEAD = {"subject": "Denkt u mee?", "preheader": "x", "from": "VNG <info@vng.nl>", "language": "nl", "topic": TOPIC}
BODY = "Beste lezer,\n\nHierbij nodigen wij u uit.\n"


@pytest.fixture
def setup(sqlite_database: Database, tmp_path: Path) -> CampaignSetup:
    return campaign_setup(sqlite_database, tmp_path)


def made(setup: CampaignSetup, body: str = BODY, **head: str) -> Draft:
    with setup.db.write() as conn:
        values = {key: value for key, value in (HEAD | head).items() if value}
        return drafts.create(conn, "Brief", values, body, "user:1", setup.clock())


def statuses(setup: CampaignSetup, draft: Draft, config: LaunchConfig | None = None) -> str:
    branded = replace(setup.config, brand=EXAMPLES / "vng.toml")  # one without a sender block would be a warning
    return " ".join(task.status for task in task_list.tasks(config or branded, draft, setup.clock()))


@pytest.mark.parametrize(
    ("body", "head", "expected"),
    [
        (BODY, {}, "done done to_do done"),
        ("", {"subject": ""}, "to_do done to_do to_do"),
        ("", {}, "in_progress done to_do to_do"),
        (BODY, {"from": ""}, "in_progress done to_do to_do"),
        (BODY, {"from": "nobody"}, "problem done to_do problem"),
        (BODY + "<b>vet</b>", {}, "problem done to_do problem"),
        (BODY, {"topic": ""}, "done to_do to_do to_do"),
        (BODY, {"topic": "onbekend"}, "done problem to_do problem"),
        (BODY + "[klik hier](https://example.org)\n", {}, "done done to_do in_progress"),
        (BODY, {"preheader": ""}, "done done to_do in_progress"),
        (BODY, {"send_at": "2024-09-18 09:00", "timezone": "Europe/Amsterdam"}, "done done done done"),
        (BODY, {"send_at": "2024-08-18 09:00", "timezone": "Europe/Amsterdam"}, "done done to_do done"),
    ],
)
def test_each_task_has_its_status(setup: CampaignSetup, body: str, head: dict[str, str], expected: str) -> None:
    assert statuses(setup, made(setup, body, **head)) == expected


def test_a_topic_that_nobody_is_subscribed_to_is_a_problem(setup: CampaignSetup) -> None:
    draft = made(setup)
    with setup.db.write() as conn:
        conn.exec_driver_sql("DELETE FROM subscription")
    setup.clock.forward(minutes=1)
    assert statuses(setup, draft) == "done problem to_do done"


def test_the_same_version_is_compiled_once_and_a_new_one_again(setup: CampaignSetup) -> None:
    compiled: list[str] = []

    def counting(source: LetterSource) -> Compiled:
        compiled.append(source.body)
        return compile_here(source)

    config = replace(setup.config, compile=counting, public_url="https://een.example.org")
    draft = made(setup)
    for _ in range(3):
        statuses(setup, draft, config)
    assert len(compiled) == 1
    with setup.db.write() as conn:
        content = draft.version.source + "Meer.\n", draft.version.images
        draft = drafts.save(conn, draft, content, "saved", "user:1", setup.clock())
    statuses(setup, draft, config)
    assert len(compiled) == 2


def test_a_brand_that_cannot_be_read_is_a_problem_and_no_error(setup: CampaignSetup) -> None:
    config = replace(setup.config, brand=setup.folder / "nowhere.toml")
    assert statuses(setup, made(setup), config) == "problem done to_do problem"
