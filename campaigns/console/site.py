"""The files of the console and the policy of its answers.

Promises: style sheet and script are named by their content and kept by browsers for ever. Nothing is loaded from
elsewhere, no page holds a style or a script of its own (brief, decision 5). Raises ``FileNotFoundError`` at the start
where the files were not built (``make setup``).
"""

from __future__ import annotations

import gzip
from functools import lru_cache, partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from campaigns.console.context import PREFIX, Console
from templates import console_asset, console_assets
from unsubscribe.web.security import SecurityPolicy
from unsubscribe.web.site import Asset

FOR_EVER = "public, max-age=31536000, immutable"
POLICY = SecurityPolicy(
    content_security_policy=(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
)
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}


@lru_cache(maxsize=1)
def files() -> dict[str, Asset]:
    """Return the built files by name."""
    found = {}
    for name in console_assets().values():
        data = console_asset(name)
        found[name] = Asset(name, _TYPES[name.rpartition(".")[2]], data, gzip.compress(data, 9, mtime=0))
    return found


def assets(console: Console) -> Route:
    """Return the route of these files."""
    files()
    return Route(f"{PREFIX}/a/{{name}}", partial(_asset, console))


async def _asset(_console: Console, request: Request) -> Response:
    found = files().get(request.path_params["name"])
    if found is None:
        raise HTTPException(404)
    headers = {"cache-control": FOR_EVER, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.gzipped, 200, headers | {"content-encoding": "gzip"}, found.media_type)
    return Response(found.data, 200, headers, found.media_type)
