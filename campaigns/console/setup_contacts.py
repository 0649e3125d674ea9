"""The first contacts: pasted or from a file, with a topic and the basis of consent asked in words.

Promises: rows are read by the importer of the command line (:mod:`unsubscribe.importing`), with its promises: nobody
is mailed, an opted-out person stays out, a bad row is told with its line and reason. A list of at most ``MOST`` bytes
is taken; a larger one is for the command line. The text is kept in a file of the data folder only while it is read.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from starlette.responses import Response

from campaigns.console import settings
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer.errors import FaultsError, InputError
from mailer.messages import Message
from unsubscribe import contacts
from unsubscribe.consent import BASES, make_statement
from unsubscribe.contacts.rows import Rejected
from unsubscribe.importing import ImportJob, ImportSummary, import_contacts

MOST = 5_000_000  # bytes of the form
LONGEST_SOURCE, SHOWN = 300, 50
_ADDRESS_FIRST = re.compile(r"[^\n@]*@")


@dataclass(frozen=True)
class TypedList:
    """The fields of the form. ``name``: that of the file, "" for pasted text."""

    topic: str
    basis: str
    source: str
    pasted: str = field(repr=False)
    name: str
    data: bytes = field(repr=False)


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/setup/contacts", show=show, act=take, right=Right.CONTACTS, most=MOST, is_slow=True)]


def show(visit: Visit) -> Response:
    """Show the form."""
    return _form(visit, TypedList("", "", "", "", "", b""))


def take(visit: Visit) -> Response:
    """Import the list, and show what became of its rows."""
    typed = _typed(visit)
    errors = _wrong(visit, typed)
    if errors:
        return _form(visit, typed, errors)
    job = ImportJob(typed.topic, make_statement(typed.basis, typed.source), visit.console.app.pepper)
    rejected: list[Rejected] = []
    try:
        summary = _imported(visit, typed, job, rejected)
    except FaultsError as error:
        return _form(visit, typed, {"pasted": settings.sentences(visit, error)})
    except InputError as error:
        return _form(visit, typed, {"pasted": settings.sentences(visit, error)})
    with visit.write() as conn:
        visit.record(conn, Act(Verb.IMPORT, "topic", typed.topic))
    above = not typed.name and typed.data != typed.pasted.encode()  # the line with the names of the columns is ours
    rows = [(row.line - above, visit.words.said(_message(row.reason)), row.raw[:200]) for row in rejected[:SHOWN]]
    return visit.page("setup_contacts_done.html", summary=summary, rows=rows, more=len(rejected) - len(rows))


def _typed(visit: Visit) -> TypedList:
    form = visit.form
    upload = form.file("file")
    pasted = form.text("pasted").strip("\n")
    data = upload.data if upload else _with_head(pasted).encode()
    name = Path(upload.name).name[:100] if upload else ""
    return TypedList(form.one("topic"), form.one("basis"), form.one("source"), pasted, name, data)


def _with_head(pasted: str) -> str:
    """Return a pasted list with the names of its columns: without them the first line has an address already."""
    first = pasted.lstrip().partition("\n")[0]
    if not _ADDRESS_FIRST.match(first):
        return pasted
    sign = next((sign for sign in ("\t", ";", ",") if sign in first), "")
    number = first.count(sign) + 1 if sign else 1
    heads = ["email", "name"][:number] + ["" for _more in range(number - 2)]
    return f"{sign.join(heads)}\n{pasted}"


def _imported(visit: Visit, typed: TypedList, job: ImportJob, rejected: list[Rejected]) -> ImportSummary:
    with tempfile.TemporaryDirectory(dir=visit.console.app.data, prefix="import-") as folder:
        path = Path(folder) / "list.csv"
        path.write_bytes(typed.data)
        return import_contacts(visit.console.db, path, job, visit.now, reject=rejected.append)


def _message(reason: str) -> Message:
    return reason if isinstance(reason, Message) else Message(reason)


def _wrong(visit: Visit, typed: TypedList) -> dict[str, str]:
    _ = visit.words.gettext
    errors = {}
    with visit.read() as conn:
        known = contacts.find_topic(conn, typed.topic)
    if known is None:
        errors["topic"] = _("Choose the topic that these people get.")
    if typed.basis not in BASES:
        errors["basis"] = _("Choose why you may mail these people.")
    if len(typed.source) > LONGEST_SOURCE:
        errors["source"] = _("Type one line of at most {number} characters.").format(number=LONGEST_SOURCE)
    if not typed.data.strip():
        errors["pasted"] = _("Paste at least one address, or choose a file.")
    return errors


def _form(visit: Visit, typed: TypedList, errors: dict[str, str] | None = None) -> Response:
    with visit.read() as conn:
        topics = contacts.topics(conn)
    return visit.page("setup_contacts.html", 422 if errors else 200, typed=typed, topics=topics, errors=errors or {})
