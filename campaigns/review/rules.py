"""The rules of ``check`` in plain words: for each kind of fault a title, why it matters, and how to mend it.

Promises: :func:`rule_of` gives a rule for every fault that :mod:`campaigns.lifecycle.preparation`, :mod:`.columns`,
:mod:`.preflight` and :mod:`campaigns.lifecycle.reachability` can give: by the words of the fault where they tell the
kind (:mod:`.rule_words`), else by its field, else by the place that it is in. Pure; nothing raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from campaigns.review import rule_words
from mailer.errors import Fault
from mailer.letter.brand_file import KEYS as BRAND_KEYS
from mailer.messages import Message

Stage = Literal["head", "text", "letter", "people", "setup", "dns"]


@dataclass(frozen=True, slots=True)
class CheckRule:
    """A rule. ``stage``: the part of the examination that looks at it."""

    key: str
    stage: Stage
    title: Message
    why: Message
    how: Message


def _rule(key: str, stage: Stage, title: Message, why: Message, how: Message) -> tuple[str, CheckRule]:
    return key, CheckRule(key, stage, title, why, how)


_HEAD_WHY = Message(
    "Postiljon reads these lines before the text. A line that it does not understand may be a typing error."
)
_LOOK = Message("Look at the line that is named, and write what is expected there.")
RULES: dict[str, CheckRule] = dict(
    [
        _rule(
            "head",
            "head",
            Message("The head of the text"),
            _HEAD_WHY,
            Message("Write one key and its value on each line, between two lines of ---."),
        ),
        _rule(
            "slug",
            "head",
            Message("The short name"),
            Message("The short name is part of addresses, so it has small letters, digits and hyphens alone."),
            _LOOK,
        ),
        _rule(
            "name",
            "head",
            Message("The name of the campaign"),
            Message("Colleagues find the campaign by this name; readers never see it."),
            _LOOK,
        ),
        _rule(
            "subject",
            "head",
            Message("The subject"),
            Message("By the subject people decide whether they open a mail. About 60 characters can be seen."),
            Message("Write a subject that says what the mail brings."),
        ),
        _rule(
            "preheader",
            "letter",
            Message("The preheader"),
            Message("Mail programs show it beside the subject. Without one they show the first words of the mail."),
            Message("Write one sentence of about 100 characters on what the mail brings."),
        ),
        _rule(
            "from",
            "head",
            Message("The sender"),
            Message("People trust a sender that they know, and mail servers check its address."),
            Message("Write a name and an address of your own organisation, such as VNG <info@vng.nl>."),
        ),
        _rule(
            "reply_to",
            "head",
            Message("The address for replies"),
            Message("People reply to a mail. Their replies must reach somebody."),
            Message("Write an address that somebody reads, or leave it empty: then replies go to the sender."),
        ),
        _rule(
            "language",
            "head",
            Message("The language"),
            Message("A screen reader speaks the mail in this language, and its fixed words are in it."),
            Message("Choose the language in which the text is written."),
        ),
        _rule(
            "topic",
            "head",
            Message("The topic"),
            Message("The people who get mail about the topic get this mail, and they opt out of the topic."),
            Message("Choose a topic from the list. A new one is added under Topics."),
        ),
        _rule(
            "layout",
            "head",
            Message("The layout"),
            Message("The layout decides how the mail looks."),
            Message("Choose letter or plain."),
        ),
        _rule(
            "when",
            "head",
            Message("Date and hour"),
            Message("An hour without a time zone, or one that the clock skips, would be a guess."),
            Message("Write the day, the hour and the time zone, such as Europe/Amsterdam."),
        ),
        _rule(
            "segment",
            "head",
            Message("The choice of people"),
            Message("It decides who of the topic gets the mail."),
            _LOOK,
        ),
        _rule(
            "sending",
            "head",
            Message("How it is sent"),
            Message("These lines decide how fast mails leave, and what happens when an answer is lost."),
            _LOOK,
        ),
        _rule(
            "online",
            "head",
            Message("Read online"),
            Message("It decides whether the mail has a page on the web, and who can find it."),
            Message("Choose unlisted, public or none."),
        ),
        _rule(
            "tags",
            "text",
            Message("Personal fields and conditions"),
            Message("A field that cannot be read would be printed as it stands, for everybody to see."),
            Message("Copy the example, and change the name in it. Give a text for people of whom nothing is known."),
        ),
        _rule(
            "links",
            "text",
            Message("Links and buttons"),
            Message("A link must lead somewhere for every reader, and say where it leads."),
            Message("Write the whole address, with https://, and a text that tells where it leads."),
        ),
        _rule(
            "images",
            "text",
            Message("Images"),
            Message("People who do not see an image miss what it shows, and an image elsewhere may change or go."),
            Message("Add the image to this campaign, and describe what it shows between [ and ]."),
        ),
        _rule(
            "blocks",
            "text",
            Message("Blocks and HTML"),
            Message("A block that does not end takes the rest of the text, and HTML cannot be checked for readers."),
            Message("End each block with ::: on a line of its own, and write text in place of HTML."),
        ),
        _rule(
            "signs",
            "text",
            Message("Signs that are left over"),
            Message("Signs such as ** or | mean something here. Where they mean nothing, readers see them."),
            Message("Write the signs as the example shows, or leave them out."),
        ),
        _rule(
            "structure",
            "text",
            Message("Headings, lists and tables"),
            Message("Screen readers find their way by headings, lists and tables that are complete."),
            _LOOK,
        ),
        _rule(
            "size",
            "text",
            Message("Length and weight"),
            Message("Gmail cuts off a heavy mail, with the link to opt out that is at its end."),
            Message("Make it shorter, or put a part on a page and link to that."),
        ),
        _rule(
            "controls",
            "text",
            Message("Signs that cannot be seen"),
            Message("Mail programs show such a sign as a box, or not at all."),
            Message("Delete the word with the sign, and type it again."),
        ),
        _rule(
            "text",
            "text",
            Message("The text"),
            Message("Each word that you write must reach each reader who should see it."),
            Message("Write it as ordinary text, in a paragraph of its own."),
        ),
        _rule(
            "online_words",
            "letter",
            Message("What the page on the web says"),
            Message("Readers on the web are not known, so a personal field needs words for them."),
            Message('Give the field a fallback, such as default("reader").'),
        ),
        _rule(
            "brand",
            "letter",
            Message("Organisation, logo and colours"),
            Message("The law asks for a name and postal address in every mail, and colours must be readable."),
            Message("Ask your administrator to change it under Settings."),
        ),
        _rule(
            "columns",
            "people",
            Message("What is known of people"),
            Message("A field that nobody has shows its fallback to everybody."),
            Message("Correct the name of the field, or the values of these people."),
        ),
        _rule(
            "setup",
            "setup",
            Message("Addresses of this installation"),
            Message("Readers must be able to reach the links in the mail, and to reply."),
            Message("Ask your administrator to change it under Settings."),
        ),
        _rule(
            "mailbox",
            "dns",
            Message("Replies can arrive"),
            Message("Mail servers refuse mail from an address that can get none."),
            Message("Use a sender address at which you get mail."),
        ),
        _rule(
            "authenticated",
            "dns",
            Message("The sender is proven"),
            Message("Mail servers refuse mail, or take it for spam, when SPF, DKIM or DMARC do not fit the sender."),
            Message("Give this sentence to the administrator of your domain."),
        ),
        _rule(
            "dns_away",
            "dns",
            Message("The domain name system answers"),
            Message("Without an answer nobody knows whether the sender is proven."),
            Message("Check again in a few minutes."),
        ),
    ]
)
_BY_FIELD = {
    **dict.fromkeys(("---", "file", "tracking"), "head"),
    **dict.fromkeys(("date", "send_at", "timezone", "send_before", "--at"), "when"),
    **dict.fromkeys(("in_doubt", "rate"), "sending"),
    **dict.fromkeys(("public_url", "contact"), "setup"),
    **dict.fromkeys(BRAND_KEYS - {"name"}, "brand"),
    **dict.fromkeys(("tag",), "tags"),
    **dict.fromkeys(("body",), "text"),
}
TEXTUAL = ("body", "subject", "preheader", "tag", "from")
"""Fields whose faults are told apart by their words."""


def rule_of(fault: Fault, campaign_file: str = "") -> CheckRule:
    """Return the rule of a fault. ``campaign_file``: a fault of another file is one of brand or set-up."""
    if fault.field in TEXTUAL:
        for text in (fault.expected, fault.found):
            if isinstance(text, Message) and (key := rule_words.KEYS.get(text.msgid)):
                return RULES[fault.field if key == "size" and fault.field in RULES else key]
    if campaign_file and fault.file != campaign_file and fault.field not in _BY_FIELD:
        return RULES["brand"]
    key = _BY_FIELD.get(fault.field, fault.field)
    return RULES.get(key) or RULES["brand" if fault.field.startswith(("links.", "words.", "colours")) else "head"]
