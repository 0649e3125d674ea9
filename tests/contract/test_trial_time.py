"""A test mail to a relay that answers nothing: an end in time, and words."""

from __future__ import annotations

from pathlib import Path

import pytest

from campaigns.review import preview
from campaigns.review.preview import NO_ANSWER, TrialOptions
from campaigns.source.campaign_source import from_folder
from mailer.messages import Message
from mailer.settings import MailerSettings
from mailer.storage import Database
from mailer.transport.base import NotWritten, Unknown
from mailer.transport.smtp import SmtpTransport
from tests.support.console import console_setup
from tests.support.smtpd import Rule
from tests.support.threaded_relay import threaded_relay


@pytest.mark.parametrize(("at", "kind"), [("greeting", NotWritten), ("mail", NotWritten), ("dot", Unknown)])
def test_the_time_for_all_mails_ends_and_each_has_its_outcome(
    sqlite_database: Database, tmp_path: Path, at: str, kind: type
) -> None:
    with threaded_relay(Rule(at, "stall")) as relay:
        setup = console_setup(sqlite_database, tmp_path, 1)
        settings = MailerSettings(data=tmp_path, smtp_url=f"smtp://127.0.0.1:{relay.port}")
        context = setup.context()
        worker = context.worker_deps(SmtpTransport(settings.smtp_url, "mail.example.org"))
        source = from_folder(setup.write())
        options = TrialOptions(seconds=1.0)
        ((address, result),) = preview.send_tests(context.launch_config, worker, source, ["me@example.org"], options)
    assert address == "me@example.org"
    assert isinstance(result, kind)
    if at == "greeting":
        assert isinstance(result, NotWritten)
        assert isinstance(result.why, Message)
        assert result.why.msgid == NO_ANSWER.msgid
