"""Topics: what people subscribe to, with its name and description in the languages of readers.

Promises: a topic is added or described, never removed, since subscriptions and proofs name it. Its slug follows from
its first name and stays.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from campaigns.console import settings
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle.drafts import slug_for
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from templates.words import LANGUAGES
from unsubscribe import contacts
from unsubscribe.contacts import Topic
from unsubscribe.contacts.topics import LONGEST_DESCRIPTION, LONGEST_NAME

LANGUAGE_NAMES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}
NEW = "new"


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/settings/topics", show=show, right=Right.SETTINGS),
        ConsoleRoute("/settings/topics/{slug}", show=topic, act=save, right=Right.SETTINGS),
    ]


def show(visit: Visit) -> Response:
    """Show all topics."""
    with visit.read() as conn:
        found = [(each, contacts.audience_count(conn, each.slug)) for each in contacts.topics(conn)]
    return visit.page("settings_topics.html", topics=found)


def topic(visit: Visit) -> Response:
    """Show the form of a topic, or of a new one."""
    found = _found(visit)
    return _form(visit, found, _typed_of(found))


def save(visit: Visit) -> Response:
    """Add a topic, or change its words."""
    found = _found(visit)
    names = ["name", "description", *(f"{part}_{tag}" for part in ("name", "description") for tag in _languages())]
    typed = {name: visit.form.one(name) for name in names}
    typed["open"] = "yes" if visit.form.one("open") else ""
    errors = _wrong(visit, typed)
    slug = found.slug if found else slug_for(typed["name"])[:64].strip("-")
    if not errors and not slug:
        errors["name"] = visit.words.gettext("Type a name with at least one letter from a to z or a digit.")
    if errors:
        return _form(visit, found, typed, errors)
    with visit.write() as conn:
        if found is None and contacts.find_topic(conn, slug):
            text = visit.words.gettext("There is a topic with this name already. Choose another name.")
            return _form(visit, found, typed, {"name": text})
        made = found or contacts.ensure_topic(conn, slug, typed["name"], visit.now)
        changes = _changes(made, typed)
        contacts.describe_topic(conn, made.id, **changes)
        verb = Verb.CHANGE_SETTING if found else Verb.ADD_TOPIC
        visit.record(conn, Act(verb, "topic", made.slug, tuple(changes) if found else ()))
    return settings.done(visit, "/settings/topics")


def _found(visit: Visit) -> Topic | None:
    """Return the topic of the address; None for a new one. Raises ``InputError`` where there is none."""
    slug = visit.path["slug"]
    if slug == NEW:
        return None
    with visit.read() as conn:
        return contacts.topic(conn, slug)


def _languages() -> tuple[str, ...]:
    return LANGUAGES["pages"]


def _typed_of(found: Topic | None) -> dict[str, str]:
    if found is None:
        return {}
    typed = {"name": found.name, "description": found.description, "open": "yes" if found.is_open else ""}
    for tag in _languages():
        typed |= {f"name_{tag}": found.names.get(tag, ""), f"description_{tag}": found.descriptions.get(tag, "")}
    return typed


def _changes(made: Topic, typed: dict[str, str]) -> dict[str, Any]:
    """Return the columns to store; texts in other languages than these stay."""
    names = _kept(dict(made.names), typed, "name")
    descriptions = _kept(dict(made.descriptions), typed, "description")
    plain = {"name": typed["name"], "description": typed["description"], "is_open": bool(typed["open"])}
    return plain | {"names": names, "descriptions": descriptions}


def _kept(known: dict[str, str], typed: dict[str, str], part: str) -> dict[str, str]:
    given = {tag: typed[f"{part}_{tag}"] for tag in _languages()}
    return {tag: text for tag, text in (known | given).items() if text}


def _wrong(visit: Visit, typed: dict[str, str]) -> dict[str, str]:
    _ = visit.words.gettext
    errors = {}
    if not typed["name"]:
        errors["name"] = _("Type a name: readers see it when they sign up and when they leave.")
    for name, value in typed.items():
        most = LONGEST_NAME if name.startswith("name") else LONGEST_DESCRIPTION
        if len(value) > most or not value.isprintable():
            errors[name] = _("Type one line of at most {number} characters.").format(number=most)
    return errors


def _form(visit: Visit, found: Topic | None, typed: dict[str, str], errors: dict[str, str] | None = None) -> Response:
    return visit.page(
        "settings_topic.html",
        422 if errors else 200,
        topic=found,
        typed=typed,
        tags=[(tag, LANGUAGE_NAMES[tag]) for tag in _languages()],
        path=f"/settings/topics/{found.slug if found else NEW}",
        others=any(value for name, value in typed.items() if "_" in name) or any("_" in name for name in errors or ()),
        from_setup=settings.came_from_setup(visit),
        errors=errors or {},
    )
