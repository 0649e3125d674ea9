"""The text of a campaign: the form, saving by hand and by script, and the page where two versions are compared.

Promises: a save states the hash of the version that it was made from (the field ``read``, or ``If-Match`` from the
script). If somebody else saved meanwhile, nothing is overwritten, and the answer is 412: the page to compare, or for
the script a sentence. Keys of the head that the form does not show, and line ends of a text that was not changed, stay
byte for byte. Fields of the form that are not in :data:`FIELDS` change nothing. A row of saves by the script, while one
user types, is one act in the audit trail; each is a version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import differences, faults
from campaigns.console.actors import namer
from campaigns.console.forms import cleaned
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import drafts, task_list, versions
from campaigns.lifecycle.drafts import LONGEST_NAME, Draft, DraftConflict
from campaigns.lifecycle.versions import Kind, Version
from campaigns.source.definition import LAYOUTS, LONGEST, ONLINE
from campaigns.source.writing import body_of, values_of, with_body, with_values
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer.errors import Fault, InputError, StateError
from templates.words import LANGUAGES
from unsubscribe import contacts
from unsubscribe.contacts import Topic

FIELDS = ("name", "subject", "preheader", "from", "reply_to", "topic", "language", "layout", "online")
STANDARD = {"layout": LAYOUTS[0], "online": ONLINE[0]}  # values of a head that does not state them
MOST_BYTES = 45_000_000  # of a form with images
_REMOVE = "remove:"


@dataclass(frozen=True, slots=True)
class Mine:
    """The form as it was sent: values by field, the text, and the hash of the version that it was made from."""

    values: Mapping[str, str]
    text: str | None
    read: str

    def source(self, base: str) -> str:
        """Return the campaign file ``base`` with what was changed in the form."""
        shown = shown_values(base)
        changed = {key: value for key, value in self.values.items() if value != shown.get(key)}
        source = with_values(base, changed) if changed else base
        before = body_of(base)
        if self.text is None or self.text == cleaned(before):
            return source
        return with_body(source, self.text.replace("\n", "\r\n") if "\r\n" in before else self.text)


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    write = Right.WRITE
    return [ConsoleRoute("/campaigns/{slug}/text", show=show, act=save, act_right=write, most=MOST_BYTES)]


def show(visit: Visit) -> Response:
    """Show the form; for a campaign that cannot be changed now, its text and the reason."""
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
    if not draft.is_editable or not visit.may(Right.WRITE):
        return visit.page("campaign_text_closed.html", draft=draft, campaign=draft.campaign)
    source = draft.version.source
    return _form(visit, draft, Mine(shown_values(source), cleaned(body_of(source)), draft.version.hash))


def shown_values(source: str) -> dict[str, str]:
    """Return the values of a head as the form shows them: on one line, with those that are meant without one."""
    given = values_of(source)
    return {key: " ".join(cleaned(given.get(key) or STANDARD.get(key, "")).split()) for key in FIELDS}


def save(visit: Visit) -> Response:
    """Save the form, add images or remove one, or save for the script (a request with ``If-Match``)."""
    stated = visit.request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
    mine = _mine(visit, stated)
    errors = _errors(visit, mine)
    if errors and stated:
        return _told(visit, 422, {"said": next(iter(errors.values()))})
    if errors:
        with visit.read() as conn:
            draft = drafts.current(conn, visit.path["slug"])
        return _form(visit, draft, mine, errors)
    try:
        with visit.write() as conn:
            before = drafts.current(conn, visit.path["slug"])
            draft = _saved(visit, conn, before, mine, "autosave" if stated else "saved")
    except InputError as error:
        return _refused(visit, mine, error, bool(stated))
    except DraftConflict as conflict:
        images, _wrong = _change_images(visit, _added(visit), set()) if _added(visit) else (None, [])
        return _conflict(visit, mine, images.version if images else conflict.present, bool(stated))
    except StateError as error:
        if not stated:
            raise
        return _told(visit, 409, {"said": visit.sentences(error)[0]})
    if stated:
        said = visit.words.gettext("Saved at {hour}").format(hour=visit.words.hour(visit.now.replace(second=0)))
        return _told(visit, 200, {"read": draft.version.hash, "said": said})
    return _after(visit, draft)


def _mine(visit: Visit, stated: str) -> Mine:
    form = visit.form
    values = {key: form.one(key) for key in FIELDS if key in form.fields}
    if "own_brand" in form.fields:
        values["brand"] = ""
    return Mine(values, form.text("text") if "text" in form.fields else None, stated or form.one("read"))


def _errors(visit: Visit, mine: Mine) -> dict[str, str]:
    _ = visit.words.gettext
    longest = dict.fromkeys(FIELDS, LONGEST) | {"name": LONGEST_NAME}
    text = _("This may have {most} characters at most; now it has {number}.")
    return {
        key: text.format(most=visit.words.number(longest[key]), number=visit.words.number(len(mine.values[key])))
        for key in FIELDS
        if len(mine.values.get(key, "")) > longest[key]
    }


def _saved(visit: Visit, conn: Connection, present: Draft, mine: Mine, kind: Kind) -> Draft:
    """Save what the form has, on top of the version that it was made from."""
    base = versions.with_hash(conn, present.campaign.id, mine.read) or replace(present.version, hash=mine.read)
    content = mine.source(base.source), base.images
    draft = drafts.save(conn, replace(present, version=base), content, kind, visit.origin.actor, visit.now)
    before = present.version
    goes_on = kind == before.kind == "autosave" and before.made_by == visit.origin.actor
    if draft.version.number != before.number and not goes_on:
        visit.record(conn, Act(Verb.SAVE, "campaign", draft.campaign.slug, _changed(before, draft.version)))
    return draft


def _changed(before: Version, after: Version) -> tuple[str, ...]:
    """Return the names of the fields that differ, for the audit trail."""
    old, new = values_of(before.source), values_of(after.source)
    keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
    text = ("text",) if body_of(before.source) != body_of(after.source) else ()
    images = ("images",) if before.images != after.images else ()
    return (*keys, *text, *images)


def _after(visit: Visit, draft: Draft) -> Response:
    """Add or remove images, once the text is saved; then show the form again."""
    slug, act = draft.campaign.slug, visit.form.text("act")
    removed = {act.removeprefix(_REMOVE)} if act.startswith(_REMOVE) else set()
    added = _added(visit)
    if not added and not removed:
        return visit.go(f"/campaigns/{slug}/text", "saved")
    draft, wrong = _change_images(visit, added, removed)
    if not wrong:
        return visit.go(f"/campaigns/{slug}/text", "images_added" if added else "image_removed")
    source = draft.version.source
    said = " ".join(dict.fromkeys(sentence for error in wrong for sentence in visit.sentences(error)))
    mine = Mine(shown_values(source), cleaned(body_of(source)), draft.version.hash)
    return _form(visit, draft, mine, {"images": said})


def _added(visit: Visit) -> list[tuple[str, bytes]]:
    return [(file.name, file.data) for file in visit.form.files.get("images", ()) if file.name]


def _change_images(visit: Visit, added: list[tuple[str, bytes]], removed: set[str]) -> tuple[Draft, list[InputError]]:
    """Add images to the present version, or remove one: that overwrites no text."""
    slug = visit.path["slug"]
    with visit.write() as conn:
        before = drafts.current(conn, slug).version
        draft, wrong = drafts.change_images(conn, slug, added, removed, visit.origin.actor, visit.now)
        if draft.version.number != before.number:
            visit.record(conn, Act(Verb.SAVE, "campaign", slug, ("images",)))
    return draft, wrong


def _refused(visit: Visit, mine: Mine, error: InputError, is_script: bool) -> Response:
    """Return the form with an error of its text."""
    sentences = visit.sentences(error)
    if is_script:
        return _told(visit, 422, {"said": sentences[0]})
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
    return _form(visit, draft, mine, {"text": " ".join(sentences)})


def _told(visit: Visit, status: int, answer: Mapping[str, str]) -> Response:
    return visit.answer(json.dumps(answer).encode(), status, "application/json")


def _conflict(visit: Visit, mine: Mine, present: Version, is_script: bool) -> Response:
    """Return the page to compare: theirs, mine, and what differs."""
    with visit.read() as conn:
        draft = drafts.current(conn, visit.path["slug"])
        who = namer(conn, visit.words)(present.made_by)
        base = versions.with_hash(conn, draft.campaign.id, mine.read) or present
    if is_script:
        text = visit.words.gettext("{name} changed this meanwhile. Your text is kept; nothing was overwritten.")
        return _told(visit, 412, {"said": text.format(name=who)})
    source, before = mine.source(base.source), shown_values(base.source)
    theirs = shown_values(present.source)
    values = {key: value if value != before[key] else theirs[key] for key, value in shown_values(source).items()}
    body, their_body = cleaned(body_of(source)), cleaned(body_of(present.source))
    return visit.page(
        "campaign_compare.html",
        412,
        campaign=draft.campaign,
        who=who,
        when=visit.words.moment(present.made_at),
        read=present.hash,
        mine=values | {"text": body},
        fields=[(_label(visit, key), theirs[key], values[key]) for key in FIELDS if theirs[key] != values[key]],
        diff=differences.between(their_body, body),
        together=differences.together(cleaned(body_of(base.source)), their_body, body),
    )


def _label(visit: Visit, key: str) -> str:
    name = faults.field_name(visit.words, key)
    return name[:1].upper() + name[1:]


def _form(visit: Visit, draft: Draft, mine: Mine, errors: dict[str, str] | None = None) -> Response:
    source = draft.version.source
    values = shown_values(source) | dict(mine.values)
    with visit.read() as conn:
        topics = contacts.topics(conn)
    found = task_list.faults_of(visit.console.app.launch_config, draft, visit.now)
    return visit.page(
        "campaign_text.html",
        422 if errors else 200,
        campaign=draft.campaign,
        draft=draft,
        values=values,
        text=mine.text if mine.text is not None else cleaned(body_of(source)),
        read=mine.read,
        brand=values_of(source).get("brand", ""),
        problems=[faults.sentence(visit.words, one, draft.definition.body_line) for one in found if _is_shown(one)],
        errors=errors or {},
        **_choices(visit, values, topics),
    )


def _is_shown(fault: Fault) -> bool:
    """Return whether the form shows a fault: one that stops, and not that a field is empty, which is plain to see."""
    return (fault.severity == "error" or fault.field == "topic") and fault.found != "nothing"


def _choices(visit: Visit, values: Mapping[str, str], topics: list[Topic]) -> dict[str, list[tuple[str, str]]]:
    """Return the choices of each list; a value that is none of them is one more, so that nothing is lost."""
    _ = visit.words.gettext
    names = {"nl": "Nederlands", "en": "English", "de": "Deutsch", "fr": "Français"}
    known = {
        "topics": [("", _("Choose a topic")), *((topic.slug, topic.name) for topic in topics)],
        "letter_languages": [(code, names.get(code, code)) for code in sorted(LANGUAGES["letter"], reverse=True)],
        "layouts": [("letter", _("Letter in the style of the house")), ("plain", _("Plain, without logo"))],
        "onlines": [
            ("unlisted", _("Only for people with the link")),
            ("public", _("For everybody, in the archive")),
            ("none", _("Not online")),
        ],
    }
    of = {"topics": "topic", "letter_languages": "language", "layouts": "layout", "onlines": "online"}
    for name, key in of.items():
        value = values[key]
        if value not in {choice for choice, _text in known[name]}:
            known[name].append((value, value or "–"))
    return known
