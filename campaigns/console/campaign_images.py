"""The images of a draft, as the browser shows them beside the text.

Promises: the bytes are those that letters get. The answer allows nothing but to be shown: its policy is a sandbox, and
its type is that of the file (``nosniff``). A name that the draft does not have is 404.
"""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts
from mailer import archive
from mailer.errors import InputError
from mailer.letter.picture import picture
from mailer.messages import Message

POLICY = "sandbox; default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns/{slug}/images/{name:path}", show=show)]


def show(visit: Visit) -> Response:
    """Answer with an image."""
    name = visit.path["name"]
    with visit.read() as conn:
        images = drafts.images_of(conn, drafts.current(conn, visit.path["slug"]))
        if name not in images:
            raise InputError(Message("there is no image {name}", name=repr(name)))
        data = archive.image_data(conn, images[name])
    headers = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "content-disposition": "inline"}
    return Response(data, 200, headers, picture(data).image.media_type)
