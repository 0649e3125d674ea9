"""The console: pages for staff, in Dutch and English. Starlette and Jinja2; htmx improves pages that work without it.

Promises: it decides nothing that the use cases below do not decide. Every route has an access rule and a right, checked
before its handler runs (:mod:`.routing`), and every form has a token of its session. GET and HEAD change nothing but
the note of when a session was used, and that the audit trail was read. Handlers are plain functions that run in a few
threads of their own, so that no page holds up the event loop, which answers readers.
the note of when a session was used, and the audit trail: looking up a person and downloading are acts. Handlers are
plain functions that run in a few threads of their own, so that no page holds up the event loop, which answers readers.

:mod:`.context` has the shared objects, :mod:`.visit` what a handler gets. Pages are in :file:`templates/console`.
"""

from __future__ import annotations

from campaigns.console import (
    account,
    account_totp,
    audit_trail,
    campaign_images,
    campaign_list,
    campaign_new,
    campaign_page,
    campaign_text,
    campaign_versions,
    check_page,
    confirming,
    contact_pages,
    doubt,
    following,
    joining,
    overview,
    people,
    people_pages,
    planned,
    preview_page,
    proof,
    report_pages,
    settings,
    settings_brand,
    settings_relay,
    settings_topics,
    setup,
    setup_contacts,
    sign_in,
    test_page,
    when,
)
from campaigns.console.context import Console
from campaigns.console.routing import ConsoleRoute, mounted, mounted_alone
from campaigns.console.site import POLICY, assets
from unsubscribe.web.application import WebRouter

__all__ = ["Console", "console_routes", "routers"]


def console_routes() -> list[ConsoleRoute]:
    """Return every route of the console, in the order in which they are tried."""
    return [
        *sign_in.routes(),
        *overview.routes(),
        *campaign_list.routes(),
        *campaign_new.routes(),
        *campaign_page.routes(),
        *campaign_text.routes(),
        *campaign_images.routes(),
        *campaign_versions.routes(),
        *joining.routes(),
        *proof.routes(),
        *account.routes(),
        *account_totp.routes(),
        *people.routes(),
        *audit_trail.routes(),
        *settings.routes(),
        *settings_relay.routes(),
        *settings_brand.routes(),
        *settings_topics.routes(),
        *setup.routes(),
        *setup_contacts.routes(),
        *preview_page.routes(),
        *test_page.routes(),
        *check_page.routes(),
        *when.routes(),
        *confirming.routes(),
        *planned.routes(),
        *following.routes(),
        *doubt.routes(),
        *report_pages.routes(),
        *people_pages.routes(),
        *contact_pages.routes(),
    ]


def routers(console: Console) -> list[WebRouter]:
    """Return the routers of the console, routes with a policy of their own first."""
    own = [route for route in console_routes() if route.policy]
    rest = [route for route in console_routes() if not route.policy]
    return [
        *(WebRouter([mounted_alone(console, route)], route.policy) for route in own if route.policy),
        WebRouter([assets(console), *mounted(console, rest)], POLICY),
    ]
