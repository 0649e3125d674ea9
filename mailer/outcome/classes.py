"""The classes of replies, their groups, and their words for users.

A *class* is the subject of a reply (``full``, ``quota``); its *group* determines the decision in
:mod:`mailer.outcome.decide`. ``title`` and ``advice`` are English message ids of the domain ``cli`` (brief 1.4,
"Refused, in words"); they are shown with the server's own sentence, never instead of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from mailer.messages import Message

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


_GONE = Message("No more mail goes there. Change the address if you know the new one.")
_NEXT = Message("We try again with the next campaign.")
_RELAY = Message("Nothing more leaves until this is mended. Ask the administrator of your mail server.")
_WAIT = Message("We try again. You need do nothing.")

KINDS: dict[str, ReplyClass] = {
    "accepted": ReplyClass("accepted", Message("Accepted"), Message("The mail server took it.")),
    # the mailbox, clearly
    "no_address": ReplyClass("clear", Message("Address does not exist"), _GONE),
    "moved": ReplyClass("clear", Message("Address has moved"), _GONE),
    "no_domain": ReplyClass("clear", Message("Domain does not exist"), Message("Is there a typing error in it?")),
    "no_mail_domain": ReplyClass("clear", Message("Domain takes no mail"), _GONE),
    "closed": ReplyClass("clear", Message("Mailbox was closed"), Message("No more mail goes there.")),
    # the mailbox, perhaps
    "unavailable": ReplyClass(
        "unclear",
        Message("Mailbox not available"),
        Message("We try again with the next campaign. If that is refused too, no more mail goes there."),
    ),
    "inactive": ReplyClass(
        "unclear",
        Message("Mailbox is switched off"),
        Message("We try again with the next campaign. If that is refused too, no more mail goes there."),
    ),
    "bad_address": ReplyClass(
        "unclear", Message("Address cannot be written this way"), Message("Is there a typing error in it?")
    ),
    "needs_utf8": ReplyClass(
        "policy",
        Message("Address needs letters that the mail server cannot carry"),
        Message("Ask for another address."),
    ),
    "full": ReplyClass("full", Message("Mailbox is full"), _NEXT),
    # pace
    "speed": ReplyClass("speed", Message("Mail server asks us to go slower"), _WAIT),
    "greylist": ReplyClass("greylist", Message("Server asks us to come back in some minutes"), _WAIT),
    "blocked": ReplyClass(
        "reputation",
        Message("Mail server is on a blocklist"),
        Message("Ask the administrator of your mail server to have it taken off."),
    ),
    "wait": ReplyClass("later", Message("Server asks us to wait"), _WAIT),
    "trouble": ReplyClass("later", Message("Server has trouble"), _WAIT),
    "route": ReplyClass(
        "later",
        Message("No way to the receiver's server"),
        Message("Is the domain right? Else their mail server is down."),
    ),
    # the letter, and the receiver's rules
    "policy": ReplyClass(
        "policy", Message("Refused by the receiver's policy"), Message("Ask their administrator to allow your address.")
    ),
    "spam": ReplyClass(
        "content",
        Message("Taken for spam"),
        Message("Look at the checks of the letter; ask for help if it is more than a few."),
    ),
    "content": ReplyClass(
        "content",
        Message("Letter was refused for what is in it"),
        Message("Read the server's answer; look at links and images."),
    ),
    "too_big": ReplyClass("size", Message("Mail is too big"), Message("Make the images smaller or leave some out.")),
    "other": ReplyClass("unknown", Message("Refused without a clear reason"), Message("Read the server's answer.")),
    # our own side: these hold the campaign and strike no address off
    "unproven": ReplyClass(
        "sender", Message("Sender not proven"), Message("SPF, DKIM or DMARC is not right for your domain.")
    ),
    "no_ptr": ReplyClass(
        "sender", Message("Mail server has no proper name"), Message("Its address needs a name in DNS (PTR).")
    ),
    "sender_refused": ReplyClass(
        "sender", Message("Sender address refused"), Message("The mail server does not let us send as this address.")
    ),
    "account": ReplyClass(
        "sender",
        Message("Account at the mail server may not send"),
        Message("Ask the provider of your mail server what is wrong with the account."),
    ),
    "auth": ReplyClass(
        "sender", Message("Mail server wants us to log in"), Message("Is the password in POSTILJON_SMTP_URL right?")
    ),
    "tls": ReplyClass(
        "relay", Message("Mail server wants encryption"), Message("Set tls=starttls in POSTILJON_SMTP_URL.")
    ),
    "relay_denied": ReplyClass("relay", Message("Mail server does not pass our mail on"), _RELAY),
    "quota": ReplyClass(
        "quota",
        Message("Sending limit of the mail server reached"),
        Message("Wait until it lets us send again, or ask for more."),
    ),
    "protocol": ReplyClass(
        "unknown",
        Message("Mail server did not understand us"),
        Message("Ask the administrator of your mail server to read its log."),
    ),
    # no reply at all
    "handed_back": ReplyClass("none", Message("Not sent yet"), Message("It goes out with the next connection.")),
    "in_doubt": ReplyClass(
        "none",
        Message("We do not know"),
        Message("The connection was lost after the mail was offered. They may have it, or not."),
    ),
    # events of the relay, and several answers together
    "relay_refused": ReplyClass("none", Message("Mail server refuses us"), _RELAY),
    "relay_tls": ReplyClass("none", Message("No safe connection to the mail server"), _RELAY),
    "relay_auth": ReplyClass(
        "none", Message("Mail server does not let us log in"), Message("Is the password in POSTILJON_SMTP_URL right?")
    ),
    "many_alike": ReplyClass(
        "none", Message("Several are refused in the same words"), Message("Read the answer, then go on or stop.")
    ),
    "outage": ReplyClass(
        "none",
        Message("A provider says of many addresses that they do not exist"),
        Message("It may be an outage there. None of them was struck off; the next campaign tries them once."),
    ),
}

HOLDING: frozenset[ClassGroup] = frozenset({"sender", "relay", "quota"})
"""Groups in which one reply holds the campaign: they say nothing about the recipient."""

WORDS: dict[str, ClassWords] = {key: ClassWords(kind.title, kind.advice) for key, kind in KINDS.items()}
