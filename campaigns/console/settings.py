"""The settings that the console can make: what is set and where, organisation, postal address and time zone.

Promises: a setting of the environment or of the file is shown with its place and cannot be changed here. What is saved
here is used within some seconds, since the processes then begin again (docs/decisions). Only the fields named here are
taken from a form. The audit trail names the changed keys, and no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.context import AppContext, with_stored_settings
from campaigns.settings import made_in_console, stored, stored_brand
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer import settings_base
from mailer.errors import PostiljonError
from unsubscribe import contacts

FIELDS = ("organisation", "contact", "timezone")
MOST_LINES, LONGEST_LINE = 6, 100


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/settings", show=show, right=Right.SETTINGS),
        ConsoleRoute("/settings/organisation", show=organisation, act=save_organisation, right=Right.SETTINGS),
    ]


def show(visit: Visit) -> Response:
    """Show what is set, and where each part is changed."""
    now = present(visit)
    with visit.read() as conn:
        topics = contacts.topics(conn)
        brand = stored_brand.read(stored.everything(conn))
    return visit.page(
        "settings.html", made=now, topics=topics, brand=brand, relay=now.mailer.smtp_url, places=places(visit)
    )


def organisation(visit: Visit) -> Response:
    """Show the form for the organisation."""
    now = present(visit)
    with visit.read() as conn:
        brand = stored_brand.read(stored.everything(conn))
    typed = {name: getattr(now.reader, name) for name in FIELDS}
    return _form(visit, typed | {"address": "\n".join(brand.address)})


def save_organisation(visit: Visit) -> Response:
    """Check and save it."""
    fixed = places(visit)
    typed: dict[str, str] = {name: visit.form.one(name) for name in FIELDS if not fixed[name]}
    lines = [" ".join(line.split()) for line in visit.form.text("address").split("\n")]
    address = tuple(line for line in lines if line)
    errors = _wrong(visit, typed, () if fixed["brand"] else address)
    if errors:
        now = present(visit)
        kept = {name: getattr(now.reader, name) for name in FIELDS} | typed
        return _form(visit, kept | {"address": visit.form.text("address")}, errors)
    with visit.write() as conn:
        by = visit.origin.actor
        changed = made_in_console.save(conn, typed, visit.console.app.keyring, by, visit.now)
        if not fixed["brand"]:
            brand = replace(stored_brand.read(stored.everything(conn)), address=address)
            changed += stored_brand.save(conn, brand, by, visit.now)
        note(visit, conn, "organisation", changed)
    return done(visit)


def places(visit: Visit) -> dict[str, str]:
    """Return for each setting where it is set above the console, in words; "" for one that may be changed here."""
    return {name: _place(visit, name) for name in (*made_in_console.KINDS, "brand")}


def present(visit: Visit) -> AppContext:
    """Return the settings as they are now, those that were saved a moment ago too."""
    return with_stored_settings(visit.console.app)


def note(visit: Visit, conn: Any, part: str, changed: Sequence[str]) -> None:
    """Note a change in the audit trail: the keys, no value."""
    if changed:
        visit.record(conn, Act(Verb.CHANGE_SETTING, "setting", part, tuple(changed)))


def done(visit: Visit, to: str = "/settings") -> Response:
    """Return to the page from which the form was opened."""
    return visit.go("/setup" if came_from_setup(visit) else to, "settings_saved")


def came_from_setup(visit: Visit) -> bool:
    """Return whether a form was opened from the steps of the set-up."""
    return "setup" in (visit.query("from"), visit.form.one("from"))


def _form(visit: Visit, typed: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    return visit.page(
        "settings_organisation.html",
        422 if errors else 200,
        typed=typed,
        places=places(visit),
        zones=_zones(),
        from_setup=came_from_setup(visit),
        errors=errors or {},
    )


def _wrong(visit: Visit, typed: dict[str, str], address: Sequence[str]) -> dict[str, str]:
    """Return the fields that cannot be used, each with a sentence."""
    _ = visit.words.gettext
    said = {
        "organisation": _("Type the name on one line, with at most 100 characters."),
        "contact": _("Type one mail address in plain letters, such as info@example.org."),
        "timezone": _("Choose a time zone from the list."),
    }
    errors = {name: said[name] for name, value in typed.items() if value and made_in_console.check(name, value)}
    if len(address) > MOST_LINES or any(len(line) > LONGEST_LINE for line in address):
        errors["address"] = _("Type at most {lines} lines, with at most {number} characters each.").format(
            lines=MOST_LINES, number=LONGEST_LINE
        )
    return errors


def _place(visit: Visit, name: str) -> str:
    _ = visit.words.gettext
    found = settings_base.set_above([name])
    if found is None:
        return ""
    file, line = found
    if not file:
        variable = f"{settings_base.PREFIX}{name.upper()}"
        return _("Set in the environment of the server, as {variable}. It can be changed only there.").format(
            variable=variable
        )
    if line:
        text = _("Set in the file {file}, line {line}. It can be changed only there.")
        return text.format(file=file, line=line)
    return _("Set in the file {file}. It can be changed only there.").format(file=file)


@lru_cache(maxsize=1)
def _zones() -> tuple[tuple[str, str], ...]:
    """Return the time zones of places, and UTC."""
    areas = ("Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/")
    found = sorted(name for name in available_timezones() if name.startswith(areas))
    return tuple((name, name.replace("_", " ")) for name in ("UTC", *found))


def sentences(visit: Visit, error: PostiljonError) -> str:
    """Return an error of a use case as the text of one field."""
    return " ".join(visit.sentences(error))
