"""The audience of a launched campaign, frozen page after page while senders run.

Promises: each page is one transaction (:mod:`campaigns.lifecycle.audience`), and between two pages the lock is free
for others. After a crash another process goes on where this one was. Raises the errors of the database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from campaigns.lifecycle import audience, segments
from campaigns.lifecycle.records import Campaign
from campaigns.source.definition import read
from mailer import outbox
from mailer.storage import Database

LONGEST_PAUSE = 0.05  # seconds between two pages: as long as the last page took, at most this


def freeze_page(db: Database, campaign: Campaign, now: datetime) -> bool:
    """Freeze one more page of the audience of a launched campaign; return whether it is whole now."""
    if campaign.mailing_id is None:
        return True
    keep = segments.keep(read(campaign.source, campaign.file_name)[0].segment, campaign.language)
    with db.write() as conn:
        mailing = outbox.get(conn, campaign.mailing_id)
        if mailing.audience_complete or mailing.state == "closed":
            return True
        return audience.add_page(conn, mailing, keep, now)


def freeze(db: Database, campaign: Campaign, clock: Callable[[], datetime], wanted: Callable[[], bool]) -> bool:
    """Freeze page after page, while ``wanted``; return whether the audience is whole."""
    while wanted():
        begun = time.monotonic()
        if freeze_page(db, campaign, clock()):
            return True
        time.sleep(min(time.monotonic() - begun, LONGEST_PAUSE))
    return False
