"""The classes of replies, their groups, and their words for users.

A *class* is the subject of a reply (``full``, ``quota``); its *group* determines the decision in
:mod:`mailer.outcome.decide`. ``title`` and ``advice`` are English message ids of the domain ``cli`` (brief 1.4,
"Refused, in words"); they are shown with the server's own sentence, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

N_ = str  # marks a text for the catalogue (domain cli)

ClassGroup = Literal[
    "accepted",
    "clear",  # the mailbox or its domain does not exist, has moved, is closed or takes no mail
    "unclear",  # about the mailbox, but it may be there
    "sender",  # our address, domain, account or log-in is refused
    "relay",  # the relay does not pass our mail on, or does not understand us
    "quota",  # a limit an hour, a day or a plan has been reached
    "speed",  # too fast
    "greylist",  # greylisted: this letter is to be offered again in some minutes
    "reputation",  # the reputation of our server
    "later",  # a temporary problem of the server
    "full",  # the mailbox is full
    "size",  # the letter is too big
    "content",  # the content of the letter
    "policy",  # a rule of the receiver
    "unknown",  # unrecognised words
    "none",  # no reply of a relay
]


@dataclass(frozen=True, slots=True)
class ReplyClass:
    """One class: its group and its words."""

    group: ClassGroup
    title: str
    advice: str


@dataclass(frozen=True, slots=True)
class ClassWords:
    """The words for the user: the event, and the advice."""

    title: str
    advice: str


_GONE = N_("No more mail goes there. Change the address if you know the new one.")
_NEXT = N_("We try again with the next campaign.")
_RELAY = N_("Nothing more leaves until this is mended. Ask the administrator of your mail server.")
_WAIT = N_("We try again. You need do nothing.")

KINDS: dict[str, ReplyClass] = {
    "accepted": ReplyClass("accepted", N_("Accepted"), N_("The mail server took it.")),
    # the mailbox, clearly
    "no_address": ReplyClass("clear", N_("Address does not exist"), _GONE),
    "moved": ReplyClass("clear", N_("Address has moved"), _GONE),
    "no_domain": ReplyClass("clear", N_("Domain does not exist"), N_("Is there a typing error in it?")),
    "no_mail_domain": ReplyClass("clear", N_("Domain takes no mail"), _GONE),
    "closed": ReplyClass("clear", N_("Mailbox was closed"), N_("No more mail goes there.")),
    # the mailbox, perhaps
    "unavailable": ReplyClass(
        "unclear",
        N_("Mailbox not available"),
        N_("We try again with the next campaign. If that is refused too, no more mail goes there."),
    ),
    "inactive": ReplyClass(
        "unclear",
        N_("Mailbox is switched off"),
        N_("We try again with the next campaign. If that is refused too, no more mail goes there."),
    ),
    "bad_address": ReplyClass(
        "unclear", N_("Address cannot be written this way"), N_("Is there a typing error in it?")
    ),
    "needs_utf8": ReplyClass(
        "policy", N_("Address needs letters that the mail server cannot carry"), N_("Ask for another address.")
    ),
    "full": ReplyClass("full", N_("Mailbox is full"), _NEXT),
    # pace
    "speed": ReplyClass("speed", N_("Mail server asks us to go slower"), _WAIT),
    "greylist": ReplyClass("greylist", N_("Server asks us to come back in some minutes"), _WAIT),
    "blocked": ReplyClass(
        "reputation",
        N_("Mail server is on a blocklist"),
        N_("Ask the administrator of your mail server to have it taken off."),
    ),
    "wait": ReplyClass("later", N_("Server asks us to wait"), _WAIT),
    "trouble": ReplyClass("later", N_("Server has trouble"), _WAIT),
    "route": ReplyClass(
        "later", N_("No way to the receiver's server"), N_("Is the domain right? Else their mail server is down.")
    ),
    # the letter, and the receiver's rules
    "policy": ReplyClass(
        "policy", N_("Refused by the receiver's policy"), N_("Ask their administrator to allow your address.")
    ),
    "spam": ReplyClass(
        "content", N_("Taken for spam"), N_("Look at the checks of the letter; ask for help if it is more than a few.")
    ),
    "content": ReplyClass(
        "content", N_("Letter was refused for what is in it"), N_("Read the server's answer; look at links and images.")
    ),
    "too_big": ReplyClass("size", N_("Mail is too big"), N_("Make the images smaller or leave some out.")),
    "other": ReplyClass("unknown", N_("Refused without a clear reason"), N_("Read the server's answer.")),
    # our own side: these hold the campaign and strike no address off
    "unproven": ReplyClass("sender", N_("Sender not proven"), N_("SPF, DKIM or DMARC is not right for your domain.")),
    "no_ptr": ReplyClass("sender", N_("Mail server has no proper name"), N_("Its address needs a name in DNS (PTR).")),
    "sender_refused": ReplyClass(
        "sender", N_("Sender address refused"), N_("The mail server does not let us send as this address.")
    ),
    "account": ReplyClass(
        "sender",
        N_("Account at the mail server may not send"),
        N_("Ask the provider of your mail server what is wrong with the account."),
    ),
    "auth": ReplyClass(
        "sender", N_("Mail server wants us to log in"), N_("Is the password in POSTILJON_SMTP_URL right?")
    ),
    "tls": ReplyClass("relay", N_("Mail server wants encryption"), N_("Set tls=starttls in POSTILJON_SMTP_URL.")),
    "relay_denied": ReplyClass("relay", N_("Mail server does not pass our mail on"), _RELAY),
    "quota": ReplyClass(
        "quota",
        N_("Sending limit of the mail server reached"),
        N_("Wait until it lets us send again, or ask for more."),
    ),
    "protocol": ReplyClass(
        "unknown",
        N_("Mail server did not understand us"),
        N_("Ask the administrator of your mail server to read its log."),
    ),
    # no reply at all
    "handed_back": ReplyClass("none", N_("Not sent yet"), N_("It goes out with the next connection.")),
    "in_doubt": ReplyClass(
        "none",
        N_("We do not know"),
        N_("The connection was lost after the mail was offered. They may have it, or not."),
    ),
    # events of the relay, and several answers together
    "relay_refused": ReplyClass("none", N_("Mail server refuses us"), _RELAY),
    "relay_tls": ReplyClass("none", N_("No safe connection to the mail server"), _RELAY),
    "relay_auth": ReplyClass(
        "none", N_("Mail server does not let us log in"), N_("Is the password in POSTILJON_SMTP_URL right?")
    ),
    "many_alike": ReplyClass(
        "none", N_("Several are refused in the same words"), N_("Read the answer, then go on or stop.")
    ),
    "outage": ReplyClass(
        "none",
        N_("A provider says of many addresses that they do not exist"),
        N_("It may be an outage there. None of them was struck off; the next campaign tries them once."),
    ),
}

HOLDING: frozenset[ClassGroup] = frozenset({"sender", "relay", "quota"})
"""Groups in which one reply holds the campaign: they say nothing about the recipient."""

WORDS: dict[str, ClassWords] = {key: ClassWords(kind.title, kind.advice) for key, kind in KINDS.items()}
