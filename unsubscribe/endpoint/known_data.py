"""*What we know about you* in plain words: the same facts as in the JSON, under headings, in the reader's language.

Promises: no stored value is left out, except values that only programs need (:mod:`.facts`). Days are written as people
write them; a technical name without a word is shown as it is. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from unsubscribe.endpoint.facts import in_words
from unsubscribe.endpoint.words import N_
from unsubscribe.web.dates import short_day
from unsubscribe.web.pages import NAMES, View

FactRows = list[tuple[str, str]]
DETAILS = {
    "email": N_("Email address"),
    "name": N_("Name"),
    "language": N_("Language"),
    "known_since": N_("With us since"),
    "changed_at": N_("Last changed"),
    "salutation": N_("Salutation"),
}
STANDS = {
    "subscribed": N_("You have received this since %(day)s"),
    "pending": N_("You asked for this on %(day)s and have not confirmed it yet"),
    "opted_out": N_("You have not received this since %(day)s"),
}
HELD = {
    "opt_out": N_("You unsubscribed"),
    "pause": N_("You are taking a break"),
    "less_often": N_("You receive fewer emails"),
    "undeliverable": N_("Emails could not be delivered"),
    "complaint": N_("You reported our emails as spam"),
    "manual": N_("We were asked not to email you"),
    "erased": N_("You had your data deleted"),
}
ACTS = {
    "opt_out": N_("You unsubscribed"),
    "details": N_("Details were changed"),
    "address": N_("Another address was requested"),
    "less_often": N_("The frequency was changed"),
    "pause": N_("A break was requested"),
    "sign_up": N_("You signed up"),
    "my_data": N_("You asked what we know about you"),
}
PROOFS = {
    "listed": N_("We put you on the list"),
    "listed_consent": N_("We put you on the list, because you had agreed according to our records"),
    "listed_customer": N_("We put you on the list, because you are a customer"),
    "listed_member": N_("We put you on the list, because you are a member"),
    "listed_public_task": N_("We put you on the list, because informing you is our public task"),
    "agreed": N_("You agreed"),
    "chosen": N_("You chose this topic"),
    "joined": N_("Two entries with your address became one"),
    "requested": N_("You signed up"),
    "confirmed": N_("You agreed and confirmed it"),
    "left": N_("You unsubscribed"),
    "left_elsewhere": N_("You had unsubscribed before, according to the list that we took over"),
    "left_before": N_("You were put on a list again, and stayed unsubscribed"),
    "left_restored": N_("Your choice to unsubscribe was restored after a fault"),
    "stopped": N_("Our staff stopped it, at your request"),
    "undone": N_("This was undone"),
    "moved": N_("Your address was changed"),
    "erased": N_("You had your data deleted"),
}
OUTCOMES = {
    "waiting": N_("In the queue"),
    "sending": N_("Being offered"),
    "accepted": N_("Accepted by your mail server"),
    "retry": N_("Will be tried again"),
    "refused": N_("Refused by your mail server"),
    "skipped": N_("Left out: not sent to you"),
    "in_doubt": N_("In doubt: offered, but no answer came"),
    "bounced": N_("Came back"),
    "complained": N_("Reported as spam"),
}


def parts(view: View, known: Mapping[str, Any]) -> list[tuple[str, FactRows]]:
    """Return the headings, each with its rows."""
    _ = view.gettext
    names: Mapping[str, str] = known.get("topic_names") or {item["topic"]: item["name"] for item in known["topics"]}
    return [
        (_("Your details"), _details(view, known["details"])),
        (_("Your topics"), [(item["name"], _stand(view, item)) for item in known["topics"]]),
        (_("What keeps emails back"), [_held(view, item, names) for item in known["held_back"]]),
        (_("What was changed"), [_act(view, item, names) for item in known["changes"]]),
        (_("How you came to be on the list"), [_proof(view, item, names) for item in known["consent"]["events"]]),
        (_("Emails to you"), [_letter(view, item, names) for item in known.get("letters", ())]),
    ]


def _details(view: View, details: Mapping[str, Any]) -> FactRows:
    flat = {**{name: value for name, value in details.items() if name != "attributes"}, **details["attributes"]}
    rows = []
    for name, value in flat.items():
        shown = _day(view, value) if name in ("known_since", "changed_at") else in_words(view, value, {})
        rows.append((_word(view, DETAILS, name), NAMES.get(shown, shown) if name == "language" else shown))
    return rows


def _stand(view: View, item: Mapping[str, Any]) -> str:
    message = STANDS[item["state"]]
    return view.gettext(message) % {"day": _day(view, item["since"])}


def _held(view: View, item: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    topic = view.gettext("all emails") if item["topic"] == "*" else names.get(item["topic"], item["topic"])
    ends = view.gettext("until %(day)s") % {"day": _day(view, item["until"])} if item["until"] else ""
    days = f"{_day(view, item['since'])}{', ' + ends if ends else ''}"
    return _word(view, HELD, item["reason"]), f"{topic}: {days}"


def _act(view: View, item: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    _ = view.gettext
    told = [_word(view, ACTS, item["what"])]
    if item["undone_at"]:
        told.append(_("undone on %(day)s") % {"day": _day(view, item["undone_at"])})
    sides = [(_("before"), item["before"]), (_("after"), item["after"])]
    told += [f"{side}: {text}" for side, value in sides if (text := in_words(view, value, names))]
    return _day(view, item["at"]), "; ".join(told)


def _proof(view: View, item: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    told = [_word(view, PROOFS, item["what"]), names.get(item["topic"], item["topic"])]
    told += [in_words(view, item["statement"], names), in_words(view, item["detail"], names)]
    return _day(view, item["at"]), "; ".join(text for text in told if text)


def _letter(view: View, item: Mapping[str, Any], names: Mapping[str, str]) -> tuple[str, str]:
    _ = view.gettext
    about = names.get(item["topic"], item["topic"]) if item["topic"] else _("A message about your data")
    subject = item.get("subject") or _("an email whose text we no longer have")
    when = _day(view, item["at"]) if item["at"] else _("Not sent")
    return when, f"{_word(view, OUTCOMES, item['state'])}: {about} – {subject}"


def _word(view: View, words: Mapping[str, str], name: str) -> str:
    return view.gettext(words[name]) if name in words else _name(name)


def _day(view: View, text: str) -> str:
    return short_day(date.fromisoformat(text[:10]), view.language)


def _name(name: str) -> str:
    return name.replace("_", " ").capitalize()
