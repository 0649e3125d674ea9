"""When a second factor is demanded: from senders and administrators, a week after their account was made."""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console.visit import Visit

_OPEN = ("/account", "/sign-out")


def demanded(visit: Visit, path: str) -> Response | None:
    """Return a redirect to the page that switches it on, where the time is over; pages of the account stay open."""
    since = visit.me.second_factor_from
    if since is None or visit.now < since or path.startswith(_OPEN):
        return None
    return visit.go("/account/second-factor", "second_factor_needed")
