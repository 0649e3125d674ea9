"""The second factor of the person's own account: switch it on and off, and recovery codes.

Promises: a secret counts only after a code of it was right. Until then it is in no table: it travels sealed, for this
user, in the page. Recovery codes are shown once, in the answer to the act that made them. New codes and switching off
demand a proof. The QR code is an image of its own, which no cache keeps.
"""

from __future__ import annotations

import io

import segno
from starlette.responses import Response

from campaigns.console import proof
from campaigns.console.account import renew
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.lifecycle import accounts
from campaigns.staff import sessions, totp
from campaigns.staff.audit import Act, Verb
from campaigns.staff.mails import StaffMail
from campaigns.staff.totp import NewSecret
from mailer.errors import InputError, SettingsError
from mailer.sealing import seal, unseal

_GROUP = 4
_QR = {"scale": 5, "border": 4, "dark": "#000000", "light": "#ffffff", "xmldecl": False, "svgns": True}


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/account/second-factor", show=show, act=switch_on),
        ConsoleRoute("/account/second-factor/qr.svg", show=qr),
        ConsoleRoute("/account/second-factor/codes", show=codes_form, act=new_codes),
        ConsoleRoute("/account/second-factor/off", show=off_form, act=switch_off),
    ]


def show(visit: Visit) -> Response:
    """Show how to switch it on, or that it is on."""
    if visit.me.has_totp:
        with visit.read() as conn:
            left = totp.codes_left(conn, visit.me.id)
        return visit.page("second_factor.html", left=left)
    return proof.demanded(visit) or _to_switch_on(visit, 200, _secret(visit))


def switch_on(visit: Visit) -> Response:
    """Take the first code; show the recovery codes."""
    if visit.me.has_totp:
        return visit.go("/account/second-factor")
    if asked := proof.demanded(visit):
        return asked
    app, secret = visit.console.app, _opened(visit, visit.form.one("sealed"))
    if secret is None:
        return _to_switch_on(visit, 422, _secret(visit))
    step = totp.step_of(secret.text, visit.form.one("code"), visit.now)
    if step is None:
        text = visit.words.gettext("This code is not right. Take the one that your app shows now.")
        return _to_switch_on(visit, 422, secret, code=text)
    with visit.write() as conn:
        codes = totp.switch_on(conn, visit.me.id, app.keyring, secret.text, step, visit.now)
        sessions.end_all(conn, visit.me.id, visit.now)
        renew(visit, conn)
        visit.record(conn, Act(Verb.TOTP_ON, "user", str(visit.me.id)))
    return visit.page("recovery_codes.html", codes=codes, fresh=True)


def qr(visit: Visit) -> Response:
    """Return the QR code of a secret that is being switched on."""
    found = _opened(visit, visit.query("s"))
    if found is None or visit.me.has_totp:
        raise InputError("there is no such page")
    out = io.BytesIO()
    segno.make(found.address, error="m").save(out, kind="svg", **_QR)
    return visit.answer(out.getvalue(), media_type="image/svg+xml")


def codes_form(visit: Visit) -> Response:
    """Ask whether the old recovery codes are to be replaced."""
    return proof.demanded(visit) or _confirm(visit, "codes")


def new_codes(visit: Visit) -> Response:
    """Replace the recovery codes, and show the new ones."""
    if asked := proof.demanded(visit):
        return asked
    if not visit.me.has_totp:
        return visit.go("/account/second-factor")
    with visit.write() as conn:
        codes = totp.new_codes(conn, visit.me.id)
        visit.record(conn, Act(Verb.RECOVERY_CODES, "user", str(visit.me.id)))
    return visit.page("recovery_codes.html", codes=codes, fresh=False)


def off_form(visit: Visit) -> Response:
    """Ask whether the second factor is to be switched off."""
    return proof.demanded(visit) or _confirm(visit, "off")


def switch_off(visit: Visit) -> Response:
    """Switch it off."""
    if asked := proof.demanded(visit):
        return asked
    mailer = visit.console.app.staff_mail
    with visit.read() as conn:
        mailer.prepare(conn, StaffMail.ACCOUNT_CHANGED, visit.now)
    with visit.write() as conn:
        accounts.switch_off(conn, mailer, visit.me, visit.now)
        sessions.end_all(conn, visit.me.id, visit.now)
        renew(visit, conn)
        visit.record(conn, Act(Verb.TOTP_OFF, "user", str(visit.me.id)))
    return visit.go("/account/second-factor", "second_factor_off")


def _confirm(visit: Visit, act: str) -> Response:
    if not visit.me.has_totp:
        return visit.go("/account/second-factor")
    return visit.page("second_factor_confirm.html", act=act)


def _secret(visit: Visit, text: str = "") -> NewSecret:
    return totp.new_secret(visit.me.email, visit.console.organisation, text)


def _to_switch_on(visit: Visit, status: int, secret: NewSecret, **errors: str) -> Response:
    sealed = seal(visit.console.app.keyring, _purpose(visit), secret.text)
    groups = [secret.text[at : at + _GROUP] for at in range(0, len(secret.text), _GROUP)]
    return visit.page("second_factor_on.html", status, sealed=sealed, secret=" ".join(groups), errors=errors)


def _opened(visit: Visit, sealed: str) -> NewSecret | None:
    try:
        return _secret(visit, unseal(visit.console.app.keyring, _purpose(visit), sealed))
    except SettingsError:
        return None


def _purpose(visit: Visit) -> str:
    return f"{totp.PURPOSE}, new, of user {visit.me.id}"
