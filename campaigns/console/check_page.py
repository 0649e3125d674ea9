"""*Check*: every fault and warning of a saved letter in plain words, and the place of each.

The page has what the text, the people and the set-up say. What DNS says about the sender takes some seconds, so it
comes later, into the same page, or on a page of its own where there is no script. Addresses in the letter are not
fetched: whether a link works is not looked at, and the page says so.
"""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console import letters
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.ops import doctor
from campaigns.review import checking, preflight
from campaigns.review.checking import Checked
from campaigns.staff.rights import Right

DNS_SECONDS = 8.0


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/campaigns/{slug}/check", show=show, is_slow=True),
        ConsoleRoute("/campaigns/{slug}/check/sender", show=show_sender, is_slow=True),
    ]


def show(visit: Visit) -> Response:
    """Show what was found in text, people and set-up."""
    letter = letters.opened(visit, whole=False)
    campaign = letter.campaign
    if campaign.origin == "file":  # its pictures and brand lie in a folder, where the command has looked
        return visit.page("check.html", letter=letter, campaign=campaign, found=None, by_rule=checking.by_rule)
    found = checking.examine(
        visit.console.launch_config,
        letter.source,
        visit.now,
        code=campaign.online_code,
        send_at=campaign.send_at,
        beside=doctor.contact_missing(visit.console.app),
    )
    return visit.page(
        "check.html", letter=letter, campaign=campaign, found=_seen(visit, found), by_rule=checking.by_rule
    )


def show_sender(visit: Visit) -> Response:
    """Show what DNS says about the sender, alone or as a part of the page."""
    letter, app = letters.opened(visit, whole=False), visit.console.app
    sender = doctor.sender_of(app, letter.source.definition.from_address)
    found = checking.of_sender(sender, letter.source, preflight.asker(app.campaign.dns, together=DNS_SECONDS))
    name = "check_sender_part.html" if visit.is_fragment else "check_sender.html"
    values = {"letter": letter, "campaign": letter.campaign, "found": found, "by_rule": checking.by_rule}
    return visit.page(name, **values, domain=sender.domain)


def _seen(visit: Visit, found: Checked) -> Checked:
    """Return the same without personal values where the user may not see them."""
    if visit.may(Right.CONTACTS):
        return found
    must, look = (tuple(map(checking.discreet, some)) for some in (found.must, found.look))
    return Checked(must, look, found.fine, found.notes, found.prepared)
