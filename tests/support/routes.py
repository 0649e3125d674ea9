"""Every public address of the whole house, as its composition root puts them together."""

from __future__ import annotations

from starlette.routing import Route

from campaigns.app import public_app
from campaigns.context import open_context
from campaigns.ops.installation import install

ALIASES = ("/u/{token}/{other}", "/o/test")  # documented with another route


def public_routes() -> set[str]:
    """The paths that ``serve`` answers. Makes a house in the working directory."""
    install()
    house = open_context()
    try:
        paths = {
            route.path for router in public_app(house).routers for route in router.routes if isinstance(route, Route)
        }
    finally:
        house.close()
    return {path.replace(":path", "") for path in paths if path == "/" or not path.endswith("/")} - set(ALIASES)
