"""*Test mail*: the saved letter in one's own mailbox, through the real mail server, filled as for a chosen person.

Promises: a test goes to verified addresses of the user alone, whatever the form says. Its subject is marked and its
links opt nobody out (:mod:`campaigns.review.preview`). Thirty an hour go out for a user, counted in the database before
they are sent, so that all web processes share the limit. A mail server that does not answer is told within
:data:`SECONDS`. The outcome is a row of the audit trail, without addresses; the page shows the last ones of the
present version from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from starlette.responses import Response

from campaigns.console import letters
from campaigns.console.letters import OpenedLetter, Readers
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import reachability
from campaigns.review import preview
from campaigns.review.preview import TrialOptions
from campaigns.staff import audit, users
from campaigns.staff.audit import Act, Verb
from campaigns.staff.rights import Right
from mailer.errors import FaultsError, TransportError
from mailer.transport.base import Replied, Result, Unknown
from unsubscribe import limits
from unsubscribe.limits import AN_HOUR, Limit

SECONDS, SHOWN, LOOKED = 12.0, 5, 200
TESTS = Limit("test mail", 30, AN_HOUR)
KINDS = ("accepted", "refused", "unsent", "unknown")


@dataclass(frozen=True, slots=True)
class TestOutcome:
    """The outcome of one test mail. ``said``: the mail server's own words, or the reason why it was not offered."""

    __test__ = False  # no test of pytest's

    address: str
    kind: str
    code: int
    said: str


@dataclass(frozen=True, slots=True)
class EarlierTest:
    """Test mails of the present version that a user sent before; ``counts``: how many by outcome."""

    at: datetime
    who: str
    counts: dict[str, int]


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/campaigns/{slug}/test", show=show, act=send, right=Right.TEST, is_slow=True)]


def show(visit: Visit) -> Response:
    """Show the form, with all own addresses ticked."""
    letter = letters.opened(visit)
    readers = letters.readers(visit, letter.campaign.topic, visit.query("as"))
    with visit.read() as conn:
        mine = users.addresses(conn, visit.me)
    return _page(visit, letter, readers, mine)


def send(visit: Visit) -> Response:
    """Send the test mails that were asked for."""
    _ = visit.words.gettext
    letter = letters.opened(visit)
    readers = letters.readers(visit, letter.campaign.topic, visit.form.one("as"))
    with visit.read() as conn:
        mine = users.addresses(conn, visit.me)
    wanted = [address for address in mine if address in visit.form.all("to")]
    if not wanted:
        return _refused(visit, letter, readers, {"to": _("Choose an address of your own.")})
    if not _take(visit, len(wanted)):
        said = _("You sent {number} test mails within an hour. Try again later.").format(number=TESTS.most)
        return _refused(visit, letter, readers, {"to": said}, 429)
    try:
        outcomes = _sent(visit, letter, readers, wanted)
    except FaultsError as error:
        return visit.problem(error, back=f"/campaigns/{letter.campaign.slug}/check")
    with visit.write() as conn:
        visit.record(conn, Act(Verb.TEST, "campaign", letter.campaign.slug, _fields(letter, outcomes)))
    return _page(visit, letter, readers, wanted, outcomes=outcomes)


def _sent(visit: Visit, letter: OpenedLetter, readers: Readers, wanted: list[str]) -> list[TestOutcome]:
    """Return what became of each mail; where the mail server is away, that of all."""
    app, options = visit.console.app, TrialOptions(seconds=SECONDS, person=readers.chosen)
    try:
        found = preview.send_tests(visit.console.launch_config, app.worker_deps(), letter.source, wanted, options)
    except TransportError as error:
        said = visit.words.said(error.args[0] if error.args else str(error))
        return [TestOutcome(address, "unsent", 0, said) for address in wanted]
    return [_outcome(visit, address, result) for address, result in found]


def _outcome(visit: Visit, address: str, result: Result) -> TestOutcome:
    if isinstance(result, Replied):
        kind = "accepted" if 200 <= result.code < 300 else "refused"
        return TestOutcome(address, kind, result.code, result.text)
    kind = "unknown" if isinstance(result, Unknown) else "unsent"
    return TestOutcome(address, kind, 0, visit.words.said(result.why))


def _take(visit: Visit, number: int) -> bool:
    """Count these mails; False where that would be too many within the hour."""
    use = limits.use(TESTS, visit.console.app.pepper, f"user {visit.me.id}")
    with visit.write() as conn:
        return all(limits.take(conn, use, visit.now) for _ in range(number))


def _fields(letter: OpenedLetter, outcomes: list[TestOutcome]) -> list[str]:
    """Return the row of the trail: the version, and how many mails had which outcome."""
    counts = {kind: sum(each.kind == kind for each in outcomes) for kind in KINDS}
    return [_version(letter), *(f"{kind}:{number}" for kind, number in counts.items() if number)]


def _version(letter: OpenedLetter) -> str:
    return f"version:{letter.draft.version.number}"


def _earlier(conn: Connection, letter: OpenedLetter) -> list[EarlierTest]:
    """Return the last tests of this version."""
    names = users.names(conn)
    found = []
    for row in audit.acts(conn, kind="campaign", subject=letter.campaign.slug, most=LOOKED):
        if row.verb != Verb.TEST.value or not row.fields or row.fields[0] != _version(letter):
            continue
        parts = [field.partition(":") for field in row.fields[1:]]
        counts = {kind: int(number) for kind, _, number in parts if kind in KINDS and number.isdecimal()}
        number = row.actor.partition(":")[2]
        found.append(EarlierTest(row.at, names.get(int(number), "") if number.isdecimal() else row.actor, counts))
    return found[:SHOWN]


def _refused(
    visit: Visit, letter: OpenedLetter, readers: Readers, errors: dict[str, str], status: int = 422
) -> Response:
    return _page(visit, letter, readers, visit.form.all("to"), errors=errors, status=status)


def _page(
    visit: Visit,
    letter: OpenedLetter,
    readers: Readers,
    ticked: list[str] | tuple[str, ...],
    *,
    status: int = 200,
    **more: object,
) -> Response:
    with visit.read() as conn:
        mine, earlier = users.addresses(conn, visit.me), _earlier(conn, letter)
    here = reachability.links_only_here(visit.console.launch_config.link_target)
    values = {
        "letter": letter,
        "campaign": letter.campaign,
        "readers": readers,
        "mine": mine,
        "ticked": ticked,
        "earlier": earlier,
        "outcomes": [],
        "only_here": bool(here),
    }
    return visit.page("test_mail.html", status, **values | more)
