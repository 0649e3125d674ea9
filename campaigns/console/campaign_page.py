"""The page of a campaign: its state, what still has to be done, and the way on.

Promises: statuses come from the faults that stop a plan (:mod:`campaigns.lifecycle.task_list`). A campaign of a file is
shown and can be taken over; one that was launched leads to its progress and its report.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from campaigns.console import faults
from campaigns.console.actors import namer
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts, task_list
from campaigns.lifecycle.drafts import Draft
from campaigns.lifecycle.states import CampaignState
from campaigns.lifecycle.task_list import Task
from campaigns.staff import users
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from unsubscribe import contacts

SHOWN = 5  # colleagues that are named
_PLACES = {"text": "/text", "who": "/text", "when": "/when", "check": "/check"}


@dataclass(frozen=True, slots=True)
class ShownTask:
    """A task as the page shows it: where it leads, its status, and the reason in one line."""

    name: str
    href: str
    status: str
    reason: str


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    write = Right.WRITE
    return [
        ConsoleRoute("/campaigns/{slug}", show=show),
        ConsoleRoute("/campaigns/{slug}/put-away", act=put_away, right=write),
        ConsoleRoute("/campaigns/{slug}/bring-back", act=bring_back, right=write),
        ConsoleRoute("/campaigns/{slug}/take-over", act=take_over, right=write),
    ]


def show(visit: Visit) -> Response:
    """Show a campaign."""
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        name_of = namer(conn, visit.words)
        topic = contacts.find_topic(conn, draft.campaign.topic)
        senders = [] if visit.may(Right.SEND) else [one.shown for one in users.with_right(conn, Right.SEND)[:SHOWN]]
    is_open = drafts.is_open(draft.campaign)
    found = task_list.tasks(visit.console.app.launch_config, draft, visit.now) if is_open else []
    return visit.page(
        "campaign.html",
        campaign=draft.campaign,
        version=draft.version,
        changed_by=name_of(draft.version.made_by) if draft.version.made_by else "",
        is_open=is_open,
        tasks=[_shown(visit, draft, task, topic.name if topic else "") for task in found],
        onward=_onward(draft.campaign.state),
        senders=senders,
    )


def put_away(visit: Visit) -> Response:
    """Put a draft away."""
    slug = visit.path["slug"]
    with visit.write() as conn:
        drafts.put_away(conn, slug, visit.now)
        visit.record(conn, Act(Verb.PUT_AWAY, "campaign", slug))
    return visit.go(f"/campaigns/{slug}", "put_away")


def bring_back(visit: Visit) -> Response:
    """Bring a draft back."""
    slug = visit.path["slug"]
    with visit.write() as conn:
        drafts.bring_back(conn, slug, visit.now)
        visit.record(conn, Act(Verb.BRING_BACK, "campaign", slug))
    return visit.go(f"/campaigns/{slug}", "brought_back")


def take_over(visit: Visit) -> Response:
    """Make a campaign of a file one of the console."""
    slug = visit.path["slug"]
    with visit.write() as conn:
        drafts.take_over(conn, slug, visit.origin.actor, visit.now)
        visit.record(conn, Act(Verb.TAKE_OVER, "campaign", slug, ("origin",)))
    return visit.go(f"/campaigns/{slug}", "taken_over")


def _onward(state: CampaignState) -> str:
    """Return the page that a campaign on its way leads to; "" for a draft."""
    if state is CampaignState.SCHEDULED:
        return "/planned"
    if state in (CampaignState.FINISHED, CampaignState.CANCELLED):
        return "/report"
    return "/follow" if state in (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.HELD) else ""


def _shown(visit: Visit, draft: Draft, task: Task, topic: str) -> ShownTask:
    return ShownTask(task.name, _PLACES[task.name], task.status, _reason(visit, draft, task, topic))


def _reason(visit: Visit, draft: Draft, task: Task, topic: str) -> str:
    """Return why a task has its status, in one line."""
    words, _ = visit.words, visit.words.gettext
    if task.name == "when":
        hour = draft.campaign.send_at or draft.definition.send_at
        if task.status == "done" and hour:
            return words.moment(hour, draft.campaign.timezone)
        return _("You choose day and hour when you confirm.")
    if task.missing:
        return _missing(visit, task)
    if task.name == "check" and task.faults:
        number = len(task.faults)
        if task.status == "problem":
            text = words.ngettext("{number} point has to be mended.", "{number} points have to be mended.", number)
        else:
            text = words.ngettext("{number} point to look at.", "{number} points to look at.", number)
        return text.format(number=words.number(number))
    if task.faults:
        return faults.sentence(words, task.faults[0], draft.definition.body_line)
    if task.people is not None:
        if not task.people:
            return _("Nobody is subscribed to {topic}.").format(topic=topic)
        return _("{people}, subscribed to {topic}").format(people=words.people(task.people), topic=topic)
    return _("No problems found.") if task.name == "check" else ""


def _missing(visit: Visit, task: Task) -> str:
    _ = visit.words.gettext
    if task.name == "check":
        return _("This can be checked once text and topic are there.")
    if task.missing == ("topic",):
        return _("Choose a topic.")
    names = ", ".join(faults.field_name(visit.words, key) for key in task.missing)
    return _("Still missing: {names}.").format(names=names)
