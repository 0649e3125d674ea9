"""The versions of a campaign: who saved when, what differs from the present one, and the way back to one.

Promises: a version that is brought back becomes a new version; none is lost by it.
"""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console import differences, faults
from campaigns.console.actors import namer
from campaigns.console.campaign_text import FIELDS, shown_values
from campaigns.console.forms import cleaned
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts, versions
from campaigns.lifecycle.drafts import DraftConflict
from campaigns.lifecycle.versions import Version
from campaigns.source.writing import body_of
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer.errors import InputError
from mailer.messages import Message

MOST = 200


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/campaigns/{slug}/versions", show=show),
        ConsoleRoute(
            "/campaigns/{slug}/versions/{number}", show=show_one, act=bring_back, act_right=Right.WRITE, is_slow=True
        ),
    ]


def show(visit: Visit) -> Response:
    """Show the list of versions."""
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        found = versions.all_of(conn, draft.campaign.id, MOST)
        name_of = namer(conn, visit.words)
    return visit.page(
        "campaign_versions.html", campaign=draft.campaign, versions=found or [draft.version], name_of=name_of, most=MOST
    )


def show_one(visit: Visit) -> Response:
    """Show what differs between a version and the present one."""
    number = _number(visit)
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        version = draft.version if number == draft.version.number else versions.get(conn, draft.campaign.id, number)
        name_of = namer(conn, visit.words)
    old, new = shown_values(version.source), shown_values(draft.version.source)
    labels = {key: faults.field_name(visit.words, key) for key in FIELDS}
    return visit.page(
        "campaign_version.html",
        campaign=draft.campaign,
        draft=draft,
        version=version,
        who=name_of(version.made_by),
        fields=[
            (labels[key][:1].upper() + labels[key][1:], old[key], new[key]) for key in FIELDS if old[key] != new[key]
        ],
        images=_images(version, draft.version),
        diff=differences.between(cleaned(body_of(version.source)), cleaned(body_of(draft.version.source))),
    )


def bring_back(visit: Visit) -> Response:
    """Make a version the present one again, as a new version."""
    slug, number = visit.path["slug"], _number(visit)
    try:
        with visit.write() as conn:
            draft = drafts.current(conn, slug)
            wanted = versions.get(conn, draft.campaign.id, number)
            base = versions.with_hash(conn, draft.campaign.id, visit.form.one("read"))
            if base is None or base.hash != draft.version.hash:
                raise DraftConflict(draft.version)
            content = wanted.source, wanted.images
            drafts.save(conn, draft, content, "saved", visit.origin.actor, visit.now)
            visit.record(conn, Act(Verb.BRING_BACK, "campaign", slug, ("version",)))
    except DraftConflict:
        return visit.go(f"/campaigns/{slug}/versions/{number}", "changed_meanwhile")
    return visit.go(f"/campaigns/{slug}", "version_back")


def _images(old: Version, new: Version) -> dict[str, list[str]]:
    """Return the names of the images that only one of two versions has, or that differ."""
    return {
        "removed": sorted(name for name, digest in old.images.items() if new.images.get(name) != digest),
        "added": sorted(name for name, digest in new.images.items() if old.images.get(name) != digest),
    }


def _number(visit: Visit) -> int:
    text = visit.path["number"]
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise InputError(Message("there is no version {number} of this campaign", number=text))
    return int(text)
