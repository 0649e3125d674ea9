"""``contacts consent``: the recorded consent of a contact, in words, and whether the record was changed since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from campaigns.cli.administration import Json
from campaigns.cli.opening import open_context
from campaigns.cli.output import _, complain, ngettext, number, say, tell, translated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from unsubscribe.consent import ConsentStatement
    from unsubscribe.verifying import Chain, ChainEvent

Email = Annotated[str, typer.Argument(help=_("The mail address of the person."))]
WHAT = {
    "listed": _("subscribed: put on the list"),
    "listed_consent": _("subscribed: put on the list: the organisation recorded that they agreed"),
    "listed_customer": _("subscribed: put on the list, as a customer"),
    "listed_member": _("subscribed: put on the list, as a member"),
    "listed_public_task": _("subscribed: put on the list, for a public task"),
    "agreed": _("agreed"),
    "chosen": _("chose this topic"),
    "joined": _("two entries with one mailbox became one"),
    "requested": _("asked for it"),
    "confirmed": _("confirmed it through the mailbox"),
    "left": _("left"),
    "left_elsewhere": _("had left in another program, as the imported file says"),
    "left_before": _("was in an imported list, and stays opted out"),
    "left_restored": _("left; put back from the journal"),
    "stopped": _("held back by staff, at their request"),
    "undone": _("took that back"),
    "moved": _("moved to another address"),
    "erased": _("was erased"),
}
BASES = {
    "consent": _("consent"),
    "customer": _("customer"),
    "member": _("member"),
    "public_task": _("public task"),
}
DETAILS = {
    "address": _("address"),
    "how": _("how"),
    "form": _("form"),
    "peer": _("network address"),
    "mailing": _("through the letter"),
    "from": _("from"),
    "to": _("to"),
    "column": _("column"),
}
HOW = {
    "staff": _("by staff, at their request"),
    "import": _("import"),
    "one-click": _("the button of the mail program"),
    "page": _("the opt-out page"),
    "mail": _("a mail to the opt-out address"),
    "undo": _("the button that takes it back"),
    "change details": _("the page Change details"),
    "link in the letter": _("the link in the letter"),
}


def show_consent(email: Email, as_json: Json = False) -> int:
    """Show and verify the consent of a contact."""
    from unsubscribe import erasing

    context = open_context()
    with context.db.read() as conn:
        chains = erasing.proof(conn, email, context.pepper)
    context.close()
    if as_json:
        earlier = [chain.as_json() for chain in chains[:-1]]
        tell({"email": email} | chains[-1].as_json() | ({"earlier": earlier} if earlier else {}))
    else:
        for chain in chains:
            _print_chain(email, chain)
    return 1 if any(chain.fault for chain in chains) else 0


def _print_chain(email: str, chain: Chain) -> None:
    for line in lines(email, chain):
        say(line)
    if chain.fault:
        complain(_("The chain is not in order: {fault}.").format(fault=translated(chain.fault)))
    elif chain.entries:
        say(_("The chain is in order: nothing was changed in it, taken out, or put between."))
    else:
        say(_("Nothing is on record, and nothing needs to be: this person is subscribed to nothing."))


def lines(email: str, chain: Chain) -> Iterator[str]:
    """Yield a chain in lines for a person: each event, and below it its legal basis and origin."""
    count = ngettext("{number} event", "{number} events", len(chain.entries)).format(number=number(len(chain.entries)))
    yield f"{email}: {count}"
    for entry in chain.entries:
        topic = f"{entry.topic}: " if entry.topic else ""
        yield f"{entry.number:>4}  {moment(entry.at)}  {topic}{WHAT[entry.what]}"
        yield from (f"      {line}" for line in _about(entry))
    if chain.erased_at:
        yield _("Erased on {day}.").format(day=f"{chain.erased_at:%Y-%m-%d}")


def _about(entry: ChainEvent) -> Iterator[str]:
    """Return the details of an event, a line each."""
    if entry.statement:
        yield from _statement(entry.statement)
    if entry.detail:
        known = {"how": HOW.get(entry.detail.get("how", ""), entry.detail.get("how", ""))}
        shown = {**entry.detail, **{name: value for name, value in known.items() if value}}
        yield "; ".join(f"{DETAILS.get(name, name)}: {value}" for name, value in shown.items())
    elif entry.kind != "erased" and entry.detail is None:
        yield _("what stood beside it was erased")
    if abs((entry.recorded_at - entry.at).total_seconds()) > 1:
        yield _("written down on {moment}").format(moment=moment(entry.recorded_at))


def _statement(said: ConsentStatement) -> Iterator[str]:
    basis = _("basis: {basis}").format(basis=BASES[said.basis])
    source = [_("source: {source}").format(source=said.source)] if said.source else []
    day = [_("given on {day}").format(day=said.given_on)] if said.given_on else []
    yield "; ".join([basis, *source, *day])
    if said.text:
        yield _("text shown (version {version}): “{text}”").format(version=said.version or "–", text=said.text)


def moment(at: datetime) -> str:
    """Return a time to the minute, in UTC, so that a proof is the same wherever it is printed."""
    return f"{at:%Y-%m-%d %H:%M} UTC"
