"""Markup without effect that stays visible, each with its correct form. Gives findings, raises nothing.

Only the text that readers see is checked, without links, code and contact tags. Findings are markers without effect,
bullets and fields of other programs, and addresses that are no links. Ordinary prose has none (``50% van de leden``,
``C#``). Each pattern looks at each line of text once; no pattern goes back more than a bounded distance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

from mailer.letter.compile.tree import Element
from mailer.messages import Message

_OTHER = "\ufffc"  # stands for a link, code, a picture or a slot
_FIELDS = (
    "voornaam|achternaam|naam|volledige[_ ]?naam|aanhef|tussenvoegsel|bedrijf|bedrijfsnaam|organisatie|functie|plaats|"
    "woonplaats|"
    "name|first[_ ]?name|f_?name|last[_ ]?name|l_?name|full[_ ]?name|given_?name|family_?name|surname|salutation|"
    "greeting|company|"
    "organi[sz]ation|title|city|email|e-?mail|email_?address|e-?mailadres|unsubscribe|unsubscribe_?(?:link|url)|"
    "uitschrijven|afmelden|afmeldlink|uitschrijflink|webversion|web_?version|subscriber|"
    "vorname|nachname|anrede|firma|abmelden|abmeldelink|prenom|prénom|nom|civilite|civilité|entreprise|desinscription"
)
_MAILCHIMP = re.compile(r"\|[\w:]{1,60}\|")
_NAME = r"[^\W\d][\w.:-]{1,60}"
_ADDRESS = r"(?:https?://|www\.|mailto:)[^\s()\[\]]{1,500}"
_AS_FIELD = Message('{{ contact.NAME | default("…") }} for what is known of a reader')
_AS_LINK = Message("[text](https://…) with nothing between ] and (")
_AS_BOLD = Message("**bold** between two signs, with no space inside them")
_AS_ITEM = Message("- with a space behind it for an item of a list")
_AS_LINE = Message("nothing before it on its line, neither a tag nor a space: else it is ordinary text")
_AS_ROW = Message("a row of a table, with no empty line above it")
_AS_WEB = Message("<https://…> or [text](https://…), so that it is a link")
_AS_MAIL = Message("<name@example.org>, so that it is a link")


class Rule(NamedTuple):
    """A pattern of visible markup, and its correct form; a backslash before ``marker`` marks it as intended."""

    pattern: re.Pattern[str]
    expected: str
    hint: str = ""
    marker: str = ""


def _rule(pattern: str, expected: str, hint: str = "", marker: str = "", flags: int = 0) -> Rule:
    return Rule(re.compile(pattern, flags), expected, hint, marker)


_CASE = re.IGNORECASE
ANYWHERE = (
    _rule(rf"\[[^\[\]]{{1,200}}\][ \t{_OTHER}]{{1,3}}\((?:{_ADDRESS}|{_OTHER})\)", _AS_LINK, marker="["),
    _rule(r"!\[[^\[\]]{0,200}\][ \t]{1,3}\([^()\s]{1,200}\)", _AS_LINK, marker="["),
    _rule(rf"\([^()]{{1,200}}\)\[{_ADDRESS}\]", _AS_LINK, marker="["),
    _rule(r"\[(?!\d)[^\[\]]{1,200}\]\[[^\[\]]{0,200}\]", Message("[text](https://…)"), marker="["),
    _rule(r"\[\^[^\[\]\s]{1,40}\]", Message("a note as ordinary text"), Message("A letter has no footnotes."), "["),
    _rule(rf"(?<![*\w])\*\*(?=[^\W_])[^*\n{_OTHER}]{{1,200}}", _AS_BOLD, marker="*"),
    _rule(rf"[^*\n{_OTHER}]{{0,60}}[^\W\d_](?:[.,:;!?)]|(?=\*\*(?!\w)))\*\*(?!\*)", _AS_BOLD, marker="*"),
    _rule(r"(?<![*\w])\*\*[ \t][^*\n]{1,200}\*\*(?!\*)", _AS_BOLD, marker="*"),
    _rule(r"(?<!\w)__(?=[^\W_])[^_\n]{1,200}(?:__)?", _AS_BOLD, marker="_"),
    _rule(r"~~[^~\n]{1,200}~~", Message("text without ~~"), Message("A letter has no crossed-out text."), "~"),
    _rule(r"(?<![=\w])==(?=[^\s=])[^=\n]{1,200}==", _AS_BOLD, marker="="),
    _rule(r"[^\s`]{0,20}`[^\s`]{0,20}", Message("' for an apostrophe, or ` on both sides of code"), marker="`"),
    _rule(r"\*\|[\w:]{1,60}\|\*", _AS_FIELD, marker="*"),
    _rule(rf"\$?\{{\s?[!$]?{_NAME}(?: \w{{1,30}})?\s?\}}", _AS_FIELD, marker="{"),
    _rule(rf"(?<![\w%])%{_NAME}%(?![\w%])|%%{_NAME}%%", _AS_FIELD, marker="%"),
    _rule(r"\[\[[^\[\]\n]{1,60}\]\]", _AS_FIELD, marker="["),
    _rule(rf"(?<![\w#])#{_NAME}#(?![\w#])", _AS_FIELD, marker="#"),
    _rule(rf"(?<![\w$])\${_NAME}\$(?![\w$])|\[%\s?{_NAME}\s?%\]|<%=?\s?{_NAME}\s?%>|@@{_NAME}@@", _AS_FIELD),
    _rule(rf"<<\s?{_NAME}\s?>>|(?:«\s?|(?<![\w-])-)(?:{_FIELDS})(?:\s?»|-(?![\w-]))", _AS_FIELD, flags=_CASE),
    _rule(rf"\[(?:{_FIELDS})\](?![(\[])", _AS_FIELD, marker="[", flags=_CASE),
    _rule(r"\[[A-Z]{2,}(?:_[A-Z]+)+\]|\[[^\W\d_]\w{1,30}:[^\W\d_]\w{1,30}\]", _AS_FIELD, marker="["),
    _rule(r"\bhttps?(?!://)(?:\s?:\s?//|//|:/)\s?\w\S{1,200}", _AS_WEB),
    _rule(r"(?<![\w@/.-])(?:https?://|www\.(?=[^\W_]))[^\s<>\"“”„]{1,500}[^\W_]/?", _AS_WEB),
    _rule(r"(?<![\w@/.+-])[\w.+-]{1,64}@(?:[^\W_][\w-]{0,62}\.){1,8}[^\W\d_]{2,}", _AS_MAIL),
    _rule(r"&(?:[a-z]{2,10}|#\d{1,6}|#x[0-9a-f]{1,6});", Message("the sign itself"), flags=_CASE),
)
AT_START = (
    _rule(r"#{2,6}[^\s#].*|#{7,}.*", Message("## with a space behind it for a heading"), marker="#"),
    _rule(r"[•·●○▪▫■□◦‣⁃\uf0b7\uf0a7][ \t\u00a0]*\S.*", _AS_ITEM),
    _rule(r"={2,}[ \t]*", Message("## before the text of a heading, or --- for a thin line"), marker="="),
    _rule(r"::[ \t]*(?:button|signature|small)\b.*", Message("::: for a block")),
    _rule(r"\[[ xX]?\][ \t][^(].*", Message("text without a box"), Message("A letter has no boxes to tick."), "["),
)
ALONE = (
    *(_rule(rf"[{sign}]{{1,6}}[ \t]+\S.*", _AS_LINE, marker=sign) for sign in "#-*+>"),
    _rule(r"\|(?:[^|\n]*\|){1,50}", _AS_ROW, marker="|"),
    _rule(r"[-–—_*]{1,2}", Message("--- for a thin line"), marker="-"),
)
"""For the beginning of a line of a paragraph only: a cell may well contain ``–`` or ``> 5``."""
REPEATED = (
    _rule(r"[–—o][ \t\u00a0].*|-[^\W\d_].*|\*[^\W\d_][^*]*", _AS_ITEM),
    _rule(r"[§➢➤►▶✓✔❖◆→»‐‑][ \t\u00a0].*", _AS_ITEM),
    _rule(r"\d{1,9}[.)][ \t]+\S.*", Message("an empty line above the list")),
    _rule(r"\d{1,3}[.)][^\W\d_].*", Message("1. with a space behind it for an item of a list")),
    _rule(r"[a-z][.)][ \t]+\S.*", _AS_ITEM, Message("Letters make no list: the lines run together.")),
    _rule(r"\|?[^|\n]*\|[^|\n]*\|.*", Message("|---|---| under the first row of a table, as many as it has cells")),
)
"""For text that is ordinary once, but meant as a list or table where two lines in a row begin with it."""


class Leftover(NamedTuple):
    """Markup that stays visible, the line of the file, and the rule with its correct form."""

    line: int
    found: str
    rule: Rule


def leftovers(paragraph: Element) -> Iterator[Leftover]:
    """Yield the markup that stays visible in a paragraph, heading or cell."""
    lines = [(line, text.strip()) for line, text in _lines(paragraph)]
    for line, text in lines:
        starts = (*AT_START, *ALONE) if paragraph.kind == "paragraph" else AT_START
        begins = next((rule for rule in starts if rule.pattern.fullmatch(text)), None)
        if begins:
            yield Leftover(line, text, begins)
        told: list[re.Match[str]] = []
        for rule in ANYWHERE:
            match = rule.pattern.search(text)
            if match and not any(match.start() < each.end() and each.start() < match.end() for each in told):
                told.append(match)
                yield Leftover(line, match[0].strip(), rule)
    for rule in REPEATED:
        for (line, text), (_, below) in pairwise(lines):
            if rule.pattern.fullmatch(text) and rule.pattern.fullmatch(below):
                yield Leftover(line, text, rule)
                break


def field_name(word: str) -> bool:
    """Return whether a word is one that other programs use for a contact's field."""
    return bool(re.fullmatch(_FIELDS, word, _CASE))


def _lines(paragraph: Element) -> Iterator[tuple[int, str]]:
    """Yield the lines of a paragraph as readers see them, each with its line of the file."""
    line, text = 0, ""
    for element in _pieces(paragraph):
        if element.kind in ("softbreak", "hardbreak"):
            yield line, text
            line, text = 0, ""
            continue
        line = line or element.line
        text += element.text if element.kind == "text" else _OTHER
    yield line, text


def _pieces(parent: Element) -> Iterator[Element]:
    for child in parent.children:
        if child.kind == "em" and _MAILCHIMP.fullmatch(child.plain()):
            yield replace(child, kind="text", text=f"*{child.plain()}*")  # its asterisks were taken for markup
        elif child.kind in ("strong", "em"):
            yield from _pieces(child)
        elif child.kind not in ("control", "html_inline"):
            yield child
