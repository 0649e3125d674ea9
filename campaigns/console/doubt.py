"""Deliveries that need a decision: those in doubt, and those that were refused while a rule holds a campaign.

Promises: both choices on a doubt are given with their consequence, and neither is the default. A user without the right
to contacts sees addresses masked. Deciding is a use case of :mod:`campaigns.lifecycle.control`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from starlette.responses import Response

from campaigns.console import follow_words, progress
from campaigns.console.following import noted
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import audience, control, records
from campaigns.lifecycle.states import CampaignState
from campaigns.staff.audit import Verb
from campaigns.staff.rights import Right
from mailer import outbox
from mailer.address import mask
from mailer.errors import PostiljonError
from mailer.outbox import Doubt, RefusedDelivery

MOST_SHOWN, WORDS_SHOWN = 200, 3
_CHOICES: dict[str, Literal["send_again", "treat_as_sent"]] = {
    "send_again": "send_again",
    "treat_as_sent": "treat_as_sent",
}


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    base = "/campaigns/{slug}"
    return [
        ConsoleRoute(f"{base}/doubt", show=show, act=decide, right=Right.SEND),
        ConsoleRoute(f"{base}/hold", show=show_hold, right=Right.SEND),
        ConsoleRoute(f"{base}/send-again", act=send_again, right=Right.SEND),
    ]


def show(visit: Visit) -> Response:
    """Show the people of whom nobody knows whether they got it."""
    return _page(visit, {})


def decide(visit: Visit) -> Response:
    """Decide for all, or for the chosen people."""
    slug, _ = visit.path["slug"], visit.words.gettext
    wanted, _sign, some = visit.form.one("choice").partition(":")
    choice = _CHOICES.get(wanted)
    addresses: list[str] = []
    if choice is None:
        return _page(visit, {"choice": _("Choose one of the buttons.")})
    if some:
        with visit.read() as conn:
            chosen = set(visit.form.all("who"))
            addresses = [item.address for item in control.doubts(conn, slug) if str(item.delivery) in chosen]
        if not addresses:
            return _page(visit, {"who": _("Tick the people that you decide for.")})
    try:
        note = noted(visit, Verb.DECIDE, choice)
        decided = control.decide(visit.console.db, slug, choice, addresses, visit.now, note)
    except PostiljonError as error:
        return visit.problem(error, 409, f"/campaigns/{slug}/doubt")
    if not decided.rows:
        return _page(visit, {"choice": _("Nothing was decided: nobody is in doubt any more.")})
    waits = choice == "send_again" and decided.campaign.state in (CampaignState.PAUSED, CampaignState.HELD)
    return visit.go(f"/campaigns/{slug}/follow", "decided_waits" if waits else f"decided_{choice}")


def show_hold(visit: Visit) -> Response:
    """Show why a rule holds the campaign, and the refusals in the words of the servers."""
    slug = visit.path["slug"]
    with visit.read() as conn:
        found = progress.of_slug(conn, slug, visit.console.seen, visit.now)
        number = found.campaign.mailing_id
        answers = outbox.first_refusals(conn, number, WORDS_SHOWN) if number is not None else []
        planned = audience.count_planned(conn, found.campaign) if number is None else 0
    said: dict[str, list[RefusedDelivery]] = {}
    for answer in answers:
        said.setdefault(answer.reason, []).append(answer)
    shown = {"said": said, "planned": planned, "shown": _shown_to(visit), "f": follow_words}
    return visit.page("hold.html", campaign=found.campaign, p=found, **shown)


def send_again(visit: Visit) -> Response:
    """Send again to the people who were refused for a reason; never while held, since that would release all others."""
    slug, reason = visit.path["slug"], visit.form.one("reason")
    note = noted(visit, Verb.SEND_AGAIN, "refused")
    try:
        control.send_refused(visit.console.db, slug, reason, visit.now, note, releases=False)
    except PostiljonError as error:
        return visit.problem(error, 409, f"/campaigns/{slug}/hold")
    return visit.go(f"/campaigns/{slug}/follow", "sent_again")


def _page(visit: Visit, errors: dict[str, str]) -> Response:
    with visit.read() as conn:
        campaign = records.get(conn, visit.path["slug"])
        found: list[Doubt] = control.doubts(conn, campaign.slug)
    return visit.page(
        "doubt.html",
        422 if errors else 200,
        campaign=campaign,
        people=found[:MOST_SHOWN],
        number=len(found),
        errors=errors,
        chosen=set(visit.form.all("who")),
        shown=_shown_to(visit),
        f=follow_words,
    )


def _shown_to(visit: Visit) -> Callable[[str], str]:
    """Return how an address is shown to this user."""
    return str if visit.may(Right.CONTACTS) else mask
