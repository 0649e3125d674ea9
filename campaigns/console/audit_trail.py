"""The audit trail in words: the newest first, by person and by subject.

Promises: reading it is an act too; it is recorded once an hour for a session, the one thing that a GET records. A
person is shown by name, also after being removed; nothing else that is personal is in the trail.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.responses import Response

from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.console.words import Words
from campaigns.staff import audit, users
from campaigns.staff.audit import Act, Recorded, Verb
from campaigns.staff.rights import Right
from mailer.messages import Message

PAGE = 50
NOTED = timedelta(hours=1)
VERBS: dict[str, str] = {
    "sign_in": Message("signed in"),
    "sign_out": Message("signed out"),
    "prove": Message("gave password or code again"),
    "end_session": Message("ended a session"),
    "set_password": Message("set a password"),
    "ask_reset": Message("asked for a new password"),
    "totp_on": Message("switched on the second factor"),
    "totp_off": Message("switched off the second factor"),
    "recovery_codes": Message("made new recovery codes"),
    "add_address": Message("added an address"),
    "verify_address": Message("confirmed an address"),
    "change_account": Message("changed an account"),
    "invite": Message("invited a person"),
    "add_user": Message("added a person"),
    "change_roles": Message("changed roles"),
    "remove_user": Message("removed a person"),
    "make_link": Message("made a link to get in"),
    "change_setting": Message("changed a setting"),
    "create": Message("made a campaign"),
    "save": Message("saved a text"),
    "copy": Message("copied a campaign"),
    "take_over": Message("took over a campaign"),
    "export": Message("exported"),
    "put_away": Message("put away"),
    "bring_back": Message("brought back"),
    "test": Message("sent a test mail"),
    "plan": Message("planned"),
    "send": Message("sent"),
    "take_back": Message("took back"),
    "pause": Message("paused"),
    "resume": Message("let go on"),
    "stop": Message("stopped for good"),
    "decide": Message("decided the doubtful"),
    "send_again": Message("sent again"),
    "import": Message("imported contacts"),
    "add_topic": Message("added a topic"),
    "download": Message("downloaded a list"),
    "look_up": Message("looked up a contact"),
    "suppress": Message("stopped mail to contacts"),
    "erase": Message("erased a contact"),
    "read_audit": Message("read the audit trail"),
    "set_up": Message("set up the installation"),
    "visit": Message("opened a page"),
}
KINDS: dict[str, str] = {
    "user": Message("person"),
    "campaign": Message("campaign"),
    "contact": Message("contact"),
    "setting": Message("setting"),
    "topic": Message("topic"),
    "import": Message("import"),
    "page": Message("page"),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the trail in words."""

    id: int
    at: datetime
    actor: str
    who: str
    what: str
    kind: str
    subject: str
    about: str
    fields: str
    network: str
    is_refused: bool


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/audit", show=show, right=Right.AUDIT)]


def show(visit: Visit) -> Response:
    """Show a page of the trail."""
    before, kind = visit.query("before"), visit.query("kind")
    who, subject = visit.query("who"), visit.query("subject")
    _note(visit)
    with visit.read() as conn:
        last = int(before) if before.isdecimal() and len(before) < 19 else None
        found = audit.acts(conn, before=last, kind=kind, subject=subject, actor=who, most=PAGE + 1)
        names, actors = users.names(conn), audit.actors(conn)
    lines = [_line(each, names, visit.words) for each in found[:PAGE]]
    people = sorted(((each, _who(each, names, visit.words)) for each in actors), key=lambda pair: pair[1].casefold())
    kinds = [(each, visit.words.gettext(text)) for each, text in KINDS.items()]
    chosen = {"who": who, "kind": kind, "subject": subject}
    earlier = str(found[PAGE - 1].id) if len(found) > PAGE else ""
    return visit.page("audit.html", lines=lines, people=people, kinds=kinds, chosen=chosen, earlier=earlier)


def _note(visit: Visit) -> None:
    """Record that this session reads the trail, once an hour."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    session = str(visit.session.id)
    with visit.read() as conn:
        if audit.since(conn, Verb.READ_AUDIT, "session", session, visit.now - NOTED):
            return
    with visit.write() as conn:
        visit.record(conn, Act(Verb.READ_AUDIT, "session", session))


def _line(row: Recorded, names: dict[int, str], words: Words) -> Line:
    kind = words.gettext(KINDS[row.kind]) if row.kind in KINDS else ""
    about = row.subject
    if row.kind == "user" and row.subject.isdecimal():
        about = names.get(int(row.subject), row.subject)
    return Line(
        row.id,
        row.at,
        row.actor,
        _who(row.actor, names, words),
        words.gettext(VERBS.get(row.verb, row.verb)),
        row.kind,
        row.subject,
        f"{kind} {about}" if kind and about and row.actor != f"user:{row.subject}" else "",
        ", ".join(row.fields),
        row.network,
        row.outcome == "refused",
    )


def _who(actor: str, names: dict[int, str], words: Words) -> str:
    kind, _colon, name = actor.partition(":")
    if kind == "user" and name.isdecimal():
        return names.get(int(name), actor)
    if kind == "cli":
        return words.gettext("{user} on the command line").format(user=name)
    return {"nobody": words.gettext("Somebody not signed in"), "postiljon": "Postiljon"}.get(actor, actor)
