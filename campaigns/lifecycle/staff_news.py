"""The sender's news for staff: a campaign is held, in doubt or finished; the relay does not answer.

Promises: each is told once: *held* and *finished* with each change of the state, in its transaction; *in doubt* once
for a campaign; the relay once a day, when no running sender had an answer for ``AWAY``. A mail that cannot be written
(a brand that cannot be read) stops no campaign: it is logged and left out. Raises the errors of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from campaigns.lifecycle import records
from campaigns.lifecycle.records import Campaign
from campaigns.lifecycle.staff_mail import StaffMailer
from campaigns.lifecycle.states import CampaignState
from campaigns.staff import users
from campaigns.staff.mails import StaffMail
from mailer import outbox
from mailer.errors import PostiljonError, StorageError
from mailer.outbox import service
from mailer.storage import Database

AWAY = timedelta(minutes=10)
_WITH_DOUBTS = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.HELD)
log = structlog.get_logger("postiljon.staff")


class StaffNews:
    """Tells staff what a sender noticed. ``mailer`` is made when there is something to tell."""

    def __init__(self, db: Database, mailer: Callable[[], StaffMailer]) -> None:
        self._db, self._mailer = db, mailer
        self._complained = False

    def ready(self, kind: StaffMail, now: datetime) -> StaffMailer | None:
        """Return the mailer with the letters of a kind compiled; None where nobody wants it, or it cannot be."""
        try:
            with self._db.read() as conn:
                if not users.wanting(conn, kind):
                    return None
                mailer = self._mailer()
                mailer.prepare(conn, kind, now)
                return mailer
        except StorageError:
            raise
        except PostiljonError as error:
            if not self._complained:
                log.warning("no mail to staff can be written", error=str(error))
            self._complained = True
            return None

    @staticmethod
    def occasion(campaign: Campaign, now: datetime) -> str:
        """Return the subject of a mail about a change of a campaign, which may change that way again."""
        return f"{campaign.id}-{int(now.timestamp())}"

    def look(self, now: datetime, finished: Sequence[Campaign] = ()) -> None:
        """Tell of doubts in campaigns under way (and in those that just finished), and of a relay that is away."""
        with self._db.read() as conn:
            doubtful = [campaign for campaign in self._under_way(conn, finished) if _doubts(conn, campaign)]
            since = service.away_since(conn)
        for campaign in doubtful:
            self._once(StaffMail.IN_DOUBT, str(campaign.id), now)
        if since is not None and now - since >= AWAY:
            self._once(StaffMail.RELAY_AWAY, f"0-{now:%Y%m%d}", now)

    def _under_way(self, conn: Connection, finished: Sequence[Campaign]) -> list[Campaign]:
        return [*records.in_states(conn, _WITH_DOUBTS), *finished]

    def _once(self, kind: StaffMail, about: str, now: datetime) -> None:
        with self._db.read() as conn:
            wanting = users.wanting(conn, kind)
            mailer = self._mailer() if wanting else None
            if mailer is None or all(mailer.was_told(conn, kind, user, about) for user in wanting):
                return
        if self.ready(kind, now):
            with self._db.write() as conn:
                mailer.tell(conn, kind, about, now)


def _doubts(conn: Connection, campaign: Campaign) -> int:
    return outbox.get(conn, campaign.mailing_id).counts.in_doubt if campaign.mailing_id is not None else 0
