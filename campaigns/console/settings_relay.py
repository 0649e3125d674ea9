"""Sender and relay: the address of the mail server in its parts, a test of the connection, the return address.

Promises: a password never comes back to the browser. An empty field keeps the one that is set, as long as host, port,
encryption and user stay as they are: so nobody can have it sent to another server. A test sends no mail
(:mod:`campaigns.ops.relay_test`), and tries what is typed, before it is saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from starlette.responses import Response

from campaigns.console import settings
from campaigns.console.routing import ConsoleRoute
from campaigns.console.visit import Visit
from campaigns.ops.relay_test import RelayAnswer, try_relay
from campaigns.settings import made_in_console
from campaigns.staff.rights import Right
from mailer.settings import Relay, parse_relay

LONGEST_PASSWORD = 1000
TLS = ("starttls", "implicit", "opportunistic", "none")


@dataclass(frozen=True)
class TypedRelay:
    """The fields of the form, and the relay in them; ``errors``: field → sentence."""

    values: dict[str, str]
    relay: Relay
    password: str = field(repr=False)
    errors: dict[str, str] = field(default_factory=dict)


def routes() -> list[ConsoleRoute]:
    """Return these routes."""
    return [
        ConsoleRoute("/settings/relay", show=show, act=save, right=Right.SETTINGS),
        ConsoleRoute("/settings/relay/test", act=test, right=Right.SETTINGS, is_slow=True),
    ]


def show(visit: Visit) -> Response:
    """Show the form."""
    now = settings.present(visit)
    return _form(visit, _values(now.mailer.smtp_url) | {"return_path": now.mailer.return_path})


def save(visit: Visit) -> Response:
    """Check and save."""
    fixed = settings.places(visit)
    return_path = visit.form.one("return_path")
    changes = {} if fixed["return_path"] else {"return_path": return_path}
    errors: dict[str, str] = {}
    values = {"return_path": return_path}
    if not fixed["smtp_url"]:
        typed = _typed(visit)
        errors, values = dict(typed.errors), values | typed.values
        if not errors:
            relay = typed.relay
            url = made_in_console.relay_url(values["host"], values["port"], values["tls"])
            changes |= {"smtp_url": url, "smtp_user": relay.user, "smtp_password": typed.password}
    if return_path and changes.get("return_path") and made_in_console.check("return_path", return_path):
        _ = visit.words.gettext
        errors["return_path"] = _(
            "Type one mail address with at most 18 characters before the @, such as bounce@example.org."
        )
    if errors:
        return _form(visit, values, errors)
    with visit.write() as conn:
        app = visit.console.app
        changed = made_in_console.save(conn, changes, app.keyring, visit.origin.actor, visit.now)
        settings.note(visit, conn, "relay", changed)
    return settings.done(visit)


def test(visit: Visit) -> Response:
    """Try what is typed; nothing is saved."""
    now = settings.present(visit)
    if settings.places(visit)["smtp_url"]:
        values, relay, errors = _values(now.mailer.smtp_url), now.mailer.smtp_url, {}
    else:
        typed = _typed(visit)
        values, relay, errors = typed.values, typed.relay, typed.errors
    answer = RelayAnswer(False, " ".join(errors.values())) if errors else try_relay(relay, now.hello_name)
    told = {"answer": answer, "said": visit.words.said(answer.words), "advice": visit.words.said(answer.advice)}
    if visit.is_fragment:
        return visit.page("_relay_answer.html", **told)
    more = {"return_path": visit.form.one("return_path") or now.mailer.return_path}
    return _form(visit, values | more, errors, **told)


def _typed(visit: Visit) -> TypedRelay:
    """Read and check the parts of the relay."""
    _ = visit.words.gettext
    values = {name: visit.form.one(name) for name in ("host", "port", "tls", "user")}
    values["tls"] = values["tls"] if values["tls"] in TLS else "starttls"
    password, errors = visit.form.text("password")[:LONGEST_PASSWORD], {}
    if not values["host"]:
        errors["host"] = _("Type the name of the mail server, such as smtp.example.org.")
    if values["port"] and not (values["port"].isascii() and values["port"].isdecimal()):
        errors["port"] = _("Type a number from 1 to 65535, such as 587.")
    if errors:
        return TypedRelay(values, Relay(), "", errors)
    if password and not values["user"]:
        errors["user"] = _("Type the user that belongs to the password.")
        return TypedRelay(values, Relay(), "", errors)
    return _with_password(visit, values, password)


def _with_password(visit: Visit, values: dict[str, str], password: str) -> TypedRelay:
    _ = visit.words.gettext
    url = made_in_console.relay_url(values["host"], values["port"], values["tls"])
    try:
        relay = parse_relay(url, values["user"], password)
    except ValueError:
        return TypedRelay(values, Relay(), "", {_blamed(values): _relay_words(visit, values)})
    known = settings.present(visit).mailer.smtp_url
    if relay.user and not password and known.password:
        if not made_in_console.same_server(relay, known):
            text = _("Type the password again: the one that is set belongs to {name}, with the settings as they were.")
            return TypedRelay(values, relay, "", {"password": text.format(name=known.name)})
        return _with_password(visit, values, known.password)
    if password and made_in_console.check("smtp_password", password, smtp_user=values["user"], smtp_url=url):
        return TypedRelay(values, relay, "", {"password": _("This password has characters that cannot be used.")})
    return TypedRelay(values, relay, password)


def _blamed(values: dict[str, str]) -> str:
    if values["port"] and not 1 <= int(values["port"][:9]) <= 65535:
        return "port"
    return "tls" if values["tls"] == "none" and values["user"] else "host"


def _relay_words(visit: Visit, values: dict[str, str]) -> str:
    _ = visit.words.gettext
    return {
        "port": _("Type a number from 1 to 65535, such as 587."),
        "tls": _("Without encryption the password could be read on its way. Choose an encryption."),
        "host": _("This is not the name of a mail server. Type a name such as smtp.example.org."),
    }[_blamed(values)]


def _values(relay: Relay) -> dict[str, str]:
    return {"host": relay.host, "port": str(relay.port), "tls": relay.tls, "user": relay.user}


def _form(visit: Visit, values: dict[str, str], errors: dict[str, str] | None = None, **told: object) -> Response:
    known = settings.present(visit).mailer.smtp_url
    return visit.page(
        "settings_relay.html",
        422 if errors else 200,
        typed=values,
        has_password=bool(known.password),
        places=settings.places(visit),
        from_setup=settings.came_from_setup(visit),
        errors=errors or {},
        **{"answer": None, "said": "", "advice": ""} | told,
    )
