"""The classes that a reply can fall into: whose fault, and what follows. A table, and the words for people.

``title`` and ``advice`` are English message ids of the domain ``cli`` (brief 1.4, "Refused, in words"); they are
shown with the server's own sentence, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

N_ = str  # marks a text for the catalogue (domain cli)
Blame = Literal["recipient", "receiver", "content", "sender", "relay", "nobody"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One class. ``dead``: a 5xx of it suppresses the address (B64). ``holds``: a 5xx of it holds the campaign."""

    blame: Blame
    title: str
    advice: str
    dead: bool = False
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """What a person reads: what happened, and what to do."""

    title: str
    advice: str


_GONE = N_("No more mail goes there. Change the address if you know the new one.")
_NEXT = N_("We try again with the next campaign.")
_RELAY = N_("Nothing more leaves until this is mended. Ask whoever runs your mail server.")

KINDS: dict[str, Kind] = {
    "accepted": Kind("nobody", N_("Accepted"), N_("The mail server took it.")),
    # the address
    "no_address": Kind("recipient", N_("Address does not exist"), _GONE, dead=True),
    "moved": Kind("recipient", N_("Address has moved"), _GONE, dead=True),
    "bad_address": Kind(
        "recipient", N_("Address cannot be written this way"), N_("Is there a typing error in it?"), dead=True
    ),
    "no_domain": Kind("recipient", N_("Domain does not exist"), N_("Is there a typing error in it?"), dead=True),
    "no_mail_domain": Kind("recipient", N_("Domain takes no mail"), _GONE, dead=True),
    "closed": Kind("recipient", N_("Mailbox was closed"), N_("No more mail goes there."), dead=True),
    "inactive": Kind("recipient", N_("Mailbox is switched off"), _NEXT),
    "full": Kind("recipient", N_("Mailbox is full"), _NEXT),
    "needs_utf8": Kind(
        "recipient", N_("Address needs letters that the mail server cannot carry"), N_("Ask for another address.")
    ),
    # the receiver's side
    "wait": Kind("receiver", N_("Server asks us to wait"), N_("We try again. You need do nothing.")),
    "trouble": Kind("receiver", N_("Server has trouble"), N_("We try again. You need do nothing.")),
    "route": Kind(
        "receiver", N_("No way to the receiver's server"), N_("Is the domain right? Else their mail server is down.")
    ),
    "policy": Kind(
        "receiver", N_("Refused by the receiver's policy"), N_("Ask their administrator to allow your address.")
    ),
    "blocked": Kind(
        "sender", N_("Mail server is on a blocklist"), N_("Ask whoever runs your mail server to have it taken off.")
    ),
    "spam": Kind(
        "content", N_("Taken for spam"), N_("Look at the checks of the letter; ask for help if it is more than a few.")
    ),
    "content": Kind(
        "content", N_("Letter was refused for what is in it"), N_("Read the server's answer; look at links and images.")
    ),
    "too_big": Kind("content", N_("Mail is too big"), N_("Make the images smaller or leave some out.")),
    "other": Kind("receiver", N_("Refused without a clear reason"), N_("Read the server's answer.")),
    # our own side: these hold the campaign and suppress nobody
    "unproven": Kind(
        "sender", N_("Sender not proven"), N_("SPF, DKIM or DMARC is not right for your domain."), holds=True
    ),
    "no_ptr": Kind(
        "sender", N_("Mail server has no proper name"), N_("Its address needs a name in DNS (PTR)."), holds=True
    ),
    "sender_refused": Kind(
        "sender", N_("Sender address refused"), N_("The mail server does not let us send as this address."), holds=True
    ),
    "relay_denied": Kind("sender", N_("Mail server does not pass our mail on"), _RELAY, holds=True),
    "auth": Kind(
        "sender", N_("Mail server wants us to log in"), N_("Is the password in POSTILJON_SMTP_URL right?"), holds=True
    ),
    "tls": Kind(
        "sender", N_("Mail server wants encryption"), N_("Set tls=starttls in POSTILJON_SMTP_URL."), holds=True
    ),
    "quota": Kind(
        "sender",
        N_("Sending limit of the mail server reached"),
        N_("Wait until it lets us send again, or ask for more."),
        holds=True,
    ),
    "protocol": Kind(
        "relay", N_("Mail server did not understand us"), N_("Ask whoever runs your mail server to read its log.")
    ),
    # no reply at all
    "handed_back": Kind("nobody", N_("Not sent yet"), N_("It goes out with the next connection.")),
    "in_doubt": Kind(
        "nobody",
        N_("We do not know"),
        N_("The connection was lost after the mail was offered. They may have it, or not."),
    ),
    # events of the relay, and many alike
    "relay_refused": Kind("relay", N_("Mail server refuses us"), _RELAY, holds=True),
    "relay_tls": Kind("relay", N_("No safe connection to the mail server"), _RELAY, holds=True),
    "relay_auth": Kind(
        "relay",
        N_("Mail server does not let us log in"),
        N_("Is the password in POSTILJON_SMTP_URL right?"),
        holds=True,
    ),
    "many_alike": Kind(
        "sender", N_("Many are refused for the same reason"), N_("Look at the answers, then go on or stop.")
    ),
    "outage": Kind(
        "receiver",
        N_("A provider refuses nearly all its addresses"),
        N_("It may be an outage there. Nobody was struck off."),
    ),
}

WORDS: dict[str, Words] = {key: Words(kind.title, kind.advice) for key, kind in KINDS.items()}
