"""The name of a browser in words, for the list of sessions: *Firefox, Windows*. Nothing else of the header is kept."""

from __future__ import annotations

from starlette.requests import Request

from campaigns.staff.sessions import Browser

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_of(request: Request, network: str) -> Browser:
    """Return the origin of a session: the network, and browser and system in words."""
    agent = request.headers.get("user-agent", "")[:500]
    found = [next((name for sign, name in known if sign in agent), "") for known in (_BROWSERS, _SYSTEMS)]
    return Browser(network, ", ".join(filter(None, found)))
