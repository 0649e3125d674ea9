"""The text of a form that could not be taken, because the session had ended or a proof was demanded.

Promises: nothing is stored: the fields travel, sealed under the keys of the installation, in the page that asks to
sign in or to prove, and are offered once more after it, on a page with one button. Only the user who typed them gets
them, within :data:`LASTS`, and only for the path that they were sent to. Passwords and codes are left out; files
cannot be kept. A text that was changed or made elsewhere is no kept form, and nothing is shown of it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.responses import Response

from campaigns.console.context import PREFIX
from campaigns.console.visit import Visit
from mailer.errors import SettingsError
from mailer.sealing import seal, unseal

PURPOSE = "kept form"
LASTS = timedelta(hours=12)
LONGEST = 700_000  # characters of a sealed form; a longer one is not kept
MOST_BYTES = 1_000_000  # of the body of a form that carries one
_SECRET = re.compile(r"password|secret|code|csrf|kept", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Kept:
    """A form that was typed by ``user`` for a path within the console."""

    path: str
    user: int
    fields: tuple[tuple[str, str], ...] = field(repr=False)
    has_files: bool = False


def sealed(visit: Visit, user: int) -> str:
    """Return the form of this request for the user, sealed; "" where it is too long."""
    request = visit.request
    path = request.url.path.removeprefix(PREFIX) or "/"
    fields = [(name, text) for name, texts in visit.form.fields.items() if not _SECRET.search(name) for text in texts]
    files = any(each.name for some in visit.form.files.values() for each in some)
    content = {"path": path, "user": user, "fields": fields, "files": files, "at": visit.now.isoformat()}
    made = seal(visit.console.app.keyring, PURPOSE, json.dumps(content, ensure_ascii=False))
    return made if len(made) <= LONGEST else ""


def opened(visit: Visit, text: str, user: int) -> Kept | None:
    """Return the form that :func:`sealed` kept for this user; None for any other text."""
    if not text or len(text) > LONGEST:
        return None
    try:
        found = json.loads(unseal(visit.console.app.keyring, PURPOSE, text))
    except SettingsError:
        return None
    if found["user"] != user or visit.now - datetime.fromisoformat(found["at"]) > LASTS:
        return None
    return Kept(found["path"], user, tuple((name, value) for name, value in found["fields"]), found["files"])


def offered(visit: Visit, kept: Kept) -> Response:
    """Show what was typed, and the button that sends it."""
    texts = [value for _name, value in kept.fields if value.strip()]
    return visit.page("kept.html", kept=kept, action=visit.url(kept.path), texts=texts)


def given(visit: Visit) -> str:
    """Return the sealed form that the page of this request carried on."""
    return visit.form.text("kept")[: LONGEST + 1]
