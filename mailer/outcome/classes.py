"""The classes that a reply can fall into: whose fault, and what follows. A table, and the words for people.

``title`` and ``advice`` are English message ids of the domain ``cli`` (brief 1.4, "Refused, in words"); they are
shown with the server's own sentence, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


_GONE = "No more mail goes there. Change the address if you know the new one."
_NEXT = "We try again with the next campaign."
_RELAY = "Nothing more leaves until this is mended. Ask whoever runs your mail server."

KINDS: dict[str, Kind] = {
    "accepted": Kind("nobody", "Accepted", "The mail server took it."),
    # the address
    "no_address": Kind("recipient", "Address does not exist", _GONE, dead=True),
    "moved": Kind("recipient", "Address has moved", _GONE, dead=True),
    "bad_address": Kind("recipient", "Address cannot be written this way", "Is there a typing error in it?", dead=True),
    "no_domain": Kind("recipient", "Domain does not exist", "Is there a typing error in it?", dead=True),
    "no_mail_domain": Kind("recipient", "Domain takes no mail", _GONE, dead=True),
    "closed": Kind("recipient", "Mailbox was closed", "No more mail goes there.", dead=True),
    "inactive": Kind("recipient", "Mailbox is switched off", _NEXT),
    "full": Kind("recipient", "Mailbox is full", _NEXT),
    "needs_utf8": Kind(
        "recipient", "Address needs letters that the mail server cannot carry", "Ask for another address."
    ),
    # the receiver's side
    "wait": Kind("receiver", "Server asks us to wait", "We try again. You need do nothing."),
    "trouble": Kind("receiver", "Server has trouble", "We try again. You need do nothing."),
    "route": Kind(
        "receiver", "No way to the receiver's server", "Is the domain right? Else their mail server is down."
    ),
    "policy": Kind("receiver", "Refused by the receiver's policy", "Ask their administrator to allow your address."),
    "blocked": Kind(
        "sender", "Mail server is on a blocklist", "Ask whoever runs your mail server to have it taken off."
    ),
    "spam": Kind(
        "content", "Taken for spam", "Look at the checks of the letter; ask for help if it is more than a few."
    ),
    "content": Kind(
        "content", "Letter was refused for what is in it", "Read the server's answer; look at links and images."
    ),
    "too_big": Kind("content", "Mail is too big", "Make the images smaller or leave some out."),
    "other": Kind("receiver", "Refused without a clear reason", "Read the server's answer."),
    # our own side: these hold the campaign and suppress nobody
    "unproven": Kind("sender", "Sender not proven", "SPF, DKIM or DMARC is not right for your domain.", holds=True),
    "no_ptr": Kind("sender", "Mail server has no proper name", "Its address needs a name in DNS (PTR).", holds=True),
    "sender_refused": Kind(
        "sender", "Sender address refused", "The mail server does not let us send as this address.", holds=True
    ),
    "relay_denied": Kind("sender", "Mail server does not pass our mail on", _RELAY, holds=True),
    "auth": Kind(
        "sender", "Mail server wants us to log in", "Is the password in POSTILJON_SMTP_URL right?", holds=True
    ),
    "tls": Kind("sender", "Mail server wants encryption", "Set tls=starttls in POSTILJON_SMTP_URL.", holds=True),
    "quota": Kind(
        "sender",
        "Sending limit of the mail server reached",
        "Wait until it lets us send again, or ask for more.",
        holds=True,
    ),
    "protocol": Kind(
        "relay", "Mail server did not understand us", "Ask whoever runs your mail server to read its log."
    ),
    # no reply at all
    "handed_back": Kind("nobody", "Not sent yet", "It goes out with the next connection."),
    "in_doubt": Kind(
        "nobody", "We do not know", "The connection was lost after the mail was offered. They may have it, or not."
    ),
    # events of the relay, and many alike
    "relay_refused": Kind("relay", "Mail server refuses us", _RELAY, holds=True),
    "relay_tls": Kind("relay", "No safe connection to the mail server", _RELAY, holds=True),
    "relay_auth": Kind(
        "relay", "Mail server does not let us log in", "Is the password in POSTILJON_SMTP_URL right?", holds=True
    ),
    "many_alike": Kind("sender", "Many are refused for the same reason", "Look at the answers, then go on or stop."),
    "outage": Kind(
        "receiver", "A provider refuses nearly all its addresses", "It may be an outage there. Nobody was struck off."
    ),
}

WORDS: dict[str, Words] = {key: Words(kind.title, kind.advice) for key, kind in KINDS.items()}
