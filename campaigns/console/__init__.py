"""The console: pages for staff, in Dutch and English. Starlette and Jinja2; htmx improves pages that work without it.

Promises: it decides nothing that the use cases below do not decide. Every route has an access rule and a right, checked
before its handler runs (:mod:`.routing`), and every form has a token of its session. GET and HEAD change nothing but
the note of when a session was used, and the audit trail: looking up a person and downloading are acts. Handlers are
plain functions that run in a few threads of their own, so that no page holds up the event loop, which answers readers.

:mod:`.context` has the shared objects, :mod:`.visit` what a handler gets. Pages are in :file:`templates/console`.
"""

from __future__ import annotations

from campaigns.console import campaign_list, contact_pages, overview, people_pages, report_pages, sign_in
from campaigns.console.context import Console
from campaigns.console.routing import ConsoleRoute, mounted
from campaigns.console.site import POLICY, assets
from unsubscribe.web.application import WebRouter

__all__ = ["Console", "console_routes", "routers"]


def console_routes() -> list[ConsoleRoute]:
    """Return every route of the console, in the order in which they are tried."""
    return [
        *sign_in.routes(),
        *overview.routes(),
        *campaign_list.routes(),
        *report_pages.routes(),
        *people_pages.routes(),
        *contact_pages.routes(),
    ]


def routers(console: Console) -> list[WebRouter]:
    """Return the routers of the console, to be served beside those of readers."""
    return [WebRouter([assets(console), *mounted(console, console_routes())], POLICY)]
