"""The changes of each revision, in a line for the person who upgrades. A test compares it with ``KNOWN``."""

from __future__ import annotations

from collections.abc import Mapping

from mailer.messages import Message

CHANGES: Mapping[str, Message] = {
    "0001": Message("the tables of the first release"),
    "0002": Message("descriptions of topics, in each language that readers have"),
    "0003": Message("whom a service letter is for"),
    "0004": Message("statements of mail servers about mailboxes, with their dates"),
    "0005": Message("the learnt pace of a relay or a domain"),
    "0006": Message("service mail that waits for the relay instead of being held"),
    "0007": Message("limits on sign-ups that count with a row each"),
    "0008": Message(
        "the console: colleagues, their sessions, the audit trail, settings, versions of campaigns, reports"
    ),
}
