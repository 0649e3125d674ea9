"""*See it*: the letter on a phone, on a desktop, dark, without images, as plain text, as a chosen person.

The letter itself is in a frame of its own address and policy (:mod:`.letter_frame`); this page has the choices as
links, and what a list of mails shows of it. Both are of one saved version, which the frame's address names by its hash.
"""

from __future__ import annotations

from starlette.responses import Response

from campaigns.console import letter_frame, letters
from campaigns.console.letter_frame import FRAME_POLICY
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.review.shown_letter import CLIPPED

VIEWS, LOOKS, IMAGES = ("phone", "desktop", "text"), ("light", "dark"), ("on", "off")


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/campaigns/{slug}/preview", show=show, is_slow=True),
        ConsoleRoute("/campaigns/{slug}/letter", show=frame, policy=FRAME_POLICY, is_slow=True),
    ]


def show(visit: Visit) -> Response:
    """Show the page."""
    letter = letters.opened(visit, visit.query("version"))
    readers = letters.readers(visit, letter.campaign.topic, visit.query("as"), visit.query("q"))
    shown = letters.shown(visit, letter, readers.chosen)
    return visit.page(
        "preview.html",
        letter=letter,
        campaign=letter.campaign,
        readers=readers,
        shown=shown,
        choice=_choice(visit),
        faults=[visit.words.said(fault.words) for fault in letter.faults if fault.severity == "error"],
        too_large=letter_frame.left_out(shown.images) if shown else 0,
        clipped=CLIPPED,
    )


def frame(visit: Visit) -> Response:
    """Show the letter alone, for the frame."""
    letter = letters.opened(visit, visit.query("version"))
    readers = letters.readers(visit, letter.campaign.topic, visit.query("as"))
    shown = letters.shown(visit, letter, readers.chosen)
    if shown is None:
        return visit.page("letter_missing.html", 409, campaign=letter.campaign)
    choice = _choice(visit)
    html = letter_frame.document(
        shown.html, shown.images, dark=choice["look"] == "dark", pictures=choice["images"] == "on"
    )
    return visit.answer(html.encode())


def _choice(visit: Visit) -> dict[str, str]:
    """Return what was chosen, each the first of its kind where nothing valid was."""
    kinds = {"view": VIEWS, "look": LOOKS, "images": IMAGES}
    asked = {name: visit.query(name) for name in kinds}
    return {name: asked[name] if asked[name] in some else some[0] for name, some in kinds.items()}
