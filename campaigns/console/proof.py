"""Step-up: before an act that cannot be undone, a person gives the password or a code again.

Use: a handler begins with ``if asked := proof.demanded(visit): return asked``, in GET of the page that asks to confirm
and in POST of the act. A proof lasts as long as :data:`~campaigns.staff.sessions.FRESH`; signing in is one.

Promises: after the proof the person comes back to the page. Where POST demanded it, what was typed is offered again
(:mod:`.kept`). Wrong answers are counted for the user, in the database.
"""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from campaigns.console import kept, places
from campaigns.console.context import PREFIX
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.staff import passwords, sessions, totp, users
from campaigns.staff.audit import Act, Verb
from unsubscribe import limits
from unsubscribe.limits import Limit

WRONG = Limit("prove", 10, timedelta(minutes=15))
_DIGITS = 6


def routes() -> list[ConsoleRoute]:
    """Return this route."""
    return [ConsoleRoute("/account/prove", show=form, act=prove, most=kept.MOST_BYTES)]


def demanded(visit: Visit) -> Response | None:
    """Return the page that asks for a proof, where the last one is too long ago; None when it is not."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    if visit.session.is_fresh(visit.now):
        return None
    request = visit.request
    if request.method != "POST":
        query = f"?{request.url.query}" if request.url.query else ""
        return visit.go("/account/prove", next=places.inside(request.url.path.removeprefix(PREFIX) + query))
    return _page(visit, 403, next="", kept=kept.sealed(visit, visit.me.id))


def form(visit: Visit) -> Response:
    """Ask for the password or a code."""
    return _page(visit, 200, next=places.inside(visit.query("next")), kept="")


def prove(visit: Visit) -> Response:
    """Take the password or a code, and go back to the page."""
    assert visit.session is not None  # noqa: S101 - the routing has looked
    use = limits.use(WRONG, visit.console.app.pepper, str(visit.me.id))
    carried = {"next": places.inside(visit.form.one("next")), "kept": kept.given(visit)}
    with visit.read() as conn:
        spent, stored = limits.spent(conn, [use], visit.now), users.password_hash(conn, visit.me.id)
    _ = visit.words.gettext
    if spent:
        text = _("Too many wrong answers. Try again in {span}.").format(span=visit.words.span(WRONG.within))
        return _page(visit, 429, errors={"answer": text}, **carried)
    answer = visit.form.text("answer").strip("\n")[: passwords.LONGEST + 1]
    is_code = visit.me.has_totp and answer.replace(" ", "").isdecimal() and len(answer.replace(" ", "")) == _DIGITS
    right = False if is_code else passwords.matches(stored, answer)
    with visit.write() as conn:
        if is_code:
            right = totp.accept(conn, visit.me.id, visit.console.app.keyring, answer, visit.now)
        if not right:
            limits.take(conn, use, visit.now)
        else:
            sessions.prove(conn, visit.session, visit.now)
        visit.record(conn, Act(Verb.PROVE, "user", str(visit.me.id), outcome="done" if right else "refused"))
    if not right:
        return _page(visit, 422, errors={"answer": _("That is not right. Try again.")}, **carried)
    form_again = kept.opened(visit, carried["kept"], visit.me.id)
    return kept.offered(visit, form_again) if form_again else visit.go(carried["next"] or "/account")


def _page(visit: Visit, status: int, **values: object) -> Response:
    return visit.page("prove.html", status, **values)
