"""When a second factor is demanded: from senders and administrators, a week after their account was made."""

from __future__ import annotations

from datetime import datetime, timedelta

from starlette.responses import Response

from campaigns.console.visit import Visit
from campaigns.staff.rights import WITH_SECOND_FACTOR
from campaigns.staff.users import User

GRACE = timedelta(days=7)
_OPEN = ("/account", "/sign-out")


def needed_from(user: User) -> datetime | None:
    """Return when a user needs a second factor that is not switched on; None for never."""
    if user.has_totp or not WITH_SECOND_FACTOR & set(user.roles):
        return None
    return user.created_at + GRACE


def demanded(visit: Visit, path: str) -> Response | None:
    """Return a redirect to the page that switches it on, where the time is over; pages of the account stay open."""
    since = needed_from(visit.me)
    if since is None or visit.now < since or path.startswith(_OPEN):
        return None
    return visit.go("/account/second-factor", "second_factor_needed")
